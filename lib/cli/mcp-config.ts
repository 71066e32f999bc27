import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { JsonObject } from '../common/json.ts';
import { AppError } from '../errors.ts';

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
 * (mcp.json) has `servers`. A host starts the command in a folder of its own, so places are absolute, and the folder of the settings is
 * named. No token is printed: the command takes AUTH_TOKEN of its settings. Throws `invalid_request` that names every missing file.
 */
export function printedConfig(host: McpHostName, specs: readonly string[], { device, url }: Place): string {
  const missing = specs.filter((place) => !isUrl(place) && !existsSync(place));
  if (missing.length > 0) throw new AppError('invalid_request', `There is no file ${missing.join(', ')}.`);
  const args = [
    // Options of Node itself, such as a loader: the host starts the same Node.
    ...process.execArgv,
    realpathSync(process.argv[1]!), // npx starts a link in its cache
    'mcp',
    ...specs.map(lastingPlace),
    ...(device ? ['--device', ...device] : []),
    ...(url === undefined ? [] : ['--url', url]),
    '--settings',
    process.cwd(),
  ];
  const server: JsonObject = { command: process.execPath, args };
  const config =
    host === 'vscode'
      ? { servers: { 'lite-agent': { type: 'stdio', ...server } } }
      : { mcpServers: { 'lite-agent': server } };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function lastingPlace(place: string): string {
  return isUrl(place) ? place : resolve(place);
}

function isUrl(place: string): boolean {
  return /^https?:\/\//i.test(place);
}
