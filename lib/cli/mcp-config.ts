import { resolve } from 'node:path';
import type { JsonObject } from '../common/json.ts';

/** The hosts whose settings `mcp --print-config` knows. */
export const mcpHosts = ['claude', 'cursor', 'vscode'] as const;
/** One of these hosts. */
export type McpHostName = (typeof mcpHosts)[number];

/** The devices, and the server that knows them. */
interface Place {
  device?: string[];
  url?: string;
}

/**
 * The lines for the settings of a host: Claude Desktop (claude_desktop_config.json) and Cursor (mcp.json) have `mcpServers`, VS Code
 * (mcp.json) has `servers`. A host starts the command in a folder of its own, so places are absolute. No token is printed: the
 * command takes AUTH_TOKEN of its settings.
 */
export function printedConfig(host: McpHostName, specs: readonly string[], { device, url }: Place): string {
  const args = [
    ...process.execArgv,
    resolve(process.argv[1] ?? 'lite-agent'),
    'mcp',
    ...specs.map(lastingPlace),
    ...(device ? ['--device', ...device] : []),
    ...(url === undefined ? [] : ['--url', url]),
  ];
  const server: JsonObject = { command: process.execPath, args };
  const config =
    host === 'vscode'
      ? { servers: { 'lite-agent': { type: 'stdio', ...server } } }
      : { mcpServers: { 'lite-agent': server } };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function lastingPlace(place: string): string {
  return /^https?:\/\//i.test(place) ? place : resolve(place);
}
