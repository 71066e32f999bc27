import { execFile, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { runSimulate, type SimulateCommandOptions } from '../../lib/cli/simulate.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { AppError } from '../../lib/errors.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { freePort, freePortPair } from '../support/free-port.ts';
import { needPeer } from '../support/peers.ts';
import { captureOutput } from '../support/output.ts';
import { waitFor } from '../support/wait-for.ts';

const meter: JsonObject = {
  openmodbus: '1.0.0',
  info: { title: 'Meter' },
  server: { type: 'tcp', config: { url: 'meter.local', port: 502, timeout: 300, retries: 0 } },
  functions: [
    {
      name: 'read_power',
      method: 'read',
      path: { slaveId: 1, storage: 'inputRegisters', address: 0, count: 1 },
      return: { name: 'power', type: 'uint16', multiplier: 0.1, min: 0, max: 100, uom: 'kW' },
    },
    {
      name: 'set_limit',
      method: 'write',
      path: { slaveId: 1, storage: 'holdingRegisters', address: 5, count: 1 },
      parameter: { name: 'limit', type: 'uint16', min: 0, max: 200, uom: 'A' },
    },
  ],
};

interface Started {
  control: string;
  devices: { name: string; kind: string; server: string; described?: string }[];
}

describe('cli/simulate', function () {
  this.timeout(30_000);
  let folder: string;
  let document: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'simulate-'));
    document = join(folder, 'meter.openmodbus.json');
    await writeFile(document, JSON.stringify(meter));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Runs it in this process until `body` is done; gives what it printed. */
  async function during(
    documents: string[],
    options: SimulateCommandOptions,
    body: (text: string) => Promise<void>,
    terminal?: number,
  ): Promise<void> {
    const io = captureOutput(terminal);
    let end = (): void => undefined;
    const stop = new Promise<void>((resolve) => (end = resolve));
    const running = runSimulate(documents, options, io, stop);
    try {
      await Promise.race([waitFor(() => io.text() !== '', 10_000), running]);
      await body(io.text());
    } finally {
      end();
      await running;
    }
  }
  const jsonOf = (text: string): Started => JSON.parse(text) as Started;

  it('shows the address and the document of each device, and how to use it', async () => {
    await during([document, 'examples/lights.openapi.json'], {}, async (text) => {
      const [, place = ''] =
        /listens on (127\.0\.0\.1:\d+) \(the document says meter\.local:502\)/.exec(text) ?? [];
      expect(text).to.match(/^No hardware moves/);
      expect(text).to.contain('Meter: openmodbus, as meter\n');
      expect(text).to.match(
        new RegExp(`lite-agent call .*meter\\.openmodbus\\.json TOOL '\\{\\}' --server ${place}\n`),
      );
      expect(text).to.match(/Lights: openapi, as lights\n {2}listens on http:\/\/127\.0\.0\.1:\d+/);
      const [, control = ''] = /Control port: (\S+);/.exec(text) ?? [];
      expect(await (await fetch(`${control}/meter/state`)).json()).to.deep.equal({
        read_power: 50,
        set_limit: 100,
      });
    });
  });

  it('gives names and ports that differ, in one JSON value', async () => {
    const port = await freePortPair();
    await during([document, document], { port, json: true }, async (text) => {
      const { devices } = jsonOf(text);
      expect(devices.map(({ name, server }) => [name, server])).to.deep.equal([
        ['meter', `127.0.0.1:${port}`],
        ['meter-2', `127.0.0.1:${port + 1}`],
      ]);
      expect(text.trim().split('\n')).to.have.length(1);
    });
  });

  it('takes free ports with --port 0, also where the document names a port of this machine', async () => {
    const port = await freePort();
    const here = join(folder, 'here.openmodbus.json');
    const server = { type: 'tcp', config: { url: '127.0.0.1', port } };
    await writeFile(here, JSON.stringify({ ...meter, server }));
    const portsOf = async (options: SimulateCommandOptions): Promise<string[]> => {
      let servers: string[] = [];
      await during([here, here], { ...options, json: true }, async (text) => {
        servers = jsonOf(text).devices.map((one) => one.server);
      });
      return servers;
    };
    expect(await portsOf({ port: 0 })).to.not.include(`127.0.0.1:${port}`);
    expect(await portsOf({})).to.include(`127.0.0.1:${port}`);
  });

  it('lets measured values wander when asked to', async () => {
    await during([document], { drift: true, json: true }, async (text) => {
      const { control } = jsonOf(text);
      let power: unknown = 50;
      const read = async (): Promise<void> => {
        power = await (await fetch(`${control}/meter/state/read_power`)).json();
      };
      for (const end = performance.now() + 8000; power === 50 && performance.now() < end;) await read();
      expect(power).not.to.equal(50);
      expect(await (await fetch(`${control}/meter/state/set_limit`)).json()).to.equal(100);
    });
  });

  it('leaves nothing behind when one of the documents cannot be served', async () => {
    const port = await freePort();
    const bad = join(folder, 'bad.json');
    await writeFile(bad, '{"openmodbus":"1.0.0"}');
    const failed = async (documents: string[], options: SimulateCommandOptions): Promise<AppError> => {
      const error: unknown = await runSimulate(documents, options, captureOutput(), Promise.resolve()).catch(
        (error: unknown) => error,
      );
      expect(error).to.be.instanceOf(AppError);
      return error as AppError;
    };
    expect((await failed([document, bad], { port })).message).to.match(/bad\.json: .*\/server is missing/s);
    expect((await failed([join(folder, 'none.json')], {})).code).to.equal('not_found');
    await during([document], { port, json: true }, async () => {
      expect((await failed([document], { port })).message).to.equal(
        `Cannot listen on 127.0.0.1:${port}: it is in use.`,
      );
      expect((await failed([document], { control: port })).message).to.match(/it is in use/);
      // An address of documentation [RFC 5737], which no machine has.
      expect((await failed([document], { port, host: '192.0.2.1' })).message).to.equal(
        `Cannot listen on 192.0.2.1:${port}: this machine has no such address.`,
      );
    });
  });

  it('describes the control port in its help, and refuses bad ports', async () => {
    const help = await runCommand(['simulate', '--help']);
    expect(help.code).to.equal(0);
    for (const word of ['/DEVICE/state', '/DEVICE/fault', 'delay', 'exception', 'drop', 'garbage'])
      expect(help.stdout).to.contain(word);
    expect((await runCommand(['simulate', document, '--port', '70000'])).code).to.equal(2);
  });

  describe('as a process', () => {
    let child: ChildProcess;
    let ended: Promise<number | null>;
    let started: Started;
    const serverOf = (name: string): string => started.devices.find((one) => one.name === name)?.server ?? '';
    const call = async (place: string, name: string, ...args: string[]): Promise<[number | null, string]> => {
      const { code, stdout } = await runCommand(['call', place, ...args, '--server', serverOf(name)]);
      return [code, stdout];
    };
    const fault = (name: string, value: unknown): Promise<Response> =>
      fetch(`${started.control}/${name}/fault`, { method: 'PUT', body: JSON.stringify(value) });

    before(async () => {
      const documents = [document, 'examples/lights.openapi.json', 'examples/robot.openrpc.json'];
      const process = startCommand(['simulate', ...documents, '--json', '--port', '0']);
      child = process;
      ended = new Promise((resolve) => process.once('close', resolve));
      let text = '';
      process.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      await waitFor(() => text.endsWith('\n'), 20_000);
      started = jsonOf(text);
    });
    after(() => {
      child.kill('SIGKILL');
    });

    it('is read, written and fails over Modbus through the command line', async () => {
      expect(await call(document, 'meter', 'read_power')).to.deep.equal([
        0,
        'statusCode: 0\nvalue: 50\nmessage: power: 50kW\nname: power\nuom: kW\n',
      ]);
      expect((await call(document, 'meter', 'set_limit', '{"limit":42}'))[0]).to.equal(0);
      expect(await (await fetch(`${started.control}/meter/state/set_limit`)).json()).to.equal(42);
      expect((await call(document, 'meter', 'set_limit', '{"limit":900}'))[1]).to.match(
        /^error .*\(nothing happened\)$/m,
      );
      await fault('meter', { kind: 'exception', code: 4 });
      expect((await call(document, 'meter', 'set_limit', '{"limit":43}'))[1]).to.match(
        /^error \w*DEVICE_FAILURE: .*exception 4/m,
      );
      await fault('meter', { kind: 'drop' });
      const [code, text] = await call(document, 'meter', 'set_limit', '{"limit":43}');
      expect(code).to.equal(1);
      expect(text).to.match(/it may have happened: look at the device/);
      await fetch(`${started.control}/meter/fault`, { method: 'DELETE' });
      expect((await call(document, 'meter', 'read_power'))[0]).to.equal(0);
    });

    it('is read, written and fails over HTTP through the command line', async () => {
      const place = 'examples/lights.openapi.json';
      const light = (brightness: number): object => ({
        room: 'kitchen',
        power: 'on',
        brightness,
        color: 'color',
      });
      const shown = (value: unknown): string => `statusCode: 200\n${JSON.stringify(value, null, 2)}\n`;
      expect(await call(place, 'lights', 'get_light', '{"room":"kitchen"}')).to.deep.equal([
        0,
        shown(light(1)),
      ]);
      const [code] = await call(
        place,
        'lights',
        'set_light_brightness',
        '{"room":"kitchen","brightness":40}',
      );
      expect(code).to.equal(0);
      expect(await call(place, 'lights', 'get_light', '{"room":"kitchen"}')).to.deep.equal([
        0,
        shown(light(40)),
      ]);
      await fault('lights', { kind: 'exception', code: 503 });
      const [failed, text] = await call(place, 'lights', 'switch_light', '{"room":"kitchen","power":"off"}');
      expect(failed).to.equal(1);
      expect(text)
        .to.match(/statusCode: 503/)
        .and.match(/told to fail/);
      await fetch(`${started.control}/lights/fault`, { method: 'DELETE' });
    });

    it('is read, written and fails over JSON-RPC through the command line', async () => {
      const place = 'examples/robot.openrpc.json';
      expect((await call(place, 'robot', 'robot_moveToShelf', '{"shelf":7}'))[0]).to.equal(0);
      expect((await call(place, 'robot', 'robot_status'))[1]).to.contain('"shelf": 7');
      await fault('robot', { kind: 'exception', code: 1001 });
      const [code, text] = await call(place, 'robot', 'robot_status');
      expect(code).to.equal(1);
      expect(text).to.match(/error 1001: The simulated device was told to fail/);
      await fetch(`${started.control}/robot/fault`, { method: 'DELETE' });
    });

    it('is polled by mbpoll', async function () {
      needPeer(this, 'mbpoll');
      const port = serverOf('meter').split(':')[1] ?? '';
      const mbpoll = async (...args: string[]): Promise<string> => {
        const place = ['-m', 'tcp', '-p', port, '-0', '-1', '-q', '-o', '1', '-a', '1'];
        const { stdout, stderr } = await promisify(execFile)('mbpoll', [...place, ...args]).catch(
          (error: { stdout: string; stderr: string }) => error,
        );
        return stdout + stderr;
      };
      expect(await mbpoll('-r', '0', '-t', '3', '127.0.0.1')).to.match(/\[0\]:\s+500/);
      expect(await mbpoll('-r', '5', '-t', '4', '127.0.0.1', '17')).to.contain('Written 1 references');
      expect(await (await fetch(`${started.control}/meter/state/set_limit`)).json()).to.equal(17);
      expect(await mbpoll('-r', '5', '-t', '4', '127.0.0.1', '900')).to.contain('Illegal data value');
      expect(await mbpoll('-r', '77', '-t', '4', '127.0.0.1')).to.contain('Illegal data address');
    });

    it('ends at Ctrl-C, also while an answer is due', async () => {
      await fault('lights', { kind: 'delay', ms: 60_000 });
      const waiting = fetch(`${serverOf('lights')}/rooms`).catch((error: unknown) => error);
      child.kill('SIGINT');
      expect(await ended).to.equal(0);
      expect(await waiting).to.be.instanceOf(Error);
    });
  });
});
