import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { AppError, messageOf, type Fault } from './errors.ts';
import { envNameOf, limits, logLevels, type LogLevel } from './settings.ts';

/** The settings, read once at start (contract 0). Everything else gets them as plain values. */
export interface Config {
  host: string;
  port: number;
  /** Whether `host` can only be reached from this machine; most defaults follow from it. */
  loopback: boolean;
  /** `sqlite:<absolute file>`, `sqlite::memory:` or `postgres://…`. */
  databaseUrl: string;
  /** How much SQLite waits for the disk at a commit. */
  sqliteSynchronous: 'normal' | 'full';
  /** After how many days what has ended is deleted; never when undefined. */
  retentionDays: number | undefined;
  /** Absolute. */
  dataDir: string;
  /** The model of .env: without base URL and key it is the offline demo model. A key alone means OpenAI's base URL. */
  model: { baseUrl: string | undefined; apiKey: string | undefined; model: string };
  auth: 'none' | 'required';
  authToken: string | undefined;
  /** What access tokens are signed with, the first, and what else is accepted; none: made at first start and kept in `dataDir`. */
  jwtSecrets: readonly string[];
  /** The providers to sign in at. */
  providers: Partial<Record<'jaccount' | 'github' | 'google', { clientId: string; clientSecret: string }>>;
  /** Where browsers may be sent after that: exactly these. */
  returnUrls: readonly string[];
  /** Gets `{"telephone","text","code"}`; missing: codes are in the log. */
  smsWebhookUrl: string | undefined;
  /** What stored secrets are sealed with; missing: made at first start and kept in `dataDir`. */
  secretKey: string | undefined;
  /** Origins as browsers send them, e.g. `https://panel.example:8443`. */
  allowedOrigins: readonly string[];
  egressAllow: readonly string[];
  egressDeny: readonly string[];
  serialAllow: readonly string[];
  logLevel: LogLevel;
  logFile: string | undefined;
  /** Without a slash at its end. */
  publicUrl: string | undefined;
  trustedProxies: readonly string[];
  /** Whether answers of the LLMOps dialect have the HTTP status of their code, or always 200. */
  llmopsHttpStatus: 'code' | 'always200';
  /** Whether the agent answers in threads unasked. */
  threadAutoReply: boolean;
  limits: Limits;
}

/** Every limit, named with its unit; the env name is the same in upper snake case (`initMaxBytes` ← INIT_MAX_BYTES). */
export type Limits = { [Name in keyof typeof limits]: number };

/** Where settings come from; `fixed` ones win over all others. */
export interface ConfigSources {
  fixed?: NodeJS.Dict<string>;
  /** The process's own by default. */
  env?: NodeJS.Dict<string>;
  /** The folder of `.env.local` and `.env`, and what relative paths are relative to. */
  cwd?: string;
}

/**
 * The settings from the environment, `.env.local` and `.env`; earlier wins, and an empty value means "not set". Throws one
 * AppError `invalid_request` that names every bad setting and never shows a secret.
 */
