import { resolve } from 'node:path';
import { isLoopbackHost } from './common/addresses.ts';
import { readEnvFile } from './env-file.ts';
import { AppError, messageOf, type Fault } from './errors.ts';
import {
  oneOf,
  commaList,
  parseCount,
  parseHost,
  parseSwitch,
  parseToken,
  parseSecret,
  parseSigningSecret,
  parseRates,
  parseUrl,
  parseReturnUrl,
  parseOrigin,
  parseDatabaseUrl,
  parseNetwork,
  parsePlace,
  parseHeaders,
  isSecretName,
  openerOf,
  weakSecretFaults,
  withoutUrlSecrets,
} from './setting-values.ts';
import { knowLastingSecrets, secretsInUrl } from './secrets.ts';
import {
  creditRates,
  envNameOf,
  limits,
  contentTypes,
  logLevels,
  settings,
  vendorUrls,
  type LogLevel,
} from './settings.ts';

/** The settings, read once at start (contract 0). All other parts get them as plain values. */
export interface Config {
  host: string;
  port: number;
  /** Whether only this machine can reach `host`. The defaults of what the server may call depend on it. */
  loopback: boolean;
  /** Whether other machines can reach the server: by `host`, or through the proxy that PUBLIC_URL or TRUSTED_PROXIES names. The defaults of who may call depend on it. */
  reachable: boolean;
  /** `sqlite:<absolute file>`, `sqlite::memory:` or `postgres://…`. */
  databaseUrl: string;
  /** `full`: SQLite waits for the disk at each commit. */
  sqliteSynchronous: 'normal' | 'full';
  /** After how many days ended tasks and unused sessions are deleted; undefined: never. */
  retentionDays: number | undefined;
  /** After how many days rows of the audit log of calls are removed; undefined: never. */
  auditDays: number | undefined;
  /** Absolute. */
  dataDir: string;
  /** The model of the settings. Without a base URL and a key it is the offline demo model. A key alone means OpenAI's base URL. */
  model: { baseUrl: string | undefined; apiKey: string | undefined; model: string };
  auth: 'none' | 'required';
  authToken: string | undefined;
  /** Whether people may make accounts for themselves. */
  registration: 'closed' | 'approval' | 'open';
  /** The first secret signs access tokens, and all of them verify tokens. Without one, a secret is made at the first start and kept in `dataDir`. */
  jwtSecrets: readonly string[];
  /** The providers for sign-ins. */
  providers: Partial<Record<'jaccount' | 'github' | 'google', { clientId: string; clientSecret: string }>>;
  /** The only URLs that a browser may be sent to after a sign-in. */
  returnUrls: readonly string[];
  /** Receives `{"telephone","text","code"}`; undefined: codes are in the log. */
  smsWebhookUrl: string | undefined;
  /** The WeChat app whose users may sign in. */
  wechat: { appid: string; secret: string; baseUrl: string | undefined } | undefined;
  /** The endpoints for models with the name of a vendor; all other models use `model`. */
  vendors: Partial<Record<'dashscope' | 'deepseek', { baseUrl: string; apiKey: string | undefined }>>;
  /** The bucket for objects; undefined: a folder in `dataDir`. */
  s3:
    | { endpoint: string; region: string; bucket: string; accessKeyId: string; secretAccessKey: string }
    | undefined;
  /** The credits for a token, by the name of the model; 1 for all others. */
  creditRates: Readonly<Record<string, number>>;
  /** The key that encrypts stored secrets; undefined: made at the first start and kept in `dataDir`. */
  secretKey: string | undefined;
  /** Origins as browsers send them, e.g. `https://panel.example:8443`. */
  allowedOrigins: readonly string[];
  egressAllow: readonly string[];
  egressDeny: readonly string[];
  serialAllow: readonly string[];
  /** `registered`: only admins may bring documents. */
  documents: 'any' | 'registered';
  devicesDir: string | undefined;
  rulesFile: string | undefined;
  logLevel: LogLevel;
  logFile: string | undefined;
  /** The callers that may read `/metrics`. */
  metrics: 'admins' | 'open' | 'off';
  /** The collector of traces; undefined: there are no traces. */
  traces: { url: string; headers: Record<string, string>; serviceName: string } | undefined;
  /** Without a slash at its end. */
  publicUrl: string | undefined;
  trustedProxies: readonly string[];
  /** Whether an answer of the LLMOps dialect has the HTTP status of its code, or always 200. */
  llmopsHttpStatus: 'code' | 'always200';
  liteagentContentType: 'application/json' | 'text/plain';
  /** Whether the agent answers in threads unasked. */
  threadAutoReply: boolean;
  limits: Limits;
}

