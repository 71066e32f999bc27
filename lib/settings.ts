const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const minute = 60_000;

/** How much the log tells, from nothing to everything. */
export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Where the vendors' models are, when only a key is set. */
export const vendorUrls = {
  dashscope: 'https://dashscope.aliyuncs.com/compatible-mode/v1',
  deepseek: 'https://api.deepseek.com/v1',
} as const;

/** Credits a token, by the model's name. */
export const creditRates: Readonly<Record<string, number>> = {
  'deepseek-chat': 1,
  'qwen-turbo': 4,
  'qwen-plus': 10,
  'gpt-3.5-turbo': 11,
  'qwen-max': 60,
};

/** Every setting but the limits: its default (or how it comes about) and what it means; the README shows this table. */
export const settings = {
  HOST: [
    '`127.0.0.1`',
    'the name or address to listen on; any other than a loopback one asks callers for a token',
  ],
  PORT: ['`9527`', 'the port to listen on; `0` picks a free one and prints it'],
  DATABASE_URL: [
    '`sqlite:<DATA_DIR>/lite-agent.db`',
    'where sessions are kept: `sqlite:<file>`, `sqlite::memory:` or `postgres://…`',
  ],
  DATA_DIR: ['`data`', 'the folder of the database and of files'],
  SQLITE_SYNCHRONOUS: [
    '`normal`',
    'what of SQLite survives: `normal` all but the last moments before a power cut, `full` these too; a killed process loses nothing either way',
  ],
  RETENTION_DAYS: [
    '–',
    'after how many days ended tasks, their messages and journal are deleted, and sessions that nobody used; never when not set',
  ],
  baseUrl: [
    "OpenAI's, when there is a key",
    'the base URL of an OpenAI-compatible model; also `OPENAI_BASE_URL`',
  ],
  apiKey: ['–', 'its key; also `OPENAI_API_KEY`. Neither base URL nor key: the offline demo model'],
  model: ['`gpt-4o-mini`', "the model's name; also `OPENAI_MODEL`"],
  AUTH: ['`none` on loopback, else `required`', 'whether callers must show a token'],
  AUTH_TOKEN: ['–', "a fixed token, the operator's, for callers to show as `Authorization: Bearer …`"],
  JWT_SECRET: [
    'made at first start, kept in `DATA_DIR`',
    "what users' tokens are signed with, at least 32 random characters; to change it put the new one in front, with a comma",
  ],
  JACCOUNT_CLIENT_ID: [
    '–',
    'with `JACCOUNT_CLIENT_SECRET`: users may sign in with jAccount; its callback is `<PUBLIC_URL>/auth/callback/jaccount`',
  ],
  JACCOUNT_CLIENT_SECRET: ['–', 'the secret that belongs to it'],
  GITHUB_CLIENT_ID: ['–', 'the same for GitHub; its callback is `<PUBLIC_URL>/auth/callback/github`'],
  GITHUB_CLIENT_SECRET: ['–', 'the secret that belongs to it'],
  GOOGLE_CLIENT_ID: ['–', 'the same for Google; its callback is `<PUBLIC_URL>/auth/callback/google`'],
  GOOGLE_CLIENT_SECRET: ['–', 'the secret that belongs to it'],
  RETURN_URLS: ['–', 'comma list of exact URLs that a browser may be sent to after signing in there'],
  SMS_WEBHOOK_URL: ['codes are in the log', 'gets `{"telephone","text","code"}` by POST and sends it on'],
  WECHAT_APPID: ['–', 'with `WECHAT_SECRET`: users of this WeChat app may sign in'],
  WECHAT_SECRET: ['–', 'the secret that belongs to it'],
  WECHAT_BASE_URL: ["WeChat's own", 'where its API is asked, e.g. that of a proxy'],
  DASHSCOPE_BASE_URL: [
    "DashScope's, when there is a key",
    'the endpoint for models that are called `qwen…`; missing: `baseUrl`',
  ],
  DASHSCOPE_API_KEY: ['–', 'its key'],
  DEEPSEEK_BASE_URL: [
    "DeepSeek's, when there is a key",
    'the endpoint for models that are called `deepseek…`; missing: `baseUrl`',
  ],
  DEEPSEEK_API_KEY: ['–', 'its key'],
  CREDIT_RATES: [
    '`deepseek-chat=1,qwen-turbo=4,qwen-plus=10,gpt-3.5-turbo=11,qwen-max=60`',
    'credits that a token costs, by the name of the model; 1 for all others',
  ],
  S3_ENDPOINT: [
    '–',
    'with the four below: a bucket for pictures instead of `DATA_DIR/files`; Tencent COS is `https://cos.<region>.myqcloud.com`',
  ],
  S3_REGION: ['–', 'its region'],
  S3_BUCKET: ['–', 'its name'],
  S3_ACCESS_KEY_ID: ['–', 'who uses it'],
  S3_SECRET_ACCESS_KEY: ['–', 'the secret that belongs to it'],
  SECRET_KEY: [
    'made at first start, kept in `DATA_DIR`',
    'what keys of clients are sealed with in the database',
  ],
  ALLOWED_ORIGINS: [
    'the same host',
    "comma list of web pages' origins that may call, e.g. `https://panel.example`",
  ],
  EGRESS_ALLOW: [
    'loopback and private addresses on loopback, else –',
    'comma list of host, host:port or CIDR that devices and models may live at, besides public addresses',
  ],
  EGRESS_DENY: ['–', 'the same, for where they may not; deny wins, and metadata addresses are always denied'],
  SERIAL_ALLOW: ['`*` on loopback, else –', 'comma list of serial devices that documents may open; `*`: all'],
  THREAD_AUTO_REPLY: [
    '`0`',
    "`1`: the agent answers every user's message in a thread (`/v1/threads/…/messages`) without `run=true`",
  ],
  LOG_LEVEL: ['`info`', '`silent`, `error`, `warn`, `info` or `debug`'],
  LOG_FILE: ['–', 'a file that gets the log as JSON lines too'],
  PUBLIC_URL: ['–', 'how the outside sees the server, e.g. `https://agent.example`'],
  TRUSTED_PROXIES: ['–', 'comma list of addresses or CIDRs whose forwarded headers count'],
  LLMOPS_HTTP_STATUS: [
    '`code`',
    'the HTTP status of answers under `/apps`: `code` follows their `code`, `always200` is always 200',
  ],
} as const satisfies Record<string, readonly [string, string]>;

