import type { Command } from 'commander';
import { formatExactly, parseExactly } from '../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { ToolResult } from '../core/message.ts';
import { createToolbox } from '../core/toolbox.ts';
import { AppError } from '../errors.ts';
import { parseArguments } from './arguments.ts';
import { credentialsOf, credentialsShape } from './credentials.ts';
import { callDevice, type DeviceCallPlace } from './device-call.ts';
import { isDeviceName } from './device-document.ts';
import { openOwnDocument } from './document.ts';
import { print, type Io } from './io.ts';
import { hasColors, paint } from './show.ts';
import { nextSignal } from './signals.ts';
import { createSpinner } from './spinner.ts';
import { unreachableHint } from './unreachable-hint.ts';

/** The options of `call`. */
export interface CallOptions extends DeviceCallPlace {
  /** The address of the device in the place of the document's own; not for a registered device. */
  server?: string;
  /** JSON with a credential for each security scheme, or the seed's `{"type","apiKey"}`. */
  credentials?: string;
  json?: boolean;
}

/** The words at the first Ctrl-C. */
const STOPPING =
  'Stopping. A call that has left is awaited, so that its outcome is known; Ctrl-C again ends at once.\n';

/** Adds `call`: one call of one tool, without a model. */
export function addCall(program: Command): void {
  program
    .command('call')
    .description(
      'call one tool of a document, or of a device that the server knows, once and without a model',
    )
    .argument(
      '<spec>',
      'a file, - for standard input, an http(s) URL (also of a JSON-RPC endpoint), or the name of a device that the server knows',
    )
    .argument('<tool>', 'the name of a tool, as `lite-agent tools` shows it')
    .argument('[arguments]', 'the arguments of the tool as a JSON object', '{}')
    .option(
      '--server <url>',
      "the address of the device (base URL, or host:port) instead of the document's own",
    )
    .option('--credentials <json>', credentialsShape)
    .option('--url <url>', 'for a device: a running server; without this option the command starts its own')
    .option('--token <token>', 'the access token for it; AUTH_TOKEN of the settings by default')
    .option('--dry-run', 'for a device: show what a write would send, and send nothing')
    .option('--json', 'print one JSON value: {"name","arguments","result"}')
    .action(async (place: string, tool: string, given: string, options: CallOptions) => {
      const stop = new AbortController();
      const { signal, cancel } = nextSignal();
      // A call that is on the wire may finish, so that its outcome is known.
      const spinner = createSpinner(process.stderr, 'until the device answers');
      void signal.then(() => {
        spinner.clear();
        process.stderr.write(STOPPING);
        stop.abort(new AppError('stopped', 'Stopped.'));
      });
      spinner.start();
      try {
        process.exitCode = await runCall(place, tool, given, options, process, stop.signal);
      } finally {
        spinner.stop();
        cancel();
      }
    });
}

/**
 * Checks the arguments, calls a tool as the server would, and shows the result. Returns the exit code: 1 when the result has
 * an `error`. Throws an AppError when the document or the options cannot be used.
 */
export async function runCall(
  place: string,
  name: string,
  given: string,
  options: CallOptions,
  io: Io,
  signal: AbortSignal,
): Promise<number> {
  if (isDeviceName(place)) {
    refuseForDevice(place, options);
    const args = parseArguments(given);
    // Through a server, so that its rules, its limits and its audit log hold for this call as for any other.
    const result = await callDevice(place, name, args, options);
    return showCall({ place, name, args, result }, options, io);
  }
  refuseForDocument(place, options);
  const { server } = options;
  const connection = { ...(server === undefined ? {} : { server }), ...credentialsOf(options.credentials) };
  const document = await openOwnDocument(place, connection, signal);
  try {
    const { spec, limits } = document;
    const sources = [{ tools: spec.tools, connection: document.connection }];
    const toolbox = createToolbox(sources, { resultMaxBytes: limits.toolResultMaxBytes });
    const call = { callId: 'call', name, arguments: parseArguments(given) };
    const checked = await toolbox.check(call);
    const result =
      // Wrong arguments are answered by the check: nothing is sent.
      'answered' in checked
        ? checked.answered
        : await toolbox.send(checked.ready, { signal, timeoutMs: limits.callTimeoutMs });
    return await showCall({ place, name, args: call.arguments, result }, options, io);
  } finally {
    await document.close();
  }
}

/** Prints a call that was made, and returns the exit code. */
async function showCall(
  { place, name, args, result }: { place: string; name: string; args: JsonValue; result: ToolResult },
  { json = false }: CallOptions,
  io: Io,
): Promise<number> {
  const text = json ? JSON.stringify({ name, arguments: args, result }) : showResult(result, io.stdout);
  await print(io.stdout, `${text}\n`);
  const hint = unreachableHint(result, place);
  if (hint !== undefined) process.stderr.write(`${hint}\n`);
  return result['error'] === undefined ? 0 : 1;
}

/** Throws for options that a registered device has itself. */
function refuseForDevice(place: string, { server, credentials }: CallOptions): void {
  if (server === undefined && credentials === undefined) return;
  throw new AppError(
    'invalid_request',
    `"${place}" is no file, and as a device that the server knows it has an address and keys of its own: leave --server and --credentials out.`,
  );
}

/** Throws for options that only a registered device has. */
function refuseForDocument(place: string, { url, token, dryRun }: CallOptions): void {
  if (url === undefined && token === undefined && dryRun === undefined) return;
  throw new AppError(
    'invalid_request',
    `--url, --token and --dry-run are for devices that the server knows, and ${place} is a document.`,
  );
}

/** A result for people: a JSON body on several lines, and a line for each other field. */
function showResult(result: ToolResult, stdout: Io['stdout']): string {
  const colors = hasColors(stdout);
  const { body, error, ...rest } = result;
  const lines = Object.entries(rest).map(
    ([key, value]) => `${paint('gray', `${key}:`, colors)} ${shown(value)}`,
  );
  if (body !== undefined) lines.push(typeof body === 'string' ? laidOut(body) : shown(body));
  if (isObject(error)) lines.push(...errorLines(error, colors));
  return lines.join('\n');
}

/** The lines of an error. Its text is in `message`, over Modbus in `detail`. */
function errorLines({ code, message, detail, effect, ...more }: JsonObject, colors: boolean): string[] {
  const fate = effect === 'unknown' ? 'it may have happened: look at the device' : 'nothing happened';
  const details = Object.entries(more).map(([key, value]) => `  ${key}: ${shown(value)}`);
  return [
    `${paint('red', `error ${shown(code)}:`, colors)} ${shown(message ?? detail)} (${fate})`,
    ...details,
  ];
}

/** A text as it is, any other value as JSON. */
function shown(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

/** A body that is JSON, indented, with each of its digits. One that is none, or was cut, is shown unchanged. */
function laidOut(body: string): string {
  const value = parseExactly(body);
  return value === undefined ? body : formatExactly(value, 2);
}
