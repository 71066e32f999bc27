import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { lampTemplate } from '../../lib/cli/init/lamp.ts';
import { runWatch, type WatchOptions } from '../../lib/cli/watch.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { AppError } from '../../lib/errors.ts';
import { simulateAirConditioner } from '../../lib/cli/demo/air-conditioner.ts';
import { defaultKinds } from '../../lib/defaults.ts';
import { simulateDocument } from '../../lib/openspec/simulate-document.ts';
import type { Simulation } from '../../lib/simulate/simulation.ts';
import type { SimulatedDevice } from '../../lib/cli/demo/device.ts';
import { runCommand } from '../support/command.ts';
import { captureOutput } from '../support/output.ts';
import { plugsDocument } from '../support/plugs-document.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../support/wait-for.ts';

const airConditioner = 'examples/air-conditioner.openmodbus.json';
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t/gm;

describe('cli/watch', () => {
  let device: SimulatedDevice;
  let plugs: Simulation;
  let folder: string;
  let plugsFile: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'watch-'));
    plugsFile = join(folder, 'plugs.json');
    await writeFile(plugsFile, JSON.stringify(plugsDocument));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    device = await simulateAirConditioner();
    plugs = await simulateDocument(defaultKinds, plugsDocument);
  });
  afterEach(async () => {
    await device.close();
    await plugs.device.close();
  });

  const run = async (
    place: string,
    words: string[],
    options: WatchOptions,
    terminal?: number,
    signal = new AbortController().signal,
  ): Promise<[number, string]> => {
    const io = captureOutput(terminal);
    const code = await runWatch(place, words, { every: 10, ...options }, io, signal);
    return [code, io.text()];
  };

  it('writes a line a reading into a pipe, with units', async () => {
    const words = ['read_room_temperature', 'get_mode'];
    const [code, text] = await run(airConditioner, words, { count: 2, server: device.server });
    expect([code, text.replaceAll(time, '')]).to.deep.equal([
      0,
      'read_room_temperature\t28.4\t℃\nget_mode\tcool\nread_room_temperature\t28.4\t℃\nget_mode\tcool\n',
    ]);
    expect(text.match(time)).to.have.length(4);
  });

  it('gives one JSON value a line', async () => {
    const [code, text] = await run(airConditioner, ['get_target_temperature'], {
      count: 1,
      json: true,
      server: device.server,
    });
    const line = JSON.parse(text) as JsonObject;
    expect(new Date(line['time'] as string).getTime()).to.be.closeTo(Date.now(), 10_000);
    expect([code, { ...line, time: '' }]).to.deep.equal([
      0,
      {
        time: '',
        name: 'get_target_temperature',
        arguments: {},
        result: {
          statusCode: 0,
          value: 26,
          message: 'target_temperature: 26℃',
          name: 'target_temperature',
          uom: '℃',
        },
        value: 26,
        unit: '℃',
      },
    ]);
  });

  it('shows one tool in a line on a terminal, in place', async () => {
    const [, text] = await run(
      airConditioner,
      ['read_room_temperature'],
      { count: 2, server: device.server },
      80,
    );
    const shown = text.split('\u001B[1A');
    expect(shown).to.have.length(2);
    for (const line of shown)
      expect(stripVTControlCharacters(line)).to.match(
        /^\r\d\d:\d\d:\d\d {2}read_room_temperature {2}28\.4 ℃\n$/,
      );
  });

  it('shows several tools in a table, no line longer than the terminal, changed values marked', async () => {
    const { server } = plugs.device;
    const stop = new AbortController();
    const io = captureOutput(60);
    const words = ['getPlug', '{"plugId":1}', 'getMode', 'listPlugs'];
    const running = runWatch(plugsFile, words, { every: 20, server }, io, stop.signal);
    const marked = '\u001B[1m\u001B[33m';
    const rounds = (): number => io.text().split('\u001B[3A').length;
    await waitFor(() => rounds() >= 2);
    expect(io.text()).not.to.contain(marked);
    plugs.device.set('/plugs/1', { id: 1, name: 'desk', on: true, watts: 50 });
    await waitFor(() => io.text().includes(marked));
    stop.abort();
    expect(await running).to.equal(0);
    const [first = ''] = stripVTControlCharacters(io.text()).split('\r').slice(1);
    expect(first.slice(10)).to.match(/^getPlug \{"plugId":1\} {2}id 1, n/);
    const lines = stripVTControlCharacters(io.text()).split(/[\r\n]+/);
    expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(60);
    expect(io.text()).to.contain(`${marked}on true`);
  });

  it('goes on after an error, and shows it in plain words', async () => {
    const stop = new AbortController();
    const io = captureOutput();
    const running = runWatch(
      plugsFile,
      ['getMode'],
      { every: 10, server: plugs.device.server },
      io,
      stop.signal,
    );
    const until = async (text: string): Promise<void> => {
      const from = io.text().length;
      await waitFor(() => io.text().slice(from).includes(text));
    };
    await until('getMode\teco');
    plugs.device.fault({ kind: 'exception', code: 503 });
    await until('\teco, 1 s old\n');
    plugs.device.fault(undefined);
    await until('getMode\teco');
    stop.abort();
    expect(await running).to.equal(0);
    expect(io.text()).to.match(/error: .*503.*/);
  });

  it('shows on a terminal how old a value is while a reading hangs', async () => {
    const stop = new AbortController();
    const io = captureOutput(80);
    const { server } = plugs.device;
    const running = runWatch(plugsFile, ['getMode'], { every: 10, server }, io, stop.signal);
    const shown = (): string => stripVTControlCharacters(io.text());
    await waitFor(() => shown().includes('getMode  eco'));
    plugs.device.fault({ kind: 'delay', ms: 60_000 });
    await waitFor(() => /getMode {2}eco, 1 s old; waits for an answer/.test(shown()));
    await waitFor(() => /getMode {2}eco, 2 s old; waits for an answer/.test(shown()));
    stop.abort();
    plugs.device.fault(undefined);
    await plugs.device.close();
    expect(await running).to.be.oneOf([0, 1]);
  });

  it('ends with 1 when the last reading failed', async () => {
    await device.close();
    const [code, text] = await run(airConditioner, ['get_mode'], { count: 1, server: device.server });
    expect(code).to.equal(1);
    expect(text).to.match(/get_mode\terror: .* cannot be reached: .*\n$/);
    const [, red] = await run(airConditioner, ['get_mode'], { count: 1, server: device.server }, 30);
    expect(stripVTControlCharacters(red).trim().length).to.be.at.most(30);
  });

  it('warns of a key that the document does not ask for, and says what to look at where no device is', async () => {
    const lamp = join(folder, 'lamp.yaml');
    await writeFile(lamp, lampTemplate);
    const key = ['--credentials', '{"kye":"lamp-key-0123456789"}', '--server', 'http://127.0.0.1:1'];
    const { code, stdout, stderr } = await runCommand(['watch', lamp, 'get_power', '--count', '1', ...key]);
    expect([code, stdout.replaceAll(time, '')]).to.deep.equal([
      1,
      'get_power\terror: ECONNREFUSED: http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1\n',
    ]);
    expect(stderr.split('\n')).to.deep.equal([
      'lite-agent: warning: /credentials/kye: the document has no security scheme of this name, and the key is not sent; did you mean "key"?',
      'Is the device switched on, and is its address right (--server)? "lite-agent simulate FILE" starts a stand-in.',
      '',
    ]);
  });

  it('leaves readings out when one takes longer than the time between two', async () => {
    plugs.device.fault({ kind: 'delay', ms: 45 });
    const [, text] = await run(plugsFile, ['getMode'], {
      every: 20,
      count: 3,
      json: true,
      server: plugs.device.server,
    });
    const times = text
      .trim()
      .split('\n')
      .map((line) => new Date((JSON.parse(line) as { time: string }).time).getTime());
    // Each reading begins after the one before; without that they would be 20 ms apart.
    expect((times[2] ?? 0) - (times[0] ?? 0)).to.be.at.least(2 * 45 - 5);
  });

  const refusals: [title: string, words: string[], message: RegExp][] = [
    [
      'a tool that may change the device',
      ['getMode', 'setMode', '{"mode":"eco"}'],
      /^setMode may change the device \(POST \/setMode\): watch only reads/,
    ],
    ['a tool that does not exist', ['getMood'], /^There is no tool named "getMood"/],
    ['arguments that do not fit', ['getPlug', '{"plugId":"x"}'], /\/plugId must be integer/],
    ['arguments that are no JSON', ['getPlug', '{plugId'], /not valid JSON/],
    ['arguments without a tool', ['{"plugId":1}'], /a tool's name comes first/],
  ];
  for (const [title, words, message] of refusals) {
    it(`refuses ${title}`, async () => {
      const error: unknown = await run(plugsFile, words, { count: 1, server: plugs.device.server }).catch(
        (error: unknown) => error,
      );
      expect(error).to.be.instanceOf(AppError).with.property('code', 'invalid_request');
      expect((error as AppError).message).to.match(message);
    });
  }

  it('ends with an exit code', async () => {
    const good = await runCommand([
      'watch',
      airConditioner,
      'get_mode',
      '--count',
      '2',
      '--every',
      '10ms',
      '--server',
      device.server,
    ]);
    expect([good.code, good.stderr, good.stdout.replaceAll(time, '')]).to.deep.equal([
      0,
      '',
      'get_mode\tcool\nget_mode\tcool\n',
    ]);
    const write = await runCommand([
      'watch',
      airConditioner,
      'set_power',
      '{"power":true}',
      '--server',
      device.server,
    ]);
    expect([write.code, write.stdout]).to.deep.equal([2, '']);
    expect(write.stderr).to.match(/set_power may change the device/);
    for (const wrong of [
      ['--every', '1h'],
      ['--every', '1ms'],
      ['--count', '0'],
    ])
      expect((await runCommand(['watch', airConditioner, 'get_mode', ...wrong])).code).to.equal(2);
  });
});