/** Every limit: its default, what it bounds, and its largest value where there is one. */
export const limits = {
  initMaxBytes: [64 * MiB, 'the body of `POST /api/init`'],
  frameMaxBytes: [MiB, 'one WebSocket frame of a client; a larger one gets an error frame', 16 * MiB],
  toolResultMaxBytes: [64 * 1024, 'one tool result; the rest is cut, with a marker that says so'],
  taskRoundsMaxCount: [50, 'rounds of model reply and tool calls in one task'],
  replyCallsMaxCount: [64, 'tool calls in one model reply'],
  identicalCallsMaxCount: [5, 'identical tool calls in a row in one task'],
  callTimeoutMs: [30_000, 'one tool call, waiting included'],
  offeredToolsMaxCount: [
    128,
    'tools that a model is offered at once; of more, those that fit the sentence best and three to find the others',
  ],
  offeredToolsMaxBytes: [200_000, 'their JSON text together'],
  contextTokensMaxCount: [
    100_000,
    'tokens of the conversation that the model is shown; the oldest rounds leave first',
  ],
  childDepthMaxCount: [3, 'how deep sessions may use other sessions as tools (`sessionList`)'],
  taskTimeoutMs: [10 * minute, 'one task from its first round on'],
  modelTimeoutMs: [2 * minute, 'one model reply'],
  socketBufferMaxBytes: [
    4 * MiB,
    'what waits for a slow WebSocket reader before nothing more is read for it',
  ],
  socketStallTimeoutMs: [30_000, 'how long such a reader may take nothing before it is closed with 1013'],
  imageMaxBytes: [20 * MiB, 'one picture that is uploaded'],
  heartbeatIntervalMs: [30_000, 'between two WebSocket pings; a peer that misses two is dropped'],
  queuedTasksMaxCount: [100, 'tasks that wait in one session'],
  sessionsPerOwnerMaxCount: [10_000, 'open sessions of one caller'],
  sessionIdleTimeoutMs: [
    60 * minute,
    'life of a session without a task or message, unless `/init` says otherwise',
  ],
  messageMaxBytes: [
    16 * MiB,
    'one message of a thread, and one chat completion: pictures and voice stand in them',
  ],
  fileMaxBytes: [512 * MiB, 'a file that comes in one piece (`POST /v1/files`)'],
  uploadPartMaxBytes: [64 * MiB, 'a part of an upload'],
  uploadMaxBytes: [8 * GiB, 'an upload, all its parts together'],
  filesPerOwnerMaxBytes: [16 * GiB, 'the files and open uploads of one user'],
  shutdownTimeoutMs: [10_000, 'how long a stopping server waits for calls on the wire'],
} as const satisfies Record<string, readonly [number, string, number?]>;

/** The env name of a limit: `initMaxBytes` → `INIT_MAX_BYTES`. */
export function envNameOf(limit: string): string {
  return limit.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
