import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { runCommand, type CommandRun } from '../support/command.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { lampDocument, openLamp } from '../support/lamp.ts';

describe('lite-agent device', function () {
  this.timeout(120_000); // each test starts processes, which take their time on a busy machine
  let cwd: string;
  let lamp: HttpDevice;
  let app: TestApp | undefined;
  beforeEach(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'device-'));
    lamp = await openLamp();
    writeFileSync(join(cwd, 'lamp.json'), JSON.stringify(lampDocument));
    writeFileSync(join(cwd, 'rules.yaml'), 'calls:\n  - tools: [set_*, sit_*]\n    decision: ask\n');
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await lamp.close();
    rmSync(cwd, { recursive: true });
  });

  const run = (...args: string[]): Promise<CommandRun> =>
    runCommand(args, { cwd, env: { LOG_LEVEL: 'silent' } });
  const device = (...args: string[]): Promise<CommandRun> => run('device', ...args);
  const done = (stdout: string): CommandRun => ({ code: 0, stdout, stderr: '' });
  const credentials = '{"type":"bearer","apiKey":"lamp-key-0123456789"}';

  /** The commands, one after the other, at one place. */
  async function useCommands(place: string[]): Promise<void> {
    const options = [
      '--server',
      lamp.url,
      '--credentials',
      credentials,
      '--rules',
      'rules.yaml',
      '--tag',
      'home',
    ];
    expect(await device('add', 'desk', 'lamp.json', ...options, ...place)).to.deep.equal(
      done(
        'desk is registered: version 1, openapi, 2 tools\n  /rules/calls/0/tools/1: "sit_*" names no tool of this device\n',
      ),
    );
    expect(await device('list', ...place)).to.deep.equal(done('desk  v1  openapi  Lamp  #home\n'));
    const shown = await device('show', 'desk', '--json', ...place);
    const { openSpec: _openSpec, ...rest } = JSON.parse(shown.stdout) as JsonObject;
    expect(rest).to.deep.include({
      name: 'desk',
      version: 1,
      apiKey: { type: 'bearer', apiKey: 'lam…6789' },
    });
    const check = await device('check', 'desk', ...place);
    expect(check.stdout).to.match(/^desk: reachable \(\d+ ms\)\. get_state was read\.\n$/);
    expect(lamp.seen.map(({ headers }) => headers.authorization)).to.deep.equal([
      'Bearer lamp-key-0123456789',
    ]);
    const twice = await device('add', 'desk', 'lamp.json', ...place);
    expect([
      twice.code,
      twice.stderr.includes('The name "desk" is the name of another device'),
    ]).to.deep.equal([1, true]);
    expect(await device('remove', 'desk', ...place)).to.deep.equal(done('desk is removed.\n'));
    expect(await device('list', '--json', ...place)).to.deep.equal(done('[]\n'));
    expect((await device('remove', 'desk', ...place)).stderr).to.include('There is no device "desk".');
  }

  it('works on the database of the settings', () => useCommands([]));

  it('works on a running server', async () => {
    app = await openTestApp();
    await useCommands(['--url', app.url]);
  });

  it('warns of users that nobody is, in the database and on a server', async () => {
    app = await openTestApp();
    for (const place of [[], ['--url', app.url]])
      expect(await device('add', 'desk', 'lamp.json', '--user', 'nobody-of-us', ...place)).to.deep.equal(
        done(
          'desk is registered: version 1, openapi, 2 tools\n  /users/0: "nobody-of-us" names no user: this entry lets nobody use the device\n',
        ),
      );
  });

  it('names every fault of a device that cannot be used', async () => {
    writeFileSync(join(cwd, 'rules.yaml'), 'calls:\n  - tool: [x]\n');
    expect(await device('add', 'Desk', 'lamp.json', '--rules', 'rules.yaml')).to.deep.equal({
      code: 2,
      stdout: '',
      stderr:
        'lite-agent: The device cannot be used: /name must be a name of 1 to 63 lower-case letters, digits and -, which does not begin with -; ' +
        '/rules/calls/0/decision is missing: allow, ask, deny or dry_run; /rules/calls/0/tool is not known; did you mean "tools"?.\n',
    });
  });

  it('makes devices that chat, run and watch know by their names', async () => {
    lamp.answer = (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"brightness":40}');
    const options = ['--server', lamp.url, '--credentials', credentials];
    expect((await device('add', 'desk', 'lamp.json', ...options)).code).to.equal(0);
    const watch = await run('watch', 'desk', 'get_state', '--count', '1', '--json');
    expect([watch.code, (JSON.parse(watch.stdout) as JsonObject)['name']]).to.deep.equal([0, 'get_state']);
    const write = await run('watch', 'desk', 'set_brightness', '{"brightness":1}', '--count', '1');
    expect(write.stderr).to.include('set_brightness may change the device');
    writeFileSync(join(cwd, 'scenario.yaml'), 'devices: [desk]\nsentences: [Set the brightness to 40.]\n');
    const story = await run('run', 'scenario.yaml', '--json');
    expect([story.code, story.stderr]).to.deep.equal([0, '']);
    const chat = await runCommand(['chat', '--device', 'desk'], {
      cwd,
      env: { LOG_LEVEL: 'silent' },
      input: 'Set the brightness to 41.\n',
    });
    expect([chat.code, chat.stderr]).to.deep.equal([0, '']);
    expect(lamp.seen.map(({ method, url }) => `${method} ${url}`)).to.deep.equal([
      'GET /state',
      'PUT /brightness?brightness=40',
      'PUT /brightness?brightness=41',
    ]);
    const unknown = await run('chat', '--device', 'dusk');
    expect(unknown.stderr).to.include('/devices/0: there is no device "dusk"');
  });

  it('makes devices that are called under their rules', async () => {
    writeFileSync(join(cwd, 'rules.yaml'), 'limits:\n  - { argument: brightness, max: 50 }\n');
    const options = ['--server', lamp.url, '--credentials', credentials, '--rules', 'rules.yaml'];
    expect((await device('add', 'desk', 'lamp.json', ...options)).code).to.equal(0);
    const call = async (...more: string[]): Promise<[number | null, JsonObject]> => {
      const { code, stdout } = await run('call', 'desk', 'set_brightness', ...more, '--json');
      return [code, (JSON.parse(stdout) as { result: JsonObject }).result];
    };
    const [denied, refusal] = await call('{"brightness":51}');
    expect([denied, (refusal['error'] as JsonObject)['code']]).to.deep.equal([1, 'limit_exceeded']);
    const [tried, preview] = await call('{"brightness":20}', '--dry-run');
    expect([tried, preview['dryRun']]).to.deep.equal([0, true]);
    expect((await call('{"brightness":20}'))[0]).to.equal(0);
    expect(lamp.seen.map(({ url }) => url)).to.deep.equal(['/brightness?brightness=20']);
    const wrong = await run('call', 'desk', 'set_brightness', '{}', '--server', 'http://127.0.0.1:9');
    expect([wrong.code, wrong.stderr.includes('leave --server and --credentials out')]).to.deep.equal([
      2,
      true,
    ]);
  });

  it('watches no read that the rules of the device deny', async () => {
    writeFileSync(join(cwd, 'rules.yaml'), 'calls:\n  - effect: read\n    decision: deny\n');
    expect(
      (await device('add', 'desk', 'lamp.json', '--rules', 'rules.yaml', '--server', lamp.url)).code,
    ).to.equal(0);
    const watch = await run('watch', 'desk', 'get_state', '--count', '1');
    expect([watch.code, watch.stdout.includes('Rule 1 of the device: deny reads.')]).to.deep.equal([1, true]);
    expect(lamp.seen).to.deep.equal([]);
  });

  it('watches and checks with no read that the rules of the server deny', async () => {
    writeFileSync(join(cwd, 'server.yaml'), 'calls:\n  - effect: read\n    decision: ask\n');
    const env = { LOG_LEVEL: 'silent', RULES_FILE: 'server.yaml' };
    expect((await device('add', 'desk', 'lamp.json', '--server', lamp.url)).code).to.equal(0);
    const watch = await runCommand(['watch', 'desk', 'get_state', '--count', '1'], { cwd, env });
    expect([watch.code, watch.stdout.includes('Rule 1 of the server: ask before reads.')]).to.deep.equal([
      1,
      true,
    ]);
    const check = await runCommand(['device', 'check', 'desk'], { cwd, env });
    expect([check.code, check.stdout.includes('takes connections')]).to.deep.equal([0, true]);
    expect(lamp.seen).to.deep.equal([]);
  });
});
