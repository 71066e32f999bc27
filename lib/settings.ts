const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const minute = 60_000;

/** The values of LITEAGENT_CONTENT_TYPE. */
export const contentTypes = ['application/json', 'text/plain'] as const;

/** The levels of the log, from nothing to everything. */
export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;
/** A level of the log. */
export type LogLevel = (typeof logLevels)[number];

/** The endpoints of vendors, for settings with a key only. */
export const vendorUrls = {
  dashscope: 'https://dashscope.aliyuncs.com/compatible-mode/v1',
  deepseek: 'https://api.deepseek.com/v1',
} as const;

/** The credits for a token, by the name of the model. */
export const creditRates: Readonly<Record<string, number>> = {
  'deepseek-chat': 1,
  'qwen-turbo': 4,
  'qwen-plus': 10,
  'gpt-3.5-turbo': 11,
  'qwen-max': 60,
};

/** Every setting except the limits: its default, and its meaning. lib/docs/settings.md shows this table. */
export const settings = {
  HOST: [
    '`127.0.0.1`',
    'the name or address to listen on; with any but a loopback address callers need a token',
  ],
  PORT: ['`9527`', 'the port to listen on; `0` picks a free one and prints it'],
  DATABASE_URL: [
    '`sqlite:<DATA_DIR>/lite-agent.db`',
    'where sessions are kept: `sqlite:<file>`, `sqlite::memory:` or `postgres://…`',
  ],
  DATA_DIR: ['`data`', 'the folder of the database and of files'],
  SQLITE_SYNCHRONOUS: [
    '`normal`',
    'how much SQLite keeps after a power cut: `normal` loses the last moments, `full` nothing; a killed process never loses anything',
  ],
  RETENTION_DAYS: [
    '–',
    'after how many days ended tasks with their messages, and unused sessions, are deleted; never when not set',
  ],
  AUDIT_DAYS: [
    '–',
    'after how many days rows of the audit log of calls are removed, except those that a limit counts; the rest can still be checked; never when not set',
  ],
  baseUrl: [
    "OpenAI's, when there is a key",
    'the base URL of an OpenAI-compatible model; also `OPENAI_BASE_URL`',
  ],
  apiKey: [
    '–',
    'the key of that model; also `OPENAI_API_KEY`. Without a base URL and a key: the offline demo model',
  ],
  model: ['`gpt-4o-mini`', 'the name of that model; also `OPENAI_MODEL`'],
  AUTH: [
    '`none` where only this machine reaches the server, else `required`',
    'whether callers need a token',
  ],
  AUTH_TOKEN: [
    '–',
    "the operator's fixed token, sent as `Authorization: Bearer …`; at least 32 characters where others reach the server",
  ],
  REGISTRATION: [
    '`open` where only this machine reaches the server, else `closed`',
    'whether people may make an account for themselves, in any way: `open`, `approval` or `closed`; with `approval`, and with `open` where others reach the server, a new user may chat, and may use devices after `lite-agent user approve NAME`',
  ],
  JWT_SECRET: [
    'made at the first start, kept in `DATA_DIR`',
    'the secret that signs the tokens of users, at least 32 random characters; to change it, put the new one in front, with a comma',
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
  RETURN_URLS: ['–', 'comma list of exact URLs that a browser may be sent to after a sign-in'],
  SMS_WEBHOOK_URL: [
    'codes are in the log',
    'a URL that receives `{"telephone","text","code"}` by POST and sends the text message',
  ],
  WECHAT_APPID: ['–', 'with `WECHAT_SECRET`: users of this WeChat app may sign in'],
  WECHAT_SECRET: ['–', 'the secret that belongs to it'],
  WECHAT_BASE_URL: ["WeChat's own", 'the base URL of its API, e.g. that of a proxy'],
  DASHSCOPE_BASE_URL: [
    "DashScope's, when there is a key",
    'the endpoint for models with a name `qwen…`; missing: `baseUrl`',
  ],
  DASHSCOPE_API_KEY: ['–', 'its key'],
  DEEPSEEK_BASE_URL: [
    "DeepSeek's, when there is a key",
    'the endpoint for models with a name `deepseek…`; missing: `baseUrl`',
  ],
  DEEPSEEK_API_KEY: ['–', 'its key'],
  CREDIT_RATES: [
    '`deepseek-chat=1,qwen-turbo=4,qwen-plus=10,gpt-3.5-turbo=11,qwen-max=60`',
    'the credits that a token costs, by the name of the model; 1 for all others',
  ],
  S3_ENDPOINT: [
    '–',
    'with the four below: a bucket for pictures instead of `DATA_DIR/files`; Tencent COS is `https://cos.<region>.myqcloud.com`. It needs `npm install @aws-sdk/client-s3 @aws-sdk/lib-storage @aws-sdk/s3-request-presigner`',
  ],
  S3_REGION: ['–', 'the region of the bucket'],
  S3_BUCKET: ['–', 'the name of the bucket'],
  S3_ACCESS_KEY_ID: ['–', 'the id of an access key for it'],
  S3_SECRET_ACCESS_KEY: ['–', 'the secret that belongs to it'],
  SECRET_KEY: [
    'made at the first start, kept in `DATA_DIR`',
    'the key that encrypts the keys of clients in the database; at least 16 characters, and 32 where others reach the server',
  ],
  ALLOWED_ORIGINS: [
    'the same host',
    'comma list of origins whose web pages may call, e.g. `https://panel.example`',
  ],
  EGRESS_ALLOW: [
    'loopback and private addresses on loopback, else –',
    'comma list of host, host:port or CIDR where devices and models may be, besides public addresses',
  ],
  EGRESS_DENY: [
    '–',
    'the same, for places where devices and models may not be; deny wins, and metadata addresses are always denied',
  ],
  SERIAL_ALLOW: ['`*` on loopback, else –', 'comma list of serial devices that documents may open; `*`: all'],
  THREAD_AUTO_REPLY: [
    '`0`',
    "`1`: the agent answers every user's message in a thread (`/v1/threads/…/messages`) without `run=true`",
  ],
  DOCUMENTS: [
    '`any`',
    'the documents that sessions may bring: `any`, or with `registered` none but those of admins; all others use the devices that the server knows',
  ],
  DEVICES_DIR: [
    '–',
    'a folder with one YAML or JSON file for each device that the server knows, read at start and on SIGHUP',
  ],
  RULES_FILE: ['–', 'a YAML file with the rules for all devices, read at start and on SIGHUP'],
  LOG_LEVEL: ['`info`', '`silent`, `error`, `warn`, `info` or `debug`'],
  LOG_FILE: ['–', 'a file that gets the log as JSON lines, too'],
  METRICS: [
    '`admins`',
    'who may read `/metrics`: `admins` (with AUTH_TOKEN, or a key with the scope `metrics`), everybody (`open`), or nobody (`off`)',
  ],
  OTEL_EXPORTER_OTLP_ENDPOINT: [
    '–',
    'the base URL of an OpenTelemetry collector (OTLP over HTTP) that receives traces, e.g. `http://127.0.0.1:4318`; it needs optional packages ([more](running.md#traces))',
  ],
  OTEL_EXPORTER_OTLP_HEADERS: ['–', 'headers for the collector, e.g. `authorization=Bearer%20…`'],
  OTEL_SERVICE_NAME: ['`lite-agent`', 'the name of the server in traces'],
  PUBLIC_URL: [
    '–',
    "the server's URL for clients, e.g. `https://agent.example`; where it names another host, other machines reach the server: `AUTH` is `required`, `REGISTRATION` is `closed`, and fixed secrets need 32 characters",
  ],
  TRUSTED_PROXIES: [
    '–',
    'comma list of addresses or CIDRs of proxies whose forwarded headers count; without it, all clients behind a proxy share its address, and wait for each other after wrong passwords. Without `PUBLIC_URL`, a trusted proxy means that other machines reach the server; see `PUBLIC_URL` for what changes',
  ],
  LITEAGENT_CONTENT_TYPE: [
    '`application/json`',
    'the type of the answers under `/api`; `text/plain` for clients of the Dart server, which read them as texts',
  ],
  LLMOPS_HTTP_STATUS: [
    '`code`',
    'the HTTP status of answers under `/apps`: `code` follows their `code`, `always200` is always 200',
  ],
} as const satisfies Record<string, readonly [string, string]>;

/** Every limit: its default, its meaning, and its largest value if there is one. */
export const limits = {
  initMaxBytes: [64 * MiB, 'the body of `POST /api/init`; what is kept of it has at most 4 MiB, compressed'],
  deviceMaxBytes: [24 * MiB, 'the body of a device or an app; what is kept as above', 64 * MiB],
  frameMaxBytes: [MiB, 'one WebSocket frame of a client; a larger one gets an error frame', 16 * MiB],
  toolResultMaxBytes: [64 * 1024, 'one tool result; a longer one is cut, and says so'],
  taskRoundsMaxCount: [50, 'rounds of model reply and tool calls in one task'],
  replyCallsMaxCount: [64, 'tool calls in one model reply'],
  identicalCallsMaxCount: [5, 'identical tool calls in a row in one task'],
  callTimeoutMs: [30_000, 'one tool call, waiting included'],
  sessionToolsMaxCount: [20_000, 'tools of one session, of all its documents together'],
  offeredToolsMaxCount: [
    128,
    'tools that a model is offered at once; with more, those that fit the sentence best, and three tools to find the others',
  ],
  offeredToolsMaxBytes: [200_000, 'the JSON text of the tools that a model is offered at once, together'],
  contextTokensMaxCount: [
    100_000,
    'tokens of the conversation that the model sees; the oldest rounds are left out first',
  ],
  childDepthMaxCount: [3, 'how deep sessions may use other sessions as tools (`sessionList`)'],
  taskTimeoutMs: [
    10 * minute,
    'one task from its first round on; it does not run while a call waits for an answer',
  ],
  clientAnswerTimeoutMs: [10 * minute, "how long a task waits for the client's result of its own function"],
  modelTimeoutMs: [2 * minute, 'one model reply'],
  socketBufferMaxBytes: [
    4 * MiB,
    'bytes that may wait for a slow WebSocket reader; with more, the server reads nothing more for it',
  ],
  requestBodyTimeoutMs: [
    15_000,
    'how long the JSON body of a request may take to arrive, besides a millisecond for each 16 bytes; then it gets 408',
  ],
  bodiesMaxBytes: [
    256 * MiB,
    'JSON bodies of requests in memory, of all callers together, without the first 64 KiB of each; in a large body each list and object counts 64 bytes more; one caller has half of it. Others get 429 or 503',
  ],
  connectionsPerAddressMaxCount: [
    2000,
    'connections of one address, with IPv6 of one /64 network, as for all limits of addresses; those of `TRUSTED_PROXIES` are not counted. Others get 429',
  ],
  requestsPerMinuteMaxCount: [
    60_000,
    'requests and WebSocket messages of one caller in a minute, of one address where there is no account; others get 429, and a WebSocket is closed with 1008. Stops are not counted; wrong tokens of one address are counted for themselves',
  ],
  openRequestsPerCallerMaxCount: [
    2000,
    'requests of one caller whose answers are not over, streams of events included; others get 429. Stops are not counted',
  ],
  socketsPerCallerMaxCount: [
    2000,
    'open WebSockets of one caller, of one address where there is no account; others get 429',
  ],
  mcpConnectionsPerCallerMaxCount: [
    100,
    'connections of MCP hosts (`/mcp`) of one caller, of one address where there is no account; a new one ends the one that is idle for the longest, or gets 429',
  ],
  socketInputMaxBytes: [
    64 * MiB,
    'bytes of WebSocket messages that have not arrived whole, of all clients together; with more, the largest one is cut off',
  ],
  socketMessageTimeoutMs: [2 * minute, 'how long one WebSocket message may take to arrive'],
  socketStallTimeoutMs: [
    30_000,
    'how long a slow WebSocket reader may take nothing; then its WebSocket is closed with 1013',
  ],
  imageMaxBytes: [20 * MiB, 'one picture that is uploaded'],
  heartbeatIntervalMs: [30_000, 'the time between two WebSocket pings; a peer that misses two is dropped'],
  queuedTasksMaxCount: [100, 'tasks that wait in one session'],
  queuedTasksMaxBytes: [64 * MiB, 'the content of the tasks that wait in one session, together'],
  sessionsPerOwnerMaxCount: [10_000, 'open sessions of one caller'],
  sessionsPerOwnerMaxBytes: [
    GiB,
    'documents and prompts of the open sessions of one caller; with more, `/init` is refused',
  ],
  systemPromptMaxBytes: [256 * 1024, 'the system prompt of a session or an app'],
  sessionIdleTimeoutMs: [
    60 * minute,
    'life of a session without a task or message, unless `/init` says otherwise',
  ],
  responseIdleTimeoutMs: [
    24 * 60 * minute,
    'life of a response that is in no conversation, after its last use (`POST /v1/responses`)',
  ],
  messageMaxBytes: [
    16 * MiB,
    'one message of a thread, and one chat completion; both may hold pictures and voice',
  ],
  completionsPerOwnerMaxCount: [
    1000,
    'chat completions of one user that are kept because of `store: true` or `metadata`; with more, the oldest are removed',
  ],
  fileMaxBytes: [512 * MiB, 'a file that is sent in one piece (`POST /v1/files`)'],
  uploadPartMaxBytes: [64 * MiB, 'a part of an upload'],
  uploadMaxBytes: [8 * GiB, 'an upload, all its parts together'],
  filesPerOwnerMaxBytes: [16 * GiB, 'the files, pictures and open uploads of one user'],
  recordsPerOwnerMaxCount: [
    10_000,
    'keys, apps, presets and chats of one user, each kind counted for itself; more are refused',
  ],
  documentThreadsMaxCount: [
    2,
    'documents (YAML, PDF) that are read at once, each in a thread with up to 768 MiB; with two or more, one caller never has the last thread',
    64,
  ],
  waitingDocumentsPerCallerMaxCount: [200, 'documents of one caller that wait for a thread; others get 429'],
  waitingDocumentsMaxCount: [1000, 'documents of all callers that wait for a thread; others get 503'],
  documentWaitTimeoutMs: [2 * minute, 'how long a document waits for a thread; then it gets 503'],
  avatarsAtOnceMaxCount: [
    1,
    'avatars that are made at once; each takes a processor, up to 100 MB, and a thread that sign-ins need',
    64,
  ],
  waitingAvatarsPerCallerMaxCount: [10, 'avatars of one caller that wait to be made; others get 429'],
  waitingAvatarsMaxCount: [50, 'avatars of all callers that wait to be made; others get 503'],
  avatarWaitTimeoutMs: [minute, 'how long an avatar waits to be made; then it gets 503'],
  shutdownTimeoutMs: [10_000, 'how long a stopping server waits for calls on the wire'],
} as const satisfies Record<string, readonly [number, string, number?]>;

/** The env name of a limit: `initMaxBytes` → `INIT_MAX_BYTES`. */
export function envNameOf(limit: string): string {
  return limit.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
