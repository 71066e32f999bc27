import { aideer } from './aideer/aideer.ts';
import { chat } from './chat/chat.ts';
import { builtConsole } from './console/console.ts';
import { devices } from './devices/devices.ts';
import type { Dialect, Parts } from './dialect.ts';
import { liteagent } from './liteagent/liteagent.ts';
import { llmops } from './llmops/llmops.ts';
import { mcp } from './mcp/mcp.ts';
import { metricsDialect } from './metrics/metrics.ts';
import { objects } from './objects/objects.ts';
import { openai } from './openai/openai.ts';

/** All dialects. Each has paths of its own. */
export const dialects: readonly Dialect<keyof Parts>[] = [
  liteagent,
  devices,
  mcp,
  openai,
  llmops,
  chat,
  aideer,
  objects,
  metricsDialect,
  builtConsole,
];