export function readConfig({
  fixed = {},
  env = process.env,
  cwd = process.cwd(),
}: ConfigSources = {}): Config {
  const values = {
    ...readEnvFile(resolve(cwd, '.env')),
    ...readEnvFile(resolve(cwd, '.env.local')),
    ...env,
    ...fixed,
  };
  const faults: Fault[] = [];
  const text = (name: string) => values[name]?.trim() || undefined;
  const fault = (name: string, detail: string) => void faults.push({ pointer: `/${name}`, detail });
  /** The setting as `parse` reads it; `missing` when it is not set, or bad (then it is a fault). */
  const read = <T, M>(name: string, missing: M, parse: (text: string) => T): T | M => {
    const value = text(name);
    if (value === undefined) return missing;
    try {
      return parse(value);
    } catch (error) {
      fault(name, messageOf(error));
      return missing;
    }
  };

  const host = read('HOST', '127.0.0.1', parseHost);
  const loopback = isLoopback(host);
  const dataDir = resolve(cwd, text('DATA_DIR') ?? 'data');
  const apiKey = text('apiKey') ?? text('OPENAI_API_KEY');
  const baseUrlName = text('baseUrl') === undefined ? 'OPENAI_BASE_URL' : 'baseUrl';
  const authToken = read('AUTH_TOKEN', undefined, parseToken);
  const auth = read('AUTH', loopback ? 'none' : 'required', oneOf(['none', 'required']));
  if (auth === 'none' && !loopback) {
    fault(
      'AUTH',
      `"none" would let anyone who reaches HOST=${host} move devices: take it out, or set HOST=127.0.0.1`,
    );
  }
  const config: Config = {
    host,
    port: read('PORT', 9527, (value) => parseCount(value, 0, 65_535)),
    loopback,
    databaseUrl: read('DATABASE_URL', `sqlite:${resolve(dataDir, 'lite-agent.db')}`, (value) =>
      parseDatabaseUrl(value, cwd),
    ),
    sqliteSynchronous: read('SQLITE_SYNCHRONOUS', 'normal', oneOf(['normal', 'full'])),
    retentionDays: read('RETENTION_DAYS', undefined, (value) => parseCount(value, 1, 36_500)),
    dataDir,
    model: {
      baseUrl: read(baseUrlName, apiKey === undefined ? undefined : 'https://api.openai.com/v1', parseUrl),
      apiKey,
      model: text('model') ?? text('OPENAI_MODEL') ?? 'gpt-4o-mini',
    },
    auth,
    authToken,
    jwtSecrets: read('JWT_SECRET', [], listOf(parseSigningSecret)),
    providers: Object.fromEntries(
      (['jaccount', 'github', 'google'] as const).flatMap((name) => {
        const prefix = name.toUpperCase();
        const clientId = text(`${prefix}_CLIENT_ID`);
        const clientSecret = text(`${prefix}_CLIENT_SECRET`);
        if (clientId !== undefined && clientSecret !== undefined) return [[name, { clientId, clientSecret }]];
        if (clientId !== undefined) fault(`${prefix}_CLIENT_SECRET`, `is missing beside ${prefix}_CLIENT_ID`);
        if (clientSecret !== undefined)
          fault(`${prefix}_CLIENT_ID`, `is missing beside ${prefix}_CLIENT_SECRET`);
        return [];
      }),
    ),
    returnUrls: read('RETURN_URLS', [], listOf(parseReturnUrl)),
    smsWebhookUrl: read('SMS_WEBHOOK_URL', undefined, parseUrl),
    secretKey: read('SECRET_KEY', undefined, parseSecret),
    allowedOrigins: read('ALLOWED_ORIGINS', [], listOf(parseOrigin)),
    egressAllow: read('EGRESS_ALLOW', [], listOf(parsePlace)),
    egressDeny: read('EGRESS_DENY', [], listOf(parsePlace)),
    serialAllow: read('SERIAL_ALLOW', loopback ? ['*'] : [], listOf(String)),
    logLevel: read('LOG_LEVEL', 'info', oneOf(logLevels)),
    logFile: read('LOG_FILE', undefined, (value) => resolve(cwd, value)),
    publicUrl: read('PUBLIC_URL', undefined, parseUrl),
    threadAutoReply: read('THREAD_AUTO_REPLY', false, parseSwitch),
    trustedProxies: read('TRUSTED_PROXIES', [], listOf(parseNetwork)),
    llmopsHttpStatus: read('LLMOPS_HTTP_STATUS', 'code', oneOf(['code', 'always200'])),
    limits: Object.fromEntries(
      Object.entries(limits).map(([name, [normal, , most]]: [string, readonly [number, string, number?]]) => {
        const largest = most ?? (name.endsWith('Ms') ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER);
        return [name, read(envNameOf(name), normal, (value) => parseCount(value, 1, largest))];
      }),
    ) as Limits,
  };
  if (faults.length > 0) throw settingsError(faults);
  return config;
}

/** Whether an address or name can only be this machine's own [RFC 6761 6.3, RFC 1122 3.2.1.3]. */
export function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|::1)$/i.test(host) || (isIP(host) === 4 && host.startsWith('127.'));
}

