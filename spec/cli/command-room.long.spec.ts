import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { runCommand, startOnTerminal, type CommandRun } from '../support/command.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { openLamp } from '../support/lamp.ts';
import { waitFor } from '../support/wait-for.ts';

describe('lite-agent approvals, estop and audit', function () {
  this.timeout(120_000); // each test starts processes, which take their time on a busy machine
  let cwd: string;
  let file: string;
  let lamp: HttpDevice & { registration(name: string): JsonObject };
  let app: TestApp | undefined;
  beforeEach(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'command-'));
    file = join(cwd, 'test.db');
    lamp = await openLamp();
    app = await openTestApp({ DATABASE_URL: `sqlite:${file}`, DATA_DIR: cwd });
    const rules = { calls: [{ effect: 'write', decision: 'ask' }] };
    expect((await app.post('/api/devices', { ...lamp.registration('desk'), rules })).status).to.equal(201);
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await lamp.close();
    rmSync(cwd, { recursive: true });
  });

  const run = (...args: string[]): Promise<CommandRun> =>
    runCommand(args, {
      cwd,
      env: { LOG_LEVEL: 'silent', DATABASE_URL: `sqlite:${file}`, DATA_DIR: cwd },
    });
  const place = () => ['--url', app!.url];
  const sent = () => lamp.seen.map(({ method, url }) => `${method} ${url}`);

  it('decide about calls that wait, show what was tried, and find a row that was changed', async () => {
    const set = app!.post('/api/devices/desk/tools/set_brightness', { arguments: { brightness: 7 } });
    await waitFor(async () => ((await app!.get('/api/approvals')).body as unknown[]).length === 1);
    const list = await run('approvals', ...place());
    expect(list.stdout).to.match(
      /^apr_\S+ {2}desk: set_brightness \{"brightness":7\}\n {4}Rule 1 of the device: ask before writes\.\n {4}until .*\n$/,
    );
    const [id = ''] = list.stdout.split(' ');
    expect(await run('approvals', 'approve', id, ...place())).to.deep.equal({
      code: 0,
      stdout: `${id}: approved.\n`,
      stderr: '',
    });
    expect((await set).body).to.have.property('statusCode', 200);
    const late = await run('approvals', 'reject', id, '--reason', 'too late', ...place());
    expect([late.code, late.stderr.includes('It was decided before: approve by anonymous.')]).to.deep.equal([
      1,
      true,
    ]);
    expect(sent()).to.deep.equal(['PUT /brightness?brightness=7']);
    expect((await run('approvals', ...place())).stdout).to.equal('No call waits for you.\n');
    await app!.close();
    app = undefined;
    const rows = await run('audit', 'list');
    expect(rows.stdout).to.match(
      / {2}desk: set_brightness \{"brightness":7\} {2}sent, done, approved by anonymous\n$/,
    );
    expect(await run('audit', 'verify')).to.deep.equal({
      code: 0,
      stdout: 'desk: 2 rows fit, 1 signed heads\n',
      stderr: '',
    });
    const exported = await run('audit', 'export', '--device', 'desk');
    expect(JSON.parse(exported.stdout)).to.deep.include({
      device: 'desk',
      n: 1,
      event: 'sent',
      outcome: 'done',
    });
    const database = new Database(file);
    database.prepare(`update audit_rows set body = replace(body, '"brightness":7', '"brightness":8')`).run();
    database.close();
    expect(await run('audit', 'verify')).to.deep.equal({
      code: 1,
      stdout: 'desk: row 1 does not fit: its content does not fit its hash\n',
      stderr: '',
    });
  });

  it('engage and release an emergency stop', async () => {
    expect(await run('estop', '--device', 'desk', '--reason', 'smoke', ...place())).to.deep.equal({
      code: 0,
      stdout: 'An emergency stop of the device "desk" is engaged: no write leaves any node.\n',
      stderr: '',
    });
    expect((await run('estop', '--state', ...place())).stdout).to.match(
      /^\{"device":"desk"\} since \S+ by anonymous: smoke\n$/,
    );
    const bare = await run('estop', '--device', 'desk', '--release', ...place());
    expect([bare.code, bare.stderr.split('\n')[0]]).to.deep.equal([2, 'error: --release needs --reason']);
    const over = await run('estop', '--device', 'desk', '--release', '--reason', 'steam', ...place());
    expect(over.stdout).to.equal('The emergency stop of the device "desk" is released.\n');
    expect((await run('estop', '--state', ...place())).stdout).to.equal('No emergency stop is engaged.\n');
  });

  it('are typed in a dialogue, too', async () => {
    const chat = startOnTerminal(['chat', '--device', 'desk', ...place()], { cwd });
    let shown = '';
    chat.stdout.on('data', (data: Buffer) => (shown += data.toString()));
    await waitFor(() => shown.includes('Session '));
    chat.stdin.write('Set the brightness to 40.\n');
    await waitFor(() => shown.includes('waits. Rule 1 of the device: ask before writes.'));
    expect(sent()).to.deep.equal([]);
    chat.stdin.write('/approve\n');
    await waitFor(() => shown.includes('! approve by anonymous'));
    await waitFor(() => sent().length === 1);
    chat.stdin.write('/quit\n');
    await new Promise((resolve) => chat.once('close', resolve));
    expect(sent()).to.deep.equal(['PUT /brightness?brightness=40']);
  });
});
