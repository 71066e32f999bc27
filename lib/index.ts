/**
 * The public API: run the server inside another program, and add kinds of documents, drivers, dialects, models and store
 * engines of your own. `openApp` takes a table of each; `defaults` has the server's own rows.
 */
export { openApp } from './app.ts';
export type { App, AppOptions } from './app.ts';
export { readConfig } from './config.ts';
export type { Config, ConfigSources, Limits } from './config.ts';
export { defaults } from './default-extensions.ts';
export type { Extensions } from './extensions.ts';
export { AppError, ModelError, SpecError } from './errors.ts';
export type { ErrorCode, Fault } from './errors.ts';
export { openLog, quiet } from './log.ts';
export type { Log } from './log.ts';
export type { JsonObject, JsonValue } from './common/json.ts';
export { systemClock } from './common/clock.ts';
export type { Clock } from './common/clock.ts';

// Sessions and their messages.
export type { Message, MessageBody, ToolCall, ToolResult } from './core/message.ts';
export type { Principal } from './core/principal.ts';
export type { Delta, EndReason, NewTask, Session, Subscriber } from './core/session.ts';
export type { SessionConfig } from './core/session-config.ts';
export type { Sessions } from './core/sessions.ts';

// A kind of document is a `KindDefinition`; its tools are `Tool`s.
export { failed } from './core/tool.ts';
export type { CallContext, Connection, Credential, Effect, Tool } from './core/tool.ts';
export type {
  CompiledSpec,
  CompileOptions,
  KindDefinition,
  KindNames,
  OpenspecKind,
} from './openspec/kind.ts';
export type { SimulateOptions, Simulation } from './simulate/simulation.ts';

// A driver is a row of a `DriverTable`; its connections go through `Egress`.
export type { DriverByName, DriverContext, Drivers, DriverTable } from './drivers/drivers.ts';
export type { Egress } from './drivers/egress.ts';

// A model is opened by a `ModelProvider`.
export type { Model, ModelConfig, ModelMessage, ModelReply, ModelRequest } from './core/model.ts';
export type { ReplyOptions, ToolOffer } from './core/model.ts';
export type { ModelProvider, ProviderContext } from './models/provider.ts';

// A dialect is a `Dialect`; it mounts `Route`s and `SocketRoute`s, and asks whether the caller may do what a call does.
export type { Dialect, Parts } from './dialects/dialect.ts';
export { may, requirePermission } from './accounts/permissions.ts';
export type { Action } from './accounts/permissions.ts';
export { route } from './server/mount.ts';
export type { Call, FormattedError, Mount, Route } from './server/mount.ts';
export type { Peer, Receiver, SocketRoute } from './server/socket.ts';

// A store engine is an `Engine`.
export type { Engine, EngineFault, EngineOptions, RowLocks, TableStyle, Wakeups } from './store/engine.ts';
