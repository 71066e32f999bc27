import { setTimeout as delay } from 'node:timers/promises';
import { InvalidArgumentError, type Command } from 'commander';
import type { JsonObject, JsonValue } from '../common/json.ts';
import { startPeriodic } from '../common/periodic.ts';
import type { ToolResult } from '../core/message.ts';
import { createToolbox, type CheckedCall, type Toolbox } from '../core/toolbox.ts';
import { AppError } from '../errors.ts';
import { parseArguments } from './arguments.ts';
import { credentialsOf, credentialsShape } from './credentials.ts';
import { openDeviceOrDocument } from './device-document.ts';
import { print, type Io } from './io.ts';
import { readingOf, type Reading } from './reading.ts';
import { nextSignal } from './signals.ts';
import { unreachableHint } from './unreachable-hint.ts';
import { openWatchView, type WatchLine } from './watch-view.ts';

/** The options of `watch`. */
export interface WatchOptions {
  /** Milliseconds between two rounds. */
  every?: number;
  /** Rounds; without end when missing. */
  count?: number;
  /** The address of the device in the place of the document's own. */
  server?: string;
  credentials?: string;
  json?: boolean;
}

/** Adds `watch`: live values of tools that read. */
export function addWatch(program: Command): void {
  program
    .command('watch')
    .description(
      'read values again and again, and show them live; tools that may change a device are refused',
    )
    .argument(
      '<spec>',
      'a file, - for standard input, an http(s) URL (also of a JSON-RPC endpoint), or the name of a device that the server knows',
    )
    .argument('<tools...>', 'the names of tools; the arguments of a tool follow its name as a JSON object')
    .option('--every <time>', 'the time between two readings: 500ms, 1s, 2m', durationOf, 1000)
    .option('--count <n>', 'end after this number of readings; without this option Ctrl-C ends it', countOf)
    .option(
      '--server <url>',
      "the address of the device (base URL, or host:port) instead of the document's own",
    )
    .option('--credentials <json>', credentialsShape)
    .option('--json', 'print one JSON value a line: {"time","name","arguments","result","value","unit"}')
    .action(async (place: string, words: string[], options: WatchOptions) => {
      const stop = new AbortController();
      const { signal, cancel } = nextSignal();
      void signal.then(() => stop.abort(new AppError('stopped', 'Stopped.')));
      try {
        process.exitCode = await runWatch(place, words, options, process, stop.signal);
      } finally {
        cancel();
      }
    });
}

/** While a reading hangs, a terminal shows the age of the last value so often. */
const AGE_EVERY_MS = 1000;

/** One tool that is watched: its checked call, its last successful reading (`before`), and its last reading. */
interface Watched {
  /** The name of the tool, with its arguments where it has any. */
  label: string;
  call: CheckedCall;
  before: Reading | undefined;
  beforeAt: Date | undefined;
  /** Also a failed one; undefined before the first reading. */
  last: Reading | undefined;
}

/**
 * Shows readings until `signal` aborts or `count` rounds are done. A failed reading is shown, and the rounds go on. Returns
 * the exit code: 1 when the last reading of a tool failed. Throws an AppError for a tool that writes or does not exist, for
 * bad arguments, and when the document cannot be used.
 */
export async function runWatch(
  place: string,
  words: readonly string[],
  options: WatchOptions,
  io: Io,
  signal: AbortSignal,
): Promise<number> {
  const { every = 1000, count = Number.POSITIVE_INFINITY, server, json = false } = options;
  const connection = { ...(server === undefined ? {} : { server }), ...credentialsOf(options.credentials) };
  const document = await openDeviceOrDocument(place, connection, signal);
  try {
    const { spec, limits } = document;
    const sources = [{ tools: spec.tools, connection: document.connection }];
    const toolbox = createToolbox(sources, { resultMaxBytes: limits.toolResultMaxBytes });
    const watched = await Promise.all(callsOf(words).map((call) => watchedOf(call, toolbox)));
    const view = openWatchView(io.stdout);
    const started = performance.now();
    const read = (call: CheckedCall): Promise<ToolResult> =>
      toolbox.send(call, { signal, timeoutMs: limits.callTimeoutMs });
    const showAges =
      json || io.stdout.isTTY !== true
        ? undefined
        : (lines: readonly WatchLine[]) => print(io.stdout, view(lines));
    for (let round = 1; round <= count && !signal.aborted; round++) {
      const lines = await readRound(watched, read, showAges);
      // A reading that was aborted has no value; it is not shown.
      if (signal.aborted) break;
      const text = json ? lines.map((line) => `${JSON.stringify(line.json)}\n`).join('') : view(lines);
      await print(io.stdout, text);
      if (round < count) await nextTurn(started, every, signal);
    }
    const failures = watched.flatMap(({ last }) => (last !== undefined && 'error' in last ? [last] : []));
    // A reading is shown in one line, so that the advice comes once, at the end.
    const hints = failures.map(({ code = '', error }) =>
      unreachableHint({ error: { code, detail: error } }, place),
    );
    const hint = hints.find((text) => text !== undefined);
    if (hint !== undefined) process.stderr.write(`${hint}\n`);
    return failures.length > 0 ? 1 : 0;
  } finally {
    await document.close();
  }
}

