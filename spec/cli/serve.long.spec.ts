import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { parse } from 'dotenv';
import { exposureOf, unsafeSettings } from '../../lib/unsafe.ts';
import { readConfig } from '../../lib/config.ts';
import { packageVersion } from '../../lib/package.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { lampDocument } from '../support/lamp.ts';
import { codeBlocks, manualPages } from '../support/manual.ts';
import { waitFor } from '../support/wait-for.ts';

describe('lite-agent serve', function () {
  this.timeout(60_000); // each test starts processes, which take their time on a busy machine
  let cwd: string;
  beforeEach(() => (cwd = mkdtempSync(join(tmpdir(), 'serve-'))));
  afterEach(() => rmSync(cwd, { recursive: true }));

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`prints one line when it listens, and ends well at ${signal}`, async () => {
      const child = startCommand(['serve'], { cwd, env: { PORT: '0' } });
      const ended = once(child, 'close');
      const log = text(child.stderr);
      let stdout = '';
      child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
      await once(child.stdout, 'data');
      const [, url = ''] = /^lite-agent \S+ listening on (\S+)\n$/.exec(stdout) ?? [];
      expect(stdout).to.equal(`lite-agent ${packageVersion()} listening on ${url}\n`);
      expect(url).to.match(/^http:\/\/127\.0\.0\.1:\d+\/api$/);
      const version = await fetch(`${url}/version`);
      expect(await version.json()).to.deep.equal({ version: packageVersion() });
      child.kill(signal);
      expect(await ended).to.deep.equal([0, null]);
      expect(stdout.split('\n')).to.have.length(2);
      for (const line of (await log).split('\n').filter(Boolean))
        expect(JSON.parse(line)).to.include.keys('level', 'message');
    });
  }

  it('logs no line for the readings that an open console makes again and again, but for those that fail', async () => {
    const token = 'a-token-of-the-operator-0123456789abcdef';
    const env = { PORT: '0', AUTH: 'required', AUTH_TOKEN: token };
    const child = startCommand(['serve'], { cwd, env });
    const ended = once(child, 'close');
    const log = text(child.stderr);
    const [listening] = (await once(child.stdout, 'data')) as [Buffer];
    const url = listening.toString().trim().split(' ').at(-1);
    const headers = { authorization: `Bearer ${token}` };
    for (const path of ['approvals', 'estop', 'status', 'version'])
      await (await fetch(`${url}/${path}`, { headers })).text();
    await (await fetch(`${url}/approvals`)).text();
    child.kill('SIGTERM');
    await ended;
    const lines = (await log).split('\n').filter(Boolean);
    const logged = lines.map((line) => JSON.parse(line) as { message: string; status?: number });
    expect(logged.filter(({ status }) => status !== undefined).map(({ message }) => message)).to.deep.equal([
      'GET /api/version',
      'GET /api/approvals',
    ]);
  });

  it('reads the files of devices again at SIGHUP', async () => {
    const place = join(cwd, 'devices');
    mkdirSync(place);
    const child = startCommand(['serve'], {
      cwd,
      env: { PORT: '0', DEVICES_DIR: place, LOG_LEVEL: 'silent' },
    });
    const ended = once(child, 'close');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = line.toString().trim().split(' ').at(-1);
    const names = async (): Promise<string[]> => {
      const answer = await fetch(`${url}/devices`);
      return ((await answer.json()) as { name: string }[]).map(({ name }) => name);
    };
    expect(await names()).to.deep.equal([]);
    writeFileSync(join(place, 'desk.json'), JSON.stringify({ openSpec: lampDocument }));
    child.kill('SIGHUP');
    await waitFor(async () => (await names()).length > 0);
    expect(await names()).to.deep.equal(['desk']);
    child.kill('SIGTERM');
    expect(await ended).to.deep.equal([0, null]);
  });

  it('names every bad setting and ends with 2', async () => {
    const env = { PORT: 'x', LOG_LEVEL: 'loud', HOST: '0.0.0.0', AUTH: 'none', JWT_SECRET: 'secret' };
    expect(await runCommand(['serve'], { cwd, env })).to.deep.equal({
      code: 2,
      stdout: '',
      stderr:
        'lite-agent: 4 settings are wrong:\n' +
        '  AUTH "none" would let anyone who reaches HOST=0.0.0.0 move devices: take it out, or set HOST=127.0.0.1\n' +
        '  PORT "x" is not a whole number from 0 to 65535\n' +
        '  JWT_SECRET is too weak to sign with: at least 32 random characters, e.g. of `openssl rand -hex 32`\n' +
        '  LOG_LEVEL "loud" is none of silent, error, warn, info, debug\n',
    });
  });

  it('ends with 2 where there can be no DATA_DIR, and does not try for ever', async function () {
    if (process.platform !== 'linux') this.skip();
    for (const folder of ['/proc/none/data', '/etc/hostname/data']) {
      const { code, stderr } = await runCommand(['serve'], { cwd, env: { PORT: '0', DATA_DIR: folder } });
      expect(code).to.equal(2);
      expect(stderr).to.match(
        new RegExp(`^lite-agent: The folder ${folder} cannot be made: .*\\. DATA_DIR, `),
      );
    }
  });

  it('refuses settings that are not safe where other machines can reach it', async () => {
    const env = { HOST: '0.0.0.0', PORT: '0', AUTH_TOKEN: 'abc'.repeat(12), TRUSTED_PROXIES: '0.0.0.0/0' };
    const { code, stdout, stderr } = await runCommand(['serve'], { cwd, env });
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
    expect(stderr).to.equal(
      'lite-agent: HOST=0.0.0.0 is open to other machines, and not safe:\n' +
        '  TRUSTED_PROXIES lets every caller choose its own address: name the addresses of your proxies\n',
    );
  });

  it('shows the open doors to other machines on one screen', () => {
    const config = readConfig({
      env: {
        HOST: '0.0.0.0',
        AUTH_TOKEN: 'a-token-of-at-least-32-characters-0123',
        EGRESS_ALLOW: '*',
        EGRESS_DENY: '10.0.0.0/8',
        SERIAL_ALLOW: '/dev/ttyUSB0',
        PUBLIC_URL: 'https://agent.example',
        TRUSTED_PROXIES: '10.0.0.1',
      },
      cwd,
    });
    const closed = { ...config, registration: 'closed' as const };
    const screen = exposureOf(closed, 'http://0.0.0.0:9527/api');
    expect(screen.split('\n')).to.deep.equal([
      'What is open:',
      '  address       http://0.0.0.0:9527/api, for other machines too',
      '  access        users with a token or key, and AUTH_TOKEN',
      '  registration  closed',
      '  documents     approved users may bring them, visitors may not',
      '  web pages     of the same host only',
      '  egress        public addresses, and *; never 10.0.0.0/8',
      '  serial        /dev/ttyUSB0',
      '  TLS           in front, as https://agent.example',
      '  proxies       10.0.0.1',
      '  ! EGRESS_ALLOW lets documents of users reach every machine of your network: name the devices',
      '',
    ]);
    expect(unsafeSettings(readConfig({ env: {}, cwd }))).to.deep.equal([]);
  });

  describe('behind a proxy on the same machine', () => {
    const unsafe = (env: Record<string, string>): string[] =>
      unsafeSettings(readConfig({ env, cwd })).map(({ setting }) => setting);

    it('warns when callers of other machines need no token', () => {
      expect(unsafe({ PUBLIC_URL: 'https://agent.example', AUTH: 'none' })).to.include('AUTH');
      expect(unsafe({ PUBLIC_URL: 'https://agent.example' })).to.not.include('AUTH');
    });

    it('warns about all that is unsafe off loopback', () => {
      expect(
        unsafe({ PUBLIC_URL: 'http://agent.example', REGISTRATION: 'open', TRUSTED_PROXIES: '0.0.0.0/0' }),
      ).to.deep.equal(['TRUSTED_PROXIES', 'EGRESS_ALLOW', 'SERIAL_ALLOW', 'PUBLIC_URL', 'REGISTRATION']);
    });

    it('is content with the settings that the manual gives', () => {
      const page = manualPages().find(({ path }) => path === 'lib/docs/running.md')!;
      const [{ code } = { code: '' }] = codeBlocks(page, 'ini');
      expect(unsafe(parse(code))).to.deep.equal([]);
    });

    it('warns about nothing when only this machine is named', () => {
      expect(unsafe({ PUBLIC_URL: 'http://localhost:9527' })).to.deep.equal([]);
    });
  });

  it('refuses a database that another server uses, names that server, and starts when it was killed', async () => {
    const first = startCommand(['serve'], { cwd, env: { PORT: '0', LOG_LEVEL: 'silent' } });
    await once(first.stdout, 'data');
    const second = await runCommand(['serve'], { cwd, env: { PORT: '0', LOG_LEVEL: 'silent' } });
    expect([second.code, second.stdout]).to.deep.equal([2, '']);
    expect(second.stderr).to.match(
      new RegExp(
        `^lite-agent: The database \\S+lite-agent\\.db is in use by the server with process id ${first.pid}, started at \\S+Z\\. ` +
          'Stop that server, or set DATABASE_URL to another file\\.\\n$',
      ),
    );
    const killed = once(first, 'close');
    first.kill('SIGKILL');
    await killed;
    const third = startCommand(['serve'], { cwd, env: { PORT: '0', LOG_LEVEL: 'silent' } });
    await once(third.stdout, 'data');
    const ended = once(third, 'close');
    third.kill('SIGTERM');
    expect(await ended).to.deep.equal([0, null]);
  });

  it('gives advice when the port is taken, and ends with 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    try {
      const { code, stdout, stderr } = await runCommand(['serve'], {
        cwd,
        env: { PORT: String(port), LOG_LEVEL: 'silent' },
      });
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
      expect(stderr).to.equal(
        `lite-agent: Cannot listen on 127.0.0.1:${port}: it is in use: set PORT to another.\n`,
      );
    } finally {
      other.close();
    }
  });
});