/** Every limit, named with its unit; the env name is the same in upper snake case (`initMaxBytes` ← INIT_MAX_BYTES). */
export type Limits = { [Name in keyof typeof limits]: number };

/** The sources of settings; `fixed` ones win over all others. */
export interface ConfigSources {
  fixed?: NodeJS.Dict<string>;
  /** The environment of the process by default. */
  env?: NodeJS.Dict<string>;
  /** The folder of `.env.local` and `.env`. Relative paths start there. */
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
  /** The parsed setting; `missing` when it is not set. A bad value is a fault. */
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

  /** Settings that need each other: all of them, or undefined when none is set. One that is missing is a fault. */
  const together = <Key extends string>(names: Record<Key, string>): Record<Key, string> | undefined => {
    const pairs = Object.entries<string>(names);
    const missing = pairs.filter(([, name]) => text(name) === undefined);
    if (missing.length === pairs.length) return undefined;
    const [, there = ''] = pairs.find(([, name]) => text(name) !== undefined) ?? [];
    for (const [, name] of missing) fault(name, `is missing beside ${there}`);
    return Object.fromEntries(pairs.map(([key, name]) => [key, text(name) ?? ''])) as Record<Key, string>;
  };

  const host = read('HOST', '127.0.0.1', parseHost);
  const loopback = isLoopbackHost(host);
  const publicUrl = read('PUBLIC_URL', undefined, parseUrl);
  const trustedProxies = read('TRUSTED_PROXIES', [], commaList(parseNetwork));
  const opener = openerOf({ host, publicUrl, trustedProxies });
  const dataDir = resolve(cwd, text('DATA_DIR') ?? 'data');
  const apiKey = text('apiKey') ?? text('OPENAI_API_KEY');
  const baseUrlName = text('baseUrl') === undefined ? 'OPENAI_BASE_URL' : 'baseUrl';
  const authToken = read('AUTH_TOKEN', undefined, parseToken);
  const auth = read('AUTH', opener ? 'required' : 'none', oneOf(['none', 'required']));
  if (auth === 'none' && !loopback)
    fault(
      'AUTH',
      `"none" would let anyone who reaches HOST=${host} move devices: take it out, or set HOST=127.0.0.1`,
    );
  const secretKey = read('SECRET_KEY', undefined, parseSecret);
  faults.push(...weakSecretFaults({ AUTH_TOKEN: authToken, SECRET_KEY: secretKey }, opener));
  const wechat = together({ appid: 'WECHAT_APPID', secret: 'WECHAT_SECRET' });
  const s3 = together({
    endpoint: 'S3_ENDPOINT',
    region: 'S3_REGION',
    bucket: 'S3_BUCKET',
    accessKeyId: 'S3_ACCESS_KEY_ID',
    secretAccessKey: 'S3_SECRET_ACCESS_KEY',
  });
  const config: Config = {
    host,
    port: read('PORT', 9527, (value) => parseCount(value, 0, 65_535)),
    loopback,
    reachable: opener !== undefined,
    databaseUrl: read('DATABASE_URL', `sqlite:${resolve(dataDir, 'lite-agent.db')}`, (value) =>
      parseDatabaseUrl(value, cwd),
    ),
    sqliteSynchronous: read('SQLITE_SYNCHRONOUS', 'normal', oneOf(['normal', 'full'])),
    retentionDays: read('RETENTION_DAYS', undefined, (value) => parseCount(value, 1, 36_500)),
    auditDays: read('AUDIT_DAYS', undefined, (value) => parseCount(value, 1, 36_500)),
    dataDir,
    model: {
      baseUrl: read(baseUrlName, apiKey === undefined ? undefined : 'https://api.openai.com/v1', parseUrl),
      apiKey,
      model: text('model') ?? text('OPENAI_MODEL') ?? 'gpt-4o-mini',
    },
    auth,
    authToken,
    registration: read('REGISTRATION', opener ? 'closed' : 'open', oneOf(['closed', 'approval', 'open'])),
    jwtSecrets: read('JWT_SECRET', [], commaList(parseSigningSecret)),
    providers: Object.fromEntries(
      (['jaccount', 'github', 'google'] as const).flatMap((name) => {
        const id = `${name.toUpperCase()}_CLIENT`;
        const both = together({ clientId: `${id}_ID`, clientSecret: `${id}_SECRET` });
        return both ? [[name, both]] : [];
      }),
    ),
    wechat: wechat && { ...wechat, baseUrl: read('WECHAT_BASE_URL', undefined, parseUrl) },
    vendors: Object.fromEntries(
      Object.entries(vendorUrls).flatMap(([name, usualUrl]) => {
        const prefix = name.toUpperCase();
        const vendorKey = text(`${prefix}_API_KEY`);
        const baseUrl = read(`${prefix}_BASE_URL`, vendorKey && usualUrl, parseUrl);
        return baseUrl === undefined ? [] : [[name, { baseUrl, apiKey: vendorKey }]];
      }),
    ),
    s3: s3 && { ...s3, endpoint: read('S3_ENDPOINT', s3.endpoint, parseOrigin) },
    creditRates: read('CREDIT_RATES', creditRates, parseRates),
    returnUrls: read('RETURN_URLS', [], commaList(parseReturnUrl)),
    smsWebhookUrl: read('SMS_WEBHOOK_URL', undefined, parseUrl),
    secretKey,
    allowedOrigins: read('ALLOWED_ORIGINS', [], commaList(parseOrigin)),
    egressAllow: read('EGRESS_ALLOW', [], commaList(parsePlace)),
    egressDeny: read('EGRESS_DENY', [], commaList(parsePlace)),
    serialAllow: read('SERIAL_ALLOW', loopback ? ['*'] : [], commaList(String)),
    documents: read('DOCUMENTS', 'any', oneOf(['any', 'registered'])),
    devicesDir: read('DEVICES_DIR', undefined, (value) => resolve(cwd, value)),
    rulesFile: read('RULES_FILE', undefined, (value) => resolve(cwd, value)),
    logLevel: read('LOG_LEVEL', 'info', oneOf(logLevels)),
    logFile: read('LOG_FILE', undefined, (value) => resolve(cwd, value)),
    traces: read('OTEL_EXPORTER_OTLP_ENDPOINT', undefined, (value) => ({
      url: parseUrl(value),
      headers: read('OTEL_EXPORTER_OTLP_HEADERS', {}, parseHeaders),
      serviceName: text('OTEL_SERVICE_NAME') ?? 'lite-agent',
    })),
    metrics: read('METRICS', 'admins', oneOf(['admins', 'open', 'off'])),
    publicUrl,
    threadAutoReply: read('THREAD_AUTO_REPLY', false, parseSwitch),
    trustedProxies,
    liteagentContentType: read('LITEAGENT_CONTENT_TYPE', 'application/json', oneOf(contentTypes)),
    llmopsHttpStatus: read('LLMOPS_HTTP_STATUS', 'code', oneOf(['code', 'always200'])),
    limits: Object.fromEntries(
      Object.entries(limits).map(([name, [normal, , most]]: [string, readonly [number, string, number?]]) => {
        const largest = most ?? (name.endsWith('Ms') ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER);
        return [name, read(envNameOf(name), normal, (value) => parseCount(value, 1, largest))];
      }),
    ) as Limits,
  };
  // Known before anything can be told of them, the faults of settings included.
  const secretNames = Object.keys(settings).filter(isSecretName);
  knowLastingSecrets([
    apiKey,
    ...secretNames.map(text),
    ...config.jwtSecrets,
    ...Object.keys(settings).flatMap((name) => secretsInUrl(text(name))),
  ]);
  if (faults.length > 0) throw settingsError(faults);
  return config;
}

