import { basename } from 'node:path';
import { Option, type Command } from 'commander';
import { readConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { callServer } from './call-server.ts';
import { definitionOf } from './device.ts';
import { isDeviceName } from './device-document.ts';
import { mcpHosts, printedConfig, type McpHostName } from './mcp-config.ts';
import { bridge } from './mcp-bridge.ts';
import { onOwnDatabase, openOwnServer, privately, type OwnServer } from './server.ts';
import { nextSignal } from './signals.ts';

/** The options of `mcp`. */
export interface McpOptions {
  /** Devices that the server knows; missing: all of them. */
  device?: string[];
  /** A running server; missing: one of this process. */
  url?: string;
  token?: string;
  /** The folder of `.env` and of the data. */
  settings?: string;
  /** Prints the lines for this host, and serves nothing. */
  printConfig?: McpHostName;
}

/** Adds `mcp`: an MCP server on standard input and output. */
export function addMcp(program: Command): void {
  program
    .command('mcp')
    .description(
      'serve the tools of documents, or of devices that the server knows, to an MCP host on standard input and output',
    )
    .argument('[spec...]', 'documents: files or http(s) URLs; without any, the devices that the server knows')
    .option('--device <name...>', 'only these devices that the server knows')
    .option('--url <url>', 'for devices: a running server; without this option the command starts its own')
    .option('--token <token>', 'the access token for it; AUTH_TOKEN of the settings by default')
    .option('--settings <folder>', 'the folder of .env and of the data; the present one by default')
    .addOption(
      new Option('--print-config <host>', 'print the lines for the settings of a host').choices(mcpHosts),
    )
    .action(async (specs: string[], options: McpOptions) => {
      if (options.settings !== undefined) goToFolder(options.settings);
      refuseBoth(specs, options);
      if (options.printConfig) process.stdout.write(printedConfig(options.printConfig, specs, options));
      else await serve(specs, options);
    });
}

/** Goes to the folder of the settings: relative places start there. */
function goToFolder(folder: string): void {
  try {
    process.chdir(folder);
  } catch (cause) {
    throw new AppError('invalid_request', `--settings: there is no folder ${folder}.`, { cause });
  }
}

/** Serves until standard input ends, or a signal comes. Standard output carries nothing but the protocol. */
async function serve(specs: readonly string[], options: McpOptions): Promise<void> {
  const stop = nextSignal();
  let own: OwnServer | undefined;
  try {
    if (options.url === undefined) own = await openOwnServer(specs.length > 0 ? privately : onOwnDatabase);
    const address = own?.url ?? options.url!;
    // Only the documents of the command line, or the devices that are named; without either all that the server knows.
    const devices = specs.length > 0 ? await registerAll(address, specs) : options.device;
    // `/mcp` is beside `/api`, and not below it.
    const url = new URL(`${address.replace(/\/+$/, '').replace(/\/api$/, '')}/mcp`);
    if (devices) url.searchParams.set('devices', devices.join(','));
    const token = own ? undefined : (options.token ?? readConfig().authToken);
    await bridge(url, token, stop.signal);
  } finally {
    await own?.close();
    stop.cancel();
  }
}

/** Registers the documents as devices of a server of this process, which keeps nothing. Returns their names. */
async function registerAll(url: string, specs: readonly string[]): Promise<string[]> {
  const names: string[] = [];
  for (const place of specs) {
    const name = nameFor(place, names);
    await callServer({ url }, 'POST', '/devices', await definitionOf(name, place, {}));
    names.push(name);
  }
  return names;
}

/** A name of a device that is made from the name of its document. */
function nameFor(place: string, taken: readonly string[]): string {
  const plain = basename(place)
    .replace(/\.\w+$/, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 40);
  const wanted = plain === '' ? 'device' : plain;
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    if (!taken.includes(name)) return name;
  }
}

/** Throws for documents together with options of devices, and for `-`: standard input carries the protocol. */
function refuseBoth(specs: readonly string[], { device, url, token }: McpOptions): void {
  if (specs.includes('-'))
    throw new AppError('invalid_request', 'Standard input carries the protocol: name a file or a URL.');
  const named = specs.filter(isDeviceName);
  if (named.length > 0)
    throw new AppError(
      'invalid_request',
      `There are no files ${named.join(', ')}. For devices that the server knows, write --device ${named.join(' ')}.`,
    );
  if (specs.length === 0 || (device === undefined && url === undefined && token === undefined)) return;
  throw new AppError(
    'invalid_request',
    '--device, --url and --token are for devices that the server knows. Register the documents first: `lite-agent device add NAME SPEC`.',
  );
}
