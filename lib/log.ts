import { openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DestinationStream, StreamEntry } from 'pino';
import { createPrivateFolder, PRIVATE_FILE_MODE } from './common/private-files.ts';
import { AppError, messageOf } from './errors.ts';
import { blotSecrets } from './secrets.ts';
import type { LogLevel } from './settings.ts';

/**
 * The log of the server: fields, then a text, as pino takes them. Never throws. Secrets in fields and texts are replaced. An
 * Error among the fields is written with its stack and its causes.
 */
export interface Log {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** A log with its destinations. */
export interface OpenLog extends Log {
  /** Resolves when every line is written. */
  close(): Promise<void>;
}

/** The level of a log, and its destinations. */
export interface LogOptions {
  level: LogLevel;
  /** A file that gets every line as JSON, too. Its folder is created. */
  file?: string | undefined;
  /** Writes lines in colour, for people, instead of JSON. */
  pretty?: boolean;
  /** The destination of lines, instead of stderr. */
  stream?: DestinationStream;
}

/** Opens a log of JSON lines on stderr, and in a file if there is one. Throws an AppError when the file cannot be opened. */
export async function openLog({ level, file, pretty = false, stream }: LogOptions): Promise<OpenLog> {
  if (level === 'silent') return quiet;
  const { pino } = await import('pino');
  // Synchronous: the last lines before a crash are written.
  const plain = stream ?? pino.destination({ dest: 2, sync: true });
  const screen = pretty ? await prettyStream(plain) : plain;
  const streams: StreamEntry[] = [{ level, stream: screen }];
  const disk = file === undefined ? undefined : pino.destination({ fd: openFile(file), sync: false });
  if (disk !== undefined) {
    // A full disk must not end the server. The lines still come to stderr.
    disk.on('error', (error: Error) => {
      screen.write(
        `${JSON.stringify({ level: 'error', message: `LOG_FILE cannot be written: ${error.message}` })}\n`,
      );
    });
    streams.push({ level, stream: disk });
  }
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: (value: unknown) => value }, // errors are plain fields by then
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.multistream(streams),
  );
  const write = (at: Exclude<LogLevel, 'silent'>) => {
    if (!logger.isLevelEnabled(at)) return () => {};
    return (fields: object, text: string) => logger[at](safeFields(fields, 0), scrub(text));
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    close: async () => {
      if (disk === undefined) return;
      await new Promise<void>((resolve) => {
        disk.once('close', resolve);
        // A file that cannot be written has nothing more to wait for.
        disk.once('error', () => resolve());
        disk.end();
      });
    },
  };
}

/** A log that writes nothing. */
export const quiet: OpenLog = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  close: async () => {},
};

/** Opens the file for more lines. Only the server's user may read it. */
function openFile(file: string): number {
  try {
    createPrivateFolder(dirname(file));
    return openSync(file, 'a', PRIVATE_FILE_MODE);
  } catch (error) {
    throw new AppError('invalid_request', `LOG_FILE ${file} cannot be opened: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** A line on a terminal is one line for people: the message of a request has its method and path, and LOG_FILE has all fields. */
const prettyOptions = {
  colorize: true,
  singleLine: true,
  ignore: 'trace_id,client_ip,method,path',
  messageKey: 'message',
  translateTime: 'SYS:HH:MM:ss.l',
} as const;

async function prettyStream(destination: DestinationStream): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty');
  const prettify = prettyFactory(prettyOptions);
  return { write: (line) => destination.write(prettify(line) ?? line) };
}

/** Names of fields whose values are secrets. */
const secretName =
  /^(.*authorization|(set-)?cookie|.*api[-_]?key|.*token|.*secret|passw(or)?d|.*credentials?|ticket)$/i;

/** The forms of secrets in texts that nobody knows as secrets, beside those of secrets.ts: credentials in a header, a URL or a query, and keys of model vendors. */
const secretText: readonly [RegExp, string][] = [
  [/\b(Bearer|Basic) +[\w.~+/=-]+/gi, '$1 [secret]'],
  [/(\w:\/\/)[^/?#@\s"]+@/g, '$1[secret]@'],
  [/([?&](?:ticket|\w*token|\w*key|secret|password)=)[^&#\s"]+/gi, '$1[secret]'],
  [/\b(bearer\.|sk-)[\w-]{8,}/g, '$1[secret]'],
];

/** A text without known secrets, and without what looks like one. */
function scrub(text: string): string {
  return secretText.reduce((clean, [pattern, instead]) => clean.replace(pattern, instead), blotSecrets(text));
}

/** Deeper values are cut, so that a value that leads to itself has an end. */
const DEPTH_MAX = 8;

/** A copy without secrets, at most eight levels deep, that can always be written as JSON. */
function safeOf(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
    return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEPTH_MAX) return '…';
  if (Array.isArray(value)) return value.map((item) => safeOf(item, depth + 1));
  if (value instanceof Date || value instanceof URL) return scrub(String(value));
  return safeFields(value, depth + 1);
}

/** The fields of an object. The name, message, stack and cause of an error are no keys of it, and are added. */
function safeFields(source: object, depth: number): Record<string, unknown> {
  const own = ['name', 'message', 'stack', 'cause'].filter(
    (name) => source instanceof Error && name in source,
  );
  const names = new Set([...own, ...Object.keys(source)]);
  return Object.fromEntries([...names].map((name) => [name, safeField(source, name, depth)]));
}

/** One field. A getter that throws does not cost the line. */
function safeField(source: object, name: string, depth: number): unknown {
  if (secretName.test(name)) return '[secret]';
  try {
    return safeOf(Reflect.get(source, name), depth);
  } catch (error) {
    return `[unreadable: ${messageOf(error)}]`;
  }
}
