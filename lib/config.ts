/** The settings, read once at start (contract 0). Everything else gets them as plain values. */
export interface Config {
  host: string;
  port: number;
  databaseUrl: string;
  dataDir: string;
  /** The model of .env: without base URL and key it is the offline demo model. */
  model: { baseUrl: string | undefined; apiKey: string | undefined; model: string };
  auth: 'none' | 'required';
  authToken: string | undefined;
  allowedOrigins: readonly string[];
  egressAllow: readonly string[];
  egressDeny: readonly string[];
  serialAllow: readonly string[];
  logLevel: string;
  logFile: string | undefined;
  publicUrl: string | undefined;
  trustedProxies: readonly string[];
  limits: Limits;
}

/** Every limit, named with its unit; the env name is the same in upper snake case (`initMaxBytes` ← INIT_MAX_BYTES). */
export interface Limits {
  initMaxBytes: number;
  frameMaxBytes: number;
  toolResultMaxBytes: number;
  taskRoundsMaxCount: number;
  replyCallsMaxCount: number;
  identicalCallsMaxCount: number;
  callTimeoutMs: number;
  taskTimeoutMs: number;
  modelTimeoutMs: number;
  socketBufferMaxBytes: number;
  socketStallTimeoutMs: number;
  heartbeatIntervalMs: number;
  queuedTasksMaxCount: number;
  sessionsPerOwnerMaxCount: number;
  sessionIdleTimeoutMs: number;
  shutdownTimeoutMs: number;
}
