import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isLoopbackHost } from '../lib/common/addresses.ts';
import { privately } from '../lib/cli/server.ts';
import { readConfig } from '../lib/config.ts';
import { AppError } from '../lib/errors.ts';
import { envNameOf, limits } from '../lib/settings.ts';

describe('readConfig', () => {
  let cwd: string;
  beforeEach(() => (cwd = mkdtempSync(join(tmpdir(), 'config-'))));
  afterEach(() => rmSync(cwd, { recursive: true }));

  /** What is wrong with these settings, a line each; fails when nothing is. */
  function faultsOf(env: NodeJS.ProcessEnv): string[] {
    try {
      readConfig({ env, cwd });
    } catch (error) {
      expect(error).to.be.instanceOf(AppError).with.property('code', 'invalid_request');
      return (error as AppError).message.split('\n').slice(1);
    }
    throw new Error('the settings were accepted');
  }

  it('has a safe default for everything', () => {
    expect(readConfig({ env: {}, cwd })).to.deep.equal({
      host: '127.0.0.1',
      port: 9527,
      loopback: true,
      reachable: false,
      databaseUrl: `sqlite:${join(cwd, 'data/lite-agent.db')}`,
      sqliteSynchronous: 'normal',
      retentionDays: undefined,
      auditDays: undefined,
      dataDir: join(cwd, 'data'),
      model: { baseUrl: undefined, apiKey: undefined, model: 'gpt-4o-mini' },
      auth: 'none',
      authToken: undefined,
      registration: 'open',
      jwtSecrets: [],
      providers: {},
      returnUrls: [],
      smsWebhookUrl: undefined,
      wechat: undefined,
      vendors: {},
      s3: undefined,
      creditRates: {
        'deepseek-chat': 1,
        'qwen-turbo': 4,
        'qwen-plus': 10,
        'gpt-3.5-turbo': 11,
        'qwen-max': 60,
      },
      secretKey: undefined,
      allowedOrigins: [],
      egressAllow: [],
      egressDeny: [],
      serialAllow: ['*'],
      documents: 'any',
      devicesDir: undefined,
      rulesFile: undefined,
      logLevel: 'info',
      logFile: undefined,
      metrics: 'admins',
      traces: undefined,
      publicUrl: undefined,
      trustedProxies: [],
      llmopsHttpStatus: 'code',
      liteagentContentType: 'application/json',
      threadAutoReply: false,
      limits: {
        initMaxBytes: 67_108_864,
        deviceMaxBytes: 25_165_824,
        frameMaxBytes: 1_048_576,
        toolResultMaxBytes: 65_536,
        taskRoundsMaxCount: 50,
        replyCallsMaxCount: 64,
        contextTokensMaxCount: 100_000,
        childDepthMaxCount: 3,
        clientAnswerTimeoutMs: 600_000,
        completionsPerOwnerMaxCount: 1000,
        sessionToolsMaxCount: 20_000,
        offeredToolsMaxCount: 128,
        offeredToolsMaxBytes: 200_000,
        identicalCallsMaxCount: 5,
        callTimeoutMs: 30_000,
        taskTimeoutMs: 600_000,
        modelTimeoutMs: 120_000,
        socketBufferMaxBytes: 4_194_304,
        requestBodyTimeoutMs: 15_000,
        bodiesMaxBytes: 268_435_456,
        requestsPerMinuteMaxCount: 60_000,
        responseIdleTimeoutMs: 86_400_000,
        connectionsPerAddressMaxCount: 2000,
        openRequestsPerCallerMaxCount: 2000,
        socketsPerCallerMaxCount: 2000,
        mcpConnectionsPerCallerMaxCount: 100,
        socketInputMaxBytes: 67_108_864,
        socketMessageTimeoutMs: 120_000,
        socketStallTimeoutMs: 30_000,
        imageMaxBytes: 20_971_520,
        heartbeatIntervalMs: 30_000,
        queuedTasksMaxCount: 100,
        queuedTasksMaxBytes: 67_108_864,
        sessionsPerOwnerMaxCount: 10_000,
        sessionsPerOwnerMaxBytes: 1_073_741_824,
        systemPromptMaxBytes: 262_144,
        sessionIdleTimeoutMs: 3_600_000,
        messageMaxBytes: 16_777_216,
        fileMaxBytes: 536_870_912,
        uploadPartMaxBytes: 67_108_864,
        uploadMaxBytes: 8_589_934_592,
        filesPerOwnerMaxBytes: 17_179_869_184,
        recordsPerOwnerMaxCount: 10_000,
        documentThreadsMaxCount: 2,
        waitingDocumentsPerCallerMaxCount: 200,
        waitingDocumentsMaxCount: 1000,
        documentWaitTimeoutMs: 120_000,
        avatarsAtOnceMaxCount: 1,
        waitingAvatarsPerCallerMaxCount: 10,
        waitingAvatarsMaxCount: 50,
        avatarWaitTimeoutMs: 60_000,
        shutdownTimeoutMs: 10_000,
      },
    });
  });

  it('reads every setting', () => {
    const config = readConfig({
      env: {
        HOST: '[::]',
        PORT: '0',
        DATABASE_URL: 'sqlite:db/agent.db',
        SQLITE_SYNCHRONOUS: 'FULL',
        RETENTION_DAYS: '30',
        DATA_DIR: 'store',
        AUTH_TOKEN: 'correct-horse-battery-staple-0123456789',
        REGISTRATION: 'Approval',
        SECRET_KEY: 'another-horse-battery-staple-0123456789',
        ALLOWED_ORIGINS: 'https://panel.example/, http://[::1]:3000, app://panel',
        EGRESS_ALLOW: '10.0.0.0/8, plc.local:502,[fe80::1]:502, fd00::/8 ,::1,',
        EGRESS_DENY: '10.1.2.3',
        SERIAL_ALLOW: '/dev/ttyUSB0,/dev/ttyUSB1',
        LOG_LEVEL: 'DEBUG',
        LOG_FILE: 'agent.log',
        PUBLIC_URL: 'https://agent.example/',
        RETURN_URLS: 'https://panel.example/done?x=1, app://signed-in',
        SMS_WEBHOOK_URL: 'https://sms.example/send',
        JACCOUNT_CLIENT_ID: 'id',
        JACCOUNT_CLIENT_SECRET: 'secret',
        TRUSTED_PROXIES: '127.0.0.1,192.168.0.0/16',
        LLMOPS_HTTP_STATUS: 'ALWAYS200',
        LITEAGENT_CONTENT_TYPE: 'text/plain',
        CALL_TIMEOUT_MS: '1500',
      },
      cwd,
    });
    expect(config).to.deep.include({
      host: '::',
      port: 0,
      loopback: false,
      reachable: true,
      databaseUrl: `sqlite:${join(cwd, 'db/agent.db')}`,
      sqliteSynchronous: 'full',
      retentionDays: 30,
      dataDir: join(cwd, 'store'),
      auth: 'required',
      authToken: 'correct-horse-battery-staple-0123456789',
      registration: 'approval',
      secretKey: 'another-horse-battery-staple-0123456789',
      allowedOrigins: ['https://panel.example', 'http://[::1]:3000', 'app://panel'],
      egressAllow: ['10.0.0.0/8', 'plc.local:502', '[fe80::1]:502', 'fd00::/8', '::1'],
      egressDeny: ['10.1.2.3'],
      serialAllow: ['/dev/ttyUSB0', '/dev/ttyUSB1'],
      logLevel: 'debug',
      logFile: join(cwd, 'agent.log'),
      publicUrl: 'https://agent.example',
      returnUrls: ['https://panel.example/done?x=1', 'app://signed-in'],
      smsWebhookUrl: 'https://sms.example/send',
      providers: { jaccount: { clientId: 'id', clientSecret: 'secret' } },
      trustedProxies: ['127.0.0.1', '192.168.0.0/16'],
      llmopsHttpStatus: 'always200',
      liteagentContentType: 'text/plain',
    });
    expect(config.limits.callTimeoutMs).to.equal(1500);
  });

  it('takes the environment before .env.local before .env, and an empty value as not set', () => {
    writeFileSync(join(cwd, '.env'), 'PORT=1\nHOST=127.0.0.2\nLOG_LEVEL=error\nCALL_TIMEOUT_MS=7 # ms\n');
    writeFileSync(join(cwd, '.env.local'), 'PORT=2\nHOST=127.0.0.3\nLOG_LEVEL=\n');
    const { port, host, logLevel, limits } = readConfig({ env: { PORT: '3' }, cwd });
    expect({ port, host, logLevel, callTimeoutMs: limits.callTimeoutMs }).to.deep.equal({
      port: 3,
      host: '127.0.0.3',
      logLevel: 'info',
      callTimeoutMs: 7,
    });
  });

  it('lets fixed settings win over all others', () => {
    const { port, model } = readConfig({
      fixed: { PORT: '4', apiKey: '' },
      env: { PORT: '3', apiKey: 'sk-1' },
      cwd,
    });
    expect({ port, model }).to.deep.equal({
      port: 4,
      model: { baseUrl: undefined, apiKey: undefined, model: 'gpt-4o-mini' },
    });
  });

  it("reads the seed's .env, whose names win over OPENAI_*", () => {
    writeFileSync(
      join(cwd, '.env'),
      'baseUrl = https://llm.example/v1/    # the endpoint\napiKey = sk-seed  # key\n',
    );
    const openai = {
      OPENAI_BASE_URL: 'http://127.0.0.1:1/v1',
      OPENAI_API_KEY: 'sk-openai',
      OPENAI_MODEL: 'gpt-4.1',
    };
    expect(readConfig({ env: openai, cwd }).model).to.deep.equal({
      baseUrl: 'https://llm.example/v1',
      apiKey: 'sk-seed',
      model: 'gpt-4.1',
    });
    expect(readConfig({ env: openai, cwd: tmpdir() }).model).to.deep.equal({
      baseUrl: 'http://127.0.0.1:1/v1',
      apiKey: 'sk-openai',
      model: 'gpt-4.1',
    });
  });

  it("goes to OpenAI with a key alone, and needs no key for another's endpoint", () => {
    expect(readConfig({ env: { apiKey: 'sk-1' }, cwd }).model.baseUrl).to.equal('https://api.openai.com/v1');
    expect(readConfig({ env: { baseUrl: 'http://127.0.0.1:11434/v1' }, cwd }).model.apiKey).to.equal(
      undefined,
    );
  });

  it('names every bad setting at once, and no secret', () => {
    const faults = faultsOf({
      HOST: 'a b',
      PORT: '65536',
      DATABASE_URL: 'mysql://root:hunter2@db/x',
      AUTH: 'maybe',
      AUTH_TOKEN: 'two words',
      SECRET_KEY: 'hunter2',
      baseUrl: 'ftp://user:hunter2@llm.example',
      ALLOWED_ORIGINS: '*',
      EGRESS_ALLOW: 'http://device',
      EGRESS_DENY: '10.0.0.0/33',
      LOG_LEVEL: 'loud',
      PUBLIC_URL: 'agent.example',
      RETURN_URLS: 'javascript://panel',
      SMS_WEBHOOK_URL: 'sms.example',
      GITHUB_CLIENT_ID: 'id',
      GOOGLE_CLIENT_SECRET: 'hunter2',
      TRUSTED_PROXIES: 'proxy.example',
      CALL_TIMEOUT_MS: '0',
      FRAME_MAX_BYTES: '16777217',
      INIT_MAX_BYTES: '1e6',
    });
    expect(faults.map((line) => line.trim().split(' ')[0])).to.have.members([
      'ALLOWED_ORIGINS',
      'AUTH',
      'AUTH_TOKEN',
      'CALL_TIMEOUT_MS',
      'DATABASE_URL',
      'EGRESS_ALLOW',
      'EGRESS_DENY',
      'FRAME_MAX_BYTES',
      'GITHUB_CLIENT_SECRET',
      'GOOGLE_CLIENT_ID',
      'HOST',
      'INIT_MAX_BYTES',
      'LOG_LEVEL',
      'PORT',
      'PUBLIC_URL',
      'RETURN_URLS',
      'SMS_WEBHOOK_URL',
      'SECRET_KEY',
      'TRUSTED_PROXIES',
      'baseUrl',
    ]);
    expect(faults.join('\n')).not.to.match(/hunter2|two words/);
    expect(faults).to.include('  PORT "65536" is not a whole number from 0 to 65535');
  });

  it('asks callers for a token when other machines can reach it, and refuses to be open to them', () => {
    for (const HOST of ['0.0.0.0', '::', '192.168.1.5', 'agent.example']) {
      expect(readConfig({ env: { HOST }, cwd })).to.deep.include({ auth: 'required', serialAllow: [] });
      expect(faultsOf({ HOST, AUTH: 'none' })).to.have.length(1);
      expect(faultsOf({ HOST, AUTH_TOKEN: 'x'.repeat(32), AUTH: 'none' })[0]).to.match(
        /^ {2}AUTH "none" would let anyone/,
      );
    }
    expect(readConfig({ env: { AUTH: 'required' }, cwd }).auth).to.equal('required');
  });

  it('is closed to strangers when other machines can reach it, unless it is told otherwise', () => {
    const HOST = '0.0.0.0';
    expect(readConfig({ env: { HOST }, cwd }).registration).to.equal('closed');
    for (const mode of ['closed', 'approval', 'open'] as const)
      expect(readConfig({ env: { HOST, REGISTRATION: mode }, cwd }).registration).to.equal(mode);
    expect(faultsOf({ REGISTRATION: 'yes' })).to.deep.equal([
      '  REGISTRATION "yes" is none of closed, approval, open',
    ]);
  });

  it('needs a token, and is closed to strangers, behind a proxy that brings callers of other machines', () => {
    const PUBLIC_URL = 'https://agent.example';
    expect(readConfig({ env: { PUBLIC_URL }, cwd })).to.deep.include({
      loopback: true,
      reachable: true,
      auth: 'required',
      registration: 'closed',
    });
    expect(readConfig({ env: { PUBLIC_URL, AUTH: 'none', REGISTRATION: 'open' }, cwd })).to.deep.include({
      auth: 'none',
      registration: 'open',
    });
    expect(faultsOf({ PUBLIC_URL, AUTH_TOKEN: 'x'.repeat(31) })).to.deep.equal([
      '  AUTH_TOKEN is too short for PUBLIC_URL, where others can guess it: at least 32 characters, e.g. of `openssl rand -hex 32`',
    ]);
    for (const here of ['http://localhost:9527', 'http://127.0.0.1', 'http://[::1]:8080/agent'])
      expect(readConfig({ env: { PUBLIC_URL: here }, cwd })).to.deep.include({
        reachable: false,
        auth: 'none',
        registration: 'open',
      });
  });

  it('takes a trusted proxy for one that brings callers of other machines, unless PUBLIC_URL names this machine', () => {
    const TRUSTED_PROXIES = '127.0.0.1';
    const closed = { loopback: true, reachable: true, auth: 'required', registration: 'closed' };
    expect(readConfig({ env: { TRUSTED_PROXIES }, cwd })).to.deep.include(closed);
    const here = { TRUSTED_PROXIES, PUBLIC_URL: 'http://localhost:8080' };
    expect(readConfig({ env: here, cwd })).to.deep.include({ reachable: false, auth: 'none' });
    expect(faultsOf({ TRUSTED_PROXIES, SECRET_KEY: 'sixteen letters!' })).to.deep.equal([
      '  SECRET_KEY is too short for TRUSTED_PROXIES, where others can guess it: at least 32 characters, e.g. of `openssl rand -hex 32`',
    ]);
  });

  it('takes no short secret where other machines can guess it', () => {
    for (const HOST of ['0.0.0.0', '::', '192.168.1.5', 'agent.example']) {
      for (const short of ['abc', 'x'.repeat(31)])
        expect(faultsOf({ HOST, AUTH_TOKEN: short })).to.deep.equal([
          `  AUTH_TOKEN is too short for HOST=${HOST}, where others can guess it: at least 32 characters, e.g. of \`openssl rand -hex 32\``,
        ]);
      expect(faultsOf({ HOST, SECRET_KEY: 'x'.repeat(31) })).to.deep.equal([
        `  SECRET_KEY is too short for HOST=${HOST}, where others can guess it: at least 32 characters, e.g. of \`openssl rand -hex 32\``,
      ]);
      const env = { HOST, AUTH_TOKEN: 'x'.repeat(32), SECRET_KEY: 'y'.repeat(32) };
      expect(readConfig({ env, cwd })).to.deep.include({
        authToken: 'x'.repeat(32),
        secretKey: 'y'.repeat(32),
      });
    }
    expect(readConfig({ env: { AUTH_TOKEN: 'abc' }, cwd }).authToken).to.equal('abc');
  });

  it('signs with strong secrets only, the first of several', () => {
    const strong = ['0123456789abcdef0123456789abcdef', 'fedcba9876543210fedcba9876543210'];
    expect(readConfig({ env: { JWT_SECRET: strong.join(', ') }, cwd }).jwtSecrets).to.deep.equal(strong);
    for (const weak of ['secret', '12345', 'a'.repeat(64), 'abcabc'.repeat(20), `${strong[0]},short`]) {
      const [fault = ''] = faultsOf({ JWT_SECRET: weak });
      expect(fault).to.match(/^ {2}JWT_SECRET is too weak to sign with/);
      expect(fault).not.to.contain(weak);
    }
  });

  it('gives a server of the command line, which nobody else reaches, no host of a proxy', () => {
    const proxy = { PUBLIC_URL: 'https://agent.example', TRUSTED_PROXIES: '127.0.0.1' };
    const env = { ...proxy, SECRET_KEY: 'sixteen letters!' };
    const { reachable, auth } = readConfig({ env, cwd, fixed: privately });
    expect([reachable, auth]).to.deep.equal([false, 'none']);
  });

  it('says which file it cannot read', () => {
    writeFileSync(join(cwd, '.env'), 'PORT=1\n');
    expect(() => readConfig({ env: {}, cwd: join(cwd, '.env') })).to.throw(
      AppError,
      /\.env\/\.env(\.local)? cannot be read: ENOTDIR/,
    );
  });

  it('gives every limit an env name that ends in its unit', () => {
    expect(envNameOf('initMaxBytes')).to.equal('INIT_MAX_BYTES');
    for (const name of Object.keys(limits)) expect(envNameOf(name)).to.match(/_(MS|BYTES|COUNT)$/);
  });
});

describe('isLoopbackHost', () => {
  it('knows the names and addresses of this machine', () => {
    const hosts = [
      '127.0.0.1',
      '127.9.9.9',
      '::1',
      'localhost',
      'LocalHost',
      'x.localhost',
      '128.0.0.1',
      '127.example',
    ];
    expect(hosts.filter(isLoopbackHost)).to.deep.equal(hosts.slice(0, 6));
  });
});