/** A setting, where it comes from, and its text; a secret is masked. */
export interface DescribedSetting {
  name: string;
  origin: 'env' | '.env.local' | '.env' | 'default';
  value: string;
}

/** Every setting by name. Values are texts as they are set; of a setting that is not set, the default as lib/docs/settings.md has it. */
export function describeSettings({
  env = process.env,
  cwd = process.cwd(),
}: Pick<ConfigSources, 'env' | 'cwd'> = {}): DescribedSetting[] {
  const places: [DescribedSetting['origin'], NodeJS.Dict<string>][] = [
    ['env', env],
    ['.env.local', readEnvFile(resolve(cwd, '.env.local'))],
    ['.env', readEnvFile(resolve(cwd, '.env'))],
  ];
  const usual = Object.entries(limits).map(([name, [normal]]) => [envNameOf(name), String(normal)] as const);
  const all = [...Object.entries(settings).map(([name, [normal]]) => [name, normal] as const), ...usual];
  return all.map(([name, normal]) => {
    // An earlier place wins, and an empty value there means "not set", as in readConfig.
    const found = places.find(([, values]) => name in values);
    const text = found?.[1][name]?.trim();
    if (!found || !text) return { name, origin: 'default', value: normal.replaceAll('`', '') };
    return { name, origin: found[0], value: isSecretName(name) ? '[secret]' : withoutUrlSecrets(text) };
  });
}

function settingsError(faults: readonly Fault[]): AppError {
  const lines = faults.map(({ pointer, detail }) => `  ${pointer.slice(1)} ${detail}`);
  const count = faults.length === 1 ? 'A setting is' : `${faults.length} settings are`;
  return new AppError('invalid_request', `${count} wrong:\n${lines.join('\n')}`, { faults });
}
