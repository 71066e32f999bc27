import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Envelope } from '../../lib/cli/client.ts';
import { lampTemplate } from '../../lib/cli/init/lamp.ts';
import { packageRoot } from '../../lib/package.ts';
import { runCommand, startCommand, startOnTerminal } from '../support/command.ts';
import { needPeer } from '../support/peers.ts';
import { openHouse } from '../support/scenario.ts';
import { waitFor } from '../support/wait-for.ts';

describe('lite-agent chat', function () {
  this.timeout(60_000); // each test starts processes, which take their time on a busy machine
  let cwd: string;
  let house: Awaited<ReturnType<typeof openHouse>>;
  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'chat-'));
    house = await openHouse();
  });
  after(async () => {
    rmSync(cwd, { recursive: true });
    await house.close();
  });

  it('answers piped sentences, a line each', async () => {
    const { code, stdout, stderr } = await runCommand(['chat'], {
      cwd,
      input: 'Hello\n\n  What can you do?  \n',
    });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout.trim().split('\n').length).to.be.at.least(2);
  });

  it('warns of a key that no document asks for, as `call` does, on the standard error', async () => {
    writeFileSync(join(cwd, 'lamp.yaml'), lampTemplate);
    const key = ['--credentials', '{"kye":"lamp-key-0123456789"}', '--server', 'http://127.0.0.1:9'];
    const warning = (place: string): string =>
      `lite-agent: warning: ${place}/credentials/kye: the document has no security scheme of this name, and the key is not sent; did you mean "key"?\n`;
    const chat = await runCommand(['chat', '--spec', 'lamp.yaml', ...key], { cwd, input: 'Hello\n' });
    const [first] = chat.stderr.split(/^(?=lite-agent: no device)/m); // the demo model has called none
    expect(first).to.equal(warning('/openSpecList/0'));
    const nobodyThere =
      'Is the device switched on, and is its address right (--server)? "lite-agent simulate FILE" starts a stand-in.\n';
    const call = await runCommand(['call', 'lamp.yaml', 'get_power', ...key], { cwd });
    expect(call.stderr).to.equal(warning('') + nobodyThere);
    const right = key.map((text) => text.replace('kye', 'key'));
    const rightCall = await runCommand(['call', 'lamp.yaml', 'get_power', ...right], { cwd });
    expect(rightCall.stderr).to.equal(nobodyThere);
  });

  it('prints every envelope as a line of JSON with --json', async () => {
    const { code, stdout } = await runCommand(['chat', '--json'], { cwd, input: 'Hello\n' });
    expect(code).to.equal(0);
    const envelopes = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Envelope);
    expect(envelopes.map(({ from, to }) => `${from} ${to}`)).to.deep.equal([
      'agent client',
      'user agent',
      'agent llm',
      'llm agent',
      'agent user',
      'agent client',
    ]);
  });

  it('joins a session of a running server, with its token', async () => {
    const token = 'a-long-random-token';
    const server = startCommand(['serve'], { cwd, env: { PORT: '0', AUTH: 'required', AUTH_TOKEN: token } });
    server.stderr.resume();
    const ended = once(server, 'close');
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const [, url = ''] = /listening on (\S+)\/api\n/.exec(line.toString()) ?? [];
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const openSpecList = house.documents;
    const init = await fetch(`${url}/api/init`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ openSpecList }),
    });
    const { id } = (await init.json()) as { id: string };
    const input = 'Move the robot to shelf 5\n';
    const [joined, byEnvironment, stranger] = [
      await runCommand(['chat', '--url', url, '--session', id, '--token', token], { cwd, input }),
      await runCommand(['chat', '--url', `${url}/api/`], {
        cwd,
        input: 'Hello\n',
        env: { AUTH_TOKEN: token },
      }),
      await runCommand(['chat', '--url', url, '--session', id], { cwd, input }),
    ];
    server.kill('SIGTERM');
    expect(await ended).to.deep.equal([0, null]);
    expect([joined.code, byEnvironment.code]).to.deep.equal([0, 0]);
    expect({ code: stranger.code, stdout: stranger.stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(stranger.stderr).to.match(
      /^lite-agent: ws:.*: A token is needed: send "Authorization: Bearer <token>"\.\n$/,
    );
    expect(house.devices[2]?.device.state()).to.match(/^at shelf 5, /);
  });

  it('talks to a device at another address than that of its document', async () => {
    const lights = house.devices[1]!;
    const input = 'Turn on the kitchen light\n';
    const chat = (...more: string[]) =>
      runCommand(['chat', '--spec', lights.document, ...more], { cwd, input });
    expect(await chat('--server', lights.device.server)).to.deep.equal({
      code: 0,
      stdout: 'Done: Switch light (room kitchen, power on).\n',
      stderr: '',
    });
    const two = await chat('--server', lights.device.server, 'plc.local');
    expect([two.code, two.stderr]).to.deep.equal([
      2,
      'lite-agent: --server has 2 values, and there are 1 documents: give one for each document, in their order.\n',
    ]);
  });

  it('ends with 1 when a call of a device failed, although the model answered', async () => {
    const { code, stdout, stderr } = await runCommand(
      ['chat', '--spec', house.devices[1]!.document, '--server', 'http://127.0.0.1:1'],
      { cwd, input: 'Turn on the kitchen light\nTurn on the bedroom light\n' },
    );
    expect([code, stderr]).to.deep.equal([
      1,
      'lite-agent: a call of a device failed: Turn on the kitchen light\n' +
        'Is the device switched on, and is its address right (--server)? "lite-agent simulate FILE" starts a stand-in.\n' +
        'lite-agent: a call of a device failed: Turn on the bedroom light\n',
    ]);
    expect(stdout).to.match(/^Switch light failed/);
  });

  it('ends with 1 when no device was called for a sentence, and names the sentence', async () => {
    const { document, device } = house.devices[1]!;
    const chat = (...more: string[]) =>
      runCommand(['chat', '--spec', document, '--server', device.server, ...more], {
        cwd,
        input: 'Turn on the kitchen light\nBrew a coffee\n',
      });
    const stderr = 'lite-agent: no device was called: Brew a coffee\n';
    for (const { code, ...said } of [await chat(), await chat('--json')])
      expect([code, said.stderr]).to.deep.equal([1, stderr]);
  });

  it('ends with 1 for a value out of the range of the device, with the words of the server', async () => {
    const place = join(packageRoot(), 'examples/air-conditioner.openmodbus.json');
    const { code, stdout } = await runCommand(['chat', '--spec', place], {
      cwd,
      input: 'Set the target temperature to 99 degrees\n',
    });
    expect([code, stdout]).to.deep.equal([
      1,
      'Set target temperature failed: The arguments do not fit the tool: /target_temperature must be <= 30.\n',
    ]);
  });

  it('has commands on a terminal, and knows which one was meant', async function () {
    needPeer(this, 'script');
    const { document, device } = house.devices[1]!;
    const child = startOnTerminal(['chat', '--spec', document, '--server', device.server], { cwd });
    let shown = '';
    child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    const type = async (line: string, answer: RegExp): Promise<void> => {
      child.stdin.write(`${line}\n`);
      await waitFor(() => answer.test(shown));
    };
    const ended = once(child, 'close');
    await waitFor(() => shown.includes('/help shows the commands'));
    await type('/help', /\/devices +show the devices/);
    await type('/tools', /Lights: openapi, http:[^\n]+\n +read +list_lights/);
    await type('/devices', new RegExp(`Lights: openapi, ${device.server}`));
    await type('/quot', /There is no command \/quot\. Did you mean \/quit\?/);
    await type('Turn on the kitchen light', /switch_light \{"room":"kitchen","power":"on"\}/);
    await type('/quit', /$/);
    expect(await ended).to.deep.equal([0, null]);
  });

  it('repeats the words of the server for a session that is not there', async () => {
    const server = startCommand(['serve'], { cwd, env: { PORT: '0', DATABASE_URL: 'sqlite::memory:' } });
    server.stderr.resume();
    const ended = once(server, 'close');
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const [, url = ''] = /listening on (\S+)\n/.exec(line.toString()) ?? [];
    const { code, stderr } = await runCommand(['chat', '--url', url, '--session', 'nope'], {
      cwd,
      input: 'x\n',
    });
    server.kill('SIGTERM');
    await ended;
    expect([code, stderr]).to.deep.equal([
      1,
      `lite-agent: ${url.replace('http', 'ws')}/chat: There is no session "nope": it is unknown or has expired.\n`,
    ]);
  });

  it('says why it cannot begin', async () => {
    const [url, session, spec] = await Promise.all([
      runCommand(['chat', '--url', 'http://127.0.0.1:1'], { cwd, input: 'Hello\n' }),
      runCommand(['chat', '--session', 'x'], { cwd }),
      runCommand(['chat', '--spec', 'nowhere.yaml'], { cwd }),
    ]);
    expect([url.code, session.code, spec.code]).to.deep.equal([1, 2, 1]);
    expect(url.stderr).to.match(/^lite-agent: http:\/\/127\.0\.0\.1:1\/api cannot be reached: /);
    expect(session.stderr).to.match(/^error: --session needs --url/);
    expect(spec.stderr).to.equal('lite-agent: nowhere.yaml cannot be read: there is no such file\n');
  });
});