/** Reads every tool once. While a reading is under way, `showAges` gets all lines from time to time. */
async function readRound(
  watched: readonly Watched[],
  read: (call: CheckedCall) => Promise<ToolResult>,
  showAges: ((lines: readonly WatchLine[]) => Promise<void>) | undefined,
): Promise<(WatchLine & { json: JsonObject })[]> {
  // The lines that `showAges` shows; each reading that is done takes the place of its line.
  const lines: WatchLine[] = watched.map(({ label, before, beforeAt }) => ({
    label,
    time: new Date(),
    reading: undefined,
    before,
    beforeAt,
  }));
  const work = async (): Promise<void> => {
    const time = new Date();
    await showAges?.(lines.map((line) => (line.reading ? line : { ...line, time })));
  };
  const ages = startPeriodic({ pauseMs: AGE_EVERY_MS, work, onError: () => undefined }); // the last print has the error, too
  try {
    return await Promise.all(
      watched.map(async (one, at) => {
        const result = await read(one.call);
        const time = new Date();
        const reading = readingOf(result);
        const line = (lines[at] = { ...lines[at]!, time, reading });
        one.last = reading;
        if (!('error' in reading)) Object.assign(one, { before: reading, beforeAt: time });
        const { tool, arguments: args } = one.call;
        const said = 'error' in reading ? {} : reading;
        return {
          ...line,
          json: { time: time.toISOString(), name: tool.name, arguments: args, result, ...said },
        };
      }),
    );
  } finally {
    await ages.stop();
  }
}

/** Waits for the next multiple of `every`: a slow reading skips some. The timer keeps the process alive, as nothing else may. */
async function nextTurn(started: number, every: number, signal: AbortSignal): Promise<void> {
  const left = every - ((performance.now() - started) % every);
  try {
    await delay(left, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The named tools, each with the arguments that follow it. */
function callsOf(words: readonly string[]): { name: string; args: JsonValue; shown: string }[] {
  const calls: { name: string; args: JsonValue; shown: string }[] = [];
  for (const word of words) {
    const last = calls.at(-1);
    // A word that begins as JSON is the arguments of the tool before it; no tool has such a name.
    if (!/^\s*[{["]/.test(word)) calls.push({ name: word, args: {}, shown: '' });
    else if (last === undefined) {
      throw new AppError('invalid_request', `a tool's name comes first, then its arguments: ${word}`);
    } else Object.assign(last, { args: parseArguments(word), shown: word });
  }
  return calls;
}

/** A tool with its checked arguments. Throws `invalid_request` for a tool that may write, and for wrong arguments. */
async function watchedOf(
  { name, args, shown }: ReturnType<typeof callsOf>[number],
  toolbox: Toolbox,
): Promise<Watched> {
  const checked = await toolbox.check({ callId: 'watch', name, arguments: args });
  if ('answered' in checked) {
    const reading = readingOf(checked.answered);
    throw new AppError('invalid_request', 'error' in reading ? reading.error : `${name} cannot be watched`);
  }
  const { tool } = checked.ready;
  if (tool.effect === 'write') {
    throw new AppError(
      'invalid_request',
      `${name} may change the device (${tool.operation}): watch only reads. Call it once with "lite-agent call"; ` +
        'if it does only read, say so in the document: "x-lite-agent-effect": "read".',
    );
  }
  const label = shown === '' || shown === '{}' ? name : `${name} ${shown}`;
  return { label, call: checked.ready, before: undefined, beforeAt: undefined, last: undefined };
}

/** Milliseconds. Throws an error that commander shows with the option's name. */
function durationOf(text: string): number {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  const ms = Number(digits) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm'];
  if (!(ms >= 10 && ms <= 86_400_000)) {
    throw new InvalidArgumentError('A time is 10ms to 1440m, as in 500ms, 1s, 2m.');
  }
  return ms;
}

/** Throws an error that commander shows with the option's name. */
function countOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('A count is a whole number from 1.');
  return Number(text);
}