function settingsError(faults: readonly Fault[]): AppError {
  const lines = faults.map(({ pointer, detail }) => `  ${pointer.slice(1)} ${detail}`);
  const count = faults.length === 1 ? 'A setting is' : `${faults.length} settings are`;
  return new AppError('invalid_request', `${count} wrong:\n${lines.join('\n')}`, { faults });
}

function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new AppError('invalid_request', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function oneOf<const T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice === text.toLowerCase());
    if (found === undefined) throw new RangeError(`"${text}" is none of ${choices.join(', ')}`);
    return found;
  };
}

function listOf<T>(parse: (text: string) => T): (text: string) => T[] {
  return (text) => text.split(',').flatMap((part) => (part.trim() === '' ? [] : [parse(part.trim())]));
}

function parseCount(text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new RangeError(`"${text}" is not a whole number from ${least} to ${most}`);
  }
  return value;
}

function parseSwitch(text: string): boolean {
  return oneOf(['1', 'true', '0', 'false'])(text).match(/^(1|true)$/) !== null;
}

function parseHost(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 && !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_-]+)*\.?$/i.test(host)) {
    throw new RangeError(`"${text}" is neither a host name nor an address`);
  }
  return host;
}

/** What can stand in a header and be told apart in a subprotocol list. */
function parseToken(text: string): string {
  if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(text)) {
    throw new RangeError('has characters other than letters, digits and signs without space and comma');
  }
  return text;
}

function parseSecret(text: string): string {
  if (text.length < 16) throw new RangeError('is too short to keep a secret: at least 16 characters');
  return text;
}

/** HS256 wants 32 bytes [RFC 7518 3.2], and a text that is not one thing again and again. */
function parseSigningSecret(text: string): string {
  if (text.length < 32 || new Set(text).size < 10) {
    throw new RangeError(
      'is too weak to sign with: at least 32 random characters, e.g. of `openssl rand -hex 32`',
    );
  }
  return text;
}

/** Never shows the text: a URL may hold a password. */
function parseUrl(text: string): string {
  if (!/^https?:\/\/[^/?#\s]/i.test(text) || !URL.canParse(text))
    throw new RangeError('is not an http(s) URL');
  return text.replace(/\/+$/, '');
}

/** Compared as it is, so it is taken as it is. */
function parseReturnUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text) || !URL.canParse(text) || /^javascript:/i.test(text))
    throw new RangeError(`"${text}" is not a URL such as https://panel.example/signed-in`);
  return text;
}

function parseOrigin(text: string): string {
  const url =
    /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+\/?$/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined)
    throw new RangeError(`"${text}" is not an origin such as https://panel.example:8443`);
  return url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin;
}

function parseDatabaseUrl(text: string, cwd: string): string {
  if (text === 'sqlite::memory:') return text;
  if (/^sqlite:[^:]/i.test(text)) return `sqlite:${resolve(cwd, text.slice('sqlite:'.length))}`;
  if (/^postgres(ql)?:\/\//i.test(text) && URL.canParse(text)) return text;
  throw new RangeError(
    'is none of sqlite:<file>, sqlite::memory: and postgres://user:password@host:port/name',
  );
}

/** An address, or a CIDR whose prefix fits its family. */
function parseNetwork(text: string): string {
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const fits = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  if (bits < 0 || !fits || rest.length > 0)
    throw new RangeError(`"${text}" is neither an address nor a CIDR`);
  return text;
}

/** host, host:port, [IPv6]:port or CIDR, as the egress rules read them. */
function parsePlace(text: string): string {
  if (text.includes('/') && !text.includes('//')) return parseNetwork(text);
  const [, bracketed, name = '', port] = /^(?:\[([^\]]*)\]|([^:[\]/\s]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const known =
    isIP(text) === 6 || (bracketed === undefined ? /^[a-z0-9_.*-]+$/i.test(name) : isIP(bracketed) === 6);
  if (!known || Number(port ?? 0) > 65_535) {
    throw new RangeError(`"${text}" is none of host, host:port and CIDR (no scheme, no path)`);
  }
  return text;
}
