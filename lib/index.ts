/** The public API: run the server inside another program, or add a kind of document, a model or a dialect of one's own. */
export { openApp } from './app.ts';
export type { App } from './app.ts';
export { readConfig } from './config.ts';
export type { Config, ConfigSources, Limits } from './config.ts';
export { AppError, ModelError, SpecError } from './errors.ts';
export type { ErrorCode, Fault } from './errors.ts';
export { openLog } from './log.ts';
export type { Log } from './log.ts';
export type { JsonObject, JsonValue } from './common/json.ts';
export type { Message, MessageBody, ToolCall, ToolResult } from './core/message.ts';
export type { Model, ModelReply, ModelRequest } from './core/model.ts';
export type { Session } from './core/session.ts';
export type { SessionConfig } from './core/session-config.ts';
export type { Sessions } from './core/sessions.ts';
export type { CallContext, Tool } from './core/tool.ts';
export { defaultDrivers, defaultKinds } from './defaults.ts';
export type { DriverByName, DriverContext, Drivers, DriverTable } from './drivers/drivers.ts';
export type {
  CompiledSpec,
  CompileOptions,
  KindDefinition,
  KindNames,
  OpenspecKind,
} from './openspec/kind.ts';
export type { Dialect } from './dialects/dialect.ts';
