import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { settings } from '../../lib/settings.ts';
import { packageRoot } from '../../lib/package.ts';
import { openChat, openTestApp, type Envelope, type TestApp } from '../support/app.ts';
import { freePort } from '../support/free-port.ts';
import { needPeer } from '../support/peers.ts';
import { openPostgresServer } from '../support/postgres.ts';
import { waitFor } from '../support/wait-for.ts';

const root = packageRoot();

describe('the files for containers', () => {
  it('name settings that exist, and nodes that nginx knows', () => {
    type Compose = {
      services: Record<string, { environment?: Record<string, string>; volumes?: string[] }>;
    };
    const read = (path: string) => parse(readFileSync(join(root, path), 'utf8'), { merge: true }) as Compose;
    const cluster = read('examples/compose.cluster.yaml');
    const named = [read('compose.yaml'), cluster]
      .flatMap(({ services }) => Object.entries(services))
      .flatMap(([name, { environment = {} }]) => (name === 'postgres' ? [] : Object.keys(environment)));
    expect(named.filter((name) => !(name in settings))).to.deep.equal([]);
    const nodes = Object.keys(cluster.services).filter((name) => name.startsWith('node-'));
    const nginx = readFileSync(join(root, 'examples/nginx-cluster.conf'), 'utf8');
    const upstream = [...nginx.matchAll(/server (node-\d):9527;/g)].map(([, name]) => name);
    expect(upstream).to.deep.equal(nodes);
  });
});

describe('three nodes behind nginx', function () {
  this.timeout(120_000);
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  /** nginx with the configuration of the example, before these nodes; resolves with its address. */
  async function startNginx(nodes: readonly TestApp[]): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
    mkdirSync(join(folder, 'logs'));
    const port = await freePort();
    let config = readFileSync(join(root, 'examples/nginx-cluster.conf'), 'utf8');
    nodes.forEach(({ url }, at) => {
      config = config.replace(`node-${at + 1}:9527`, new URL(url).host);
    });
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${join(folder, name)};`,
    );
    config = config.replace('http {', `http {\naccess_log off;\n${places.join('\n')}`);
    config = config.replace('listen 8080', `listen 127.0.0.1:${port}`);
    writeFileSync(join(folder, 'nginx.conf'), `pid ${join(folder, 'pid')};\nerror_log stderr;\n${config}`);
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf')];
    const checked = spawnSync('nginx', [...args, '-t'], { encoding: 'utf8' });
    expect([checked.status, checked.stderr]).to.deep.equal([0, checked.stderr]);
    const nginx = spawn('nginx', [...args, '-g', 'daemon off;'], { stdio: 'ignore' });
    const ended = once(nginx, 'exit');
    closers.push(async () => {
      nginx.kill('SIGQUIT');
      nginx.kill();
      await ended;
      rmSync(folder, { recursive: true });
    });
    const url = `http://127.0.0.1:${port}`;
    await waitFor(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200);
    return url;
  }

  it('a WebSocket passes, and the session goes on with every line when its node is replaced', async function () {
    needPeer(this, 'nginx');
    const postgres = await openPostgresServer();
    const folder = mkdtempSync(join(tmpdir(), 'nodes-'));
    const env = {
      DATABASE_URL: await postgres.createDatabase(),
      DATA_DIR: folder,
      TRUSTED_PROXIES: '127.0.0.1',
      AUTH: 'none',
    };
    const nodes: TestApp[] = [];
    closers.push(
      () => rmSync(folder, { recursive: true }),
      () => Promise.all(nodes.map((node) => node.close())),
    );
    for (let n = 0; n < 3; n += 1) nodes.push(await openTestApp(env));
    const url = await startNginx(nodes);
    const socketUrl = url.replace('http', 'ws');
    const call = async (path: string, init: RequestInit = {}): Promise<unknown> =>
      (await fetch(`${url}${path}`, init)).json();
    const headers = { 'content-type': 'application/json' };
    const { id } = (await call('/api/init', { method: 'POST', headers, body: '{}' })) as { id: string };
    const first = await openChat(`${socketUrl}/api/chat?id=${id}`);
    first.say('hello');
    await first.tasksEnded(1);

    // Each node goes in turn, so that the one of the socket and the one of the session are among them.
    for (const [at, node] of nodes.entries()) {
      const port = new URL(node.url).port;
      await node.close();
      const { status } = await fetch(`${url}/healthz`);
      expect(status).to.equal(200);
      nodes[at] = await openTestApp({ ...env, PORT: port });
    }
    await waitFor(() => first.closed !== undefined);
    expect(first.closed).to.equal(1012);
    const lastSeq = Math.max(...first.seen.map(({ seq = 0 }) => seq));
    const second = await openChat(`${socketUrl}/api/chat?id=${id}&since=${lastSeq}`);
    second.say('and again');
    await second.tasksEnded(1);
    await second.close();
    const told = (await call(`/api/history?id=${id}`)) as Envelope[];
    const said = told
      .filter(({ from, to }) => from === 'user' && to === 'agent')
      .map(({ message }) => message);
    expect(said).to.deep.equal(['hello', 'and again']);
    expect(told.filter(({ message }) => message === '[TASK_DONE]')).to.have.length(2);
  });
});
