import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { JsonObject } from '../../../../lib/common/json.ts';
import type { Egress } from '../../../../lib/drivers/egress.ts';
import { openModbus, type ModbusDriver } from '../../../../lib/drivers/modbus/modbus.ts';
import { AppError, SpecError } from '../../../../lib/errors.ts';
import { openmodbus } from '../../../../lib/openspec/openmodbus/openmodbus.ts';
import {
  simulateModbus,
  type SimulatedModbus,
} from '../../../../lib/openspec/openmodbus/simulator/simulate-modbus.ts';
import { callTool } from '../../../support/modbus-call.ts';
import { openLocalEgress } from '../../../support/modbus-egress.ts';
import { needPeer } from '../../../support/peers.ts';
import { rejection } from '../../../support/refusal.ts';
import { waitFor } from '../../../support/wait-for.ts';

const path = (storage: string, address: number, count = 1, slaveId = 1): JsonObject => ({
  slaveId,
  storage,
  address,
  count,
});
const fan = { name: 'fan', type: 'uint16', enum: { '1': 'low', '3': 'high' } };
const target = { name: 'target', type: 'int16', multiplier: 0.1, min: 16, max: 30, uom: '℃' };
const document: JsonObject = {
  openmodbus: '1.0.0',
  info: { title: 'Boiler' },
  server: { type: 'tcp', config: { url: '127.0.0.1', port: 502, timeout: 200 } },
  functions: [
    {
      name: 'room',
      method: 'read',
      path: path('inputRegisters', 0),
      return: { name: 'room', type: 'int16', multiplier: 0.1, min: 10, max: 40, uom: '℃' },
    },
    { name: 'get_target', method: 'read', path: path('holdingRegisters', 1), return: target },
    { name: 'set_target', method: 'write', path: path('holdingRegisters', 1), parameter: target },
    { name: 'set_fan', method: 'write', path: path('holdingRegisters', 2), parameter: fan },
    {
      name: 'label',
      method: 'read',
      path: path('holdingRegisters', 10, 4),
      return: { name: 'label', type: 'string' },
    },
    {
      name: 'doors',
      method: 'read',
      path: path('discreteInputs', 0, 3),
      return: { name: 'doors', type: 'bool' },
    },
    {
      name: 'set_pumps',
      method: 'write',
      path: path('coils', 0, 2),
      parameter: { name: 'on', type: 'bool' },
    },
    {
      name: 'set_flag',
      method: 'write',
      path: path('holdingRegisters', 20),
      parameter: { name: 'flag', type: 'bool', bit: 3 },
    },
  ],
};

describe('a simulated Modbus device', () => {
  let egress: Egress;
  let driver: ModbusDriver;
  let device: SimulatedModbus;

  const call = async (name: string, args: JsonObject = {}): Promise<JsonObject> => {
    const spec = await openmodbus(driver).compile(document, {});
    spec.close?.();
    const tool = spec.tools.find((each) => each.name === name);
    return callTool(tool, args, { connection: { server: device.server } });
  };

  beforeEach(async () => {
    egress = openLocalEgress();
    driver = openModbus({ egress });
    device = await simulateModbus(document, { values: { label: 'cellar', doors: [true, false, true] } });
  });
  afterEach(async () => {
    await driver.close();
    await device.close();
    await egress.close();
  });

  it('starts in the middle of the ranges of its document, with the values it is given', () => {
    expect(device.state()).to.deep.equal({
      room: 25,
      get_target: 23,
      set_fan: 'low',
      label: 'cellar',
      doors: [true, false, true],
      set_pumps: [false, false],
      set_flag: false,
    });
  });

  it('keeps written values, and shows them to a reader', async () => {
    const results = [
      await call('set_target', { target: 21.5 }),
      await call('set_fan', { fan: 'high' }),
      await call('set_pumps', { on: [false, true] }),
      await call('set_flag', { flag: true }),
      await call('get_target'),
      await call('doors'),
      await call('label'),
    ];
    expect(results.map(({ value }) => value)).to.deep.equal([
      21.5,
      'high',
      [false, true],
      true,
      21.5,
      [true, false, true],
      'cellar',
    ]);
    expect(device.state()).to.include({ get_target: 21.5, set_fan: 'high', set_flag: true });
  });

  it('can be set from outside, by values that fit', async () => {
    device.set('room', 30.5);
    expect((await call('room'))['value']).to.equal(30.5);
    expect(() => device.set('room', 99)).to.throw(AppError, 'above the maximum 40');
    expect(() => device.set('roof', 1)).to.throw(AppError, 'no function roof');
  });

  it('has a fault until the fault is ended', async () => {
    const seen: unknown[] = [];
    for (const fault of [
      { kind: 'exception', code: 6 },
      { kind: 'drop' },
      { kind: 'garbage' },
      { kind: 'delay', ms: 20 },
      undefined,
    ] as const) {
      device.fault(fault);
      seen.push((await call('set_target', { target: 20 }))['statusCode']);
    }
    expect(seen).to.deep.equal([6, 240, 243, 0, 0]);
  });

  it('drifts inside its ranges when asked to', async () => {
    await device.close();
    device = await simulateModbus(document, { drift: { everyMs: 1, random: () => 1 } });
    await waitFor(() => device.state()['room'] === 40);
    expect(device.state()).to.include({ get_target: 23, set_fan: 'low' });
  });

  const measured: [string, JsonObject, string, number][] = [
    ['a float without a range', { type: 'float32' }, 'inputRegisters', 100],
    ['a scaled number without a range', { type: 'uint16', multiplier: 0.01 }, 'inputRegisters', 1],
    ['a number with an offset', { type: 'uint16', offset: -40 }, 'inputRegisters', 60],
    ['a whole number in a narrow range', { type: 'int16', min: 0, max: 3 }, 'inputRegisters', 3],
    ['a holding register that nothing writes', { type: 'uint16', max: 7 }, 'holdingRegisters', 7],
  ];
  for (const [what, value, storage, end] of measured)
    it(`lets ${what} wander`, async () => {
      await device.close();
      const count = value['type'] === 'float32' ? 2 : 1;
      const read = {
        name: 'm',
        method: 'read',
        path: path(storage, 0, count),
        return: { name: 'm', ...value },
      };
      const drift = { everyMs: 1, random: () => 1 };
      device = await simulateModbus({ ...document, functions: [read] }, { drift });
      await waitFor(() => device.state()['m'] === end);
    });

  it('rejects with the fault of its document, or because its port is taken', async () => {
    expect(await rejection(simulateModbus({ openmodbus: '1.0.0' }))).to.be.instanceOf(SpecError);
    const taken = await rejection(simulateModbus(document, { port: device.url.port }));
    expect(taken).to.have.property('code', 'EADDRINUSE');
  });

  describe('with mbpoll as its client', () => {
    before(function () {
      needPeer(this, 'mbpoll');
    });

    const mbpoll = async (...args: string[]): Promise<string> => {
      const place = ['-m', 'tcp', '-p', String(device.url.port), '-0', '-1', '-q', '-o', '1'];
      const { stdout } = await promisify(execFile)('mbpoll', [...place, ...args]).catch(
        (error: { stdout: string; stderr: string }) => ({ stdout: error.stdout + error.stderr }),
      );
      return stdout.trim();
    };

    it('is read and written, and refuses an unknown place', async () => {
      expect(await mbpoll('-a', '1', '-r', '0', '-t', '3', '127.0.0.1')).to.match(/\[0\]:\s+250$/);
      expect(await mbpoll('-a', '1', '-r', '1', '-t', '4', '127.0.0.1', '215')).to.contain(
        'Written 1 references',
      );
      expect(await mbpoll('-a', '1', '-r', '0', '-t', '0', '127.0.0.1', '1', '1')).to.contain('Written 2');
      expect(device.state())
        .to.include({ get_target: 21.5 })
        .and.deep.include({ set_pumps: [true, true] });
      expect(await mbpoll('-a', '1', '-r', '1', '-t', '4', '127.0.0.1', '500')).to.contain(
        'Illegal data value',
      );
      expect(await mbpoll('-a', '1', '-r', '99', '-t', '4', '127.0.0.1')).to.contain('Illegal data address');
      expect(await mbpoll('-a', '9', '-r', '1', '-t', '4', '127.0.0.1')).to.contain(
        'Target device failed to respond',
      );
    });
  });

  describe('at the end of a serial line', () => {
    const lineOf = (type: string): JsonObject => ({
      ...document,
      server: { type, config: { port: '/dev/nowhere', baudRate: 115200, requestDelay: 5, timeout: 200 } },
    });

    before(function () {
      needPeer(this, 'socat');
      needPeer(this, 'mbpoll');
    });

    for (const type of ['rtu', 'ascii']) {
      it(`is read and written over ${type}`, async () => {
        await device.close();
        device = await simulateModbus(lineOf(type), { pty: true });
        const spec = await openmodbus(driver).compile(lineOf(type), {});
        spec.close?.();
        const line = (name: string, args: JsonObject = {}): Promise<JsonObject> =>
          callTool(
            spec.tools.find((tool) => tool.name === name),
            args,
            { connection: { server: device.server } },
          );
        const results = [
          await line('set_target', { target: 21.5 }),
          await line('set_pumps', { on: [true, false] }),
          await line('get_target'),
          await line('room'),
        ];
        expect(results.map(({ value }) => value)).to.deep.equal([21.5, [true, false], 21.5, 25]);
        device.fault({ kind: 'garbage' });
        expect((await line('room'))['statusCode']).to.be.oneOf([240, 245, 246]);
        device.fault(undefined);
        expect((await line('room'))['value']).to.equal(25);
      });
    }

    it('is polled by mbpoll, and silent for a unit that is not there', async () => {
      await device.close();
      device = await simulateModbus(lineOf('rtu'), { pty: true });
      const poll = async (unit: number): Promise<string> => {
        const line = [
          '-m',
          'rtu',
          '-b',
          '115200',
          '-P',
          'none',
          '-0',
          '-1',
          '-q',
          '-o',
          '0.3',
          device.server,
        ];
        const asked = promisify(execFile)('mbpoll', ['-a', String(unit), '-r', '0', '-t', '3', ...line]);
        const { stdout, stderr } = await asked.catch((error: { stdout: string; stderr: string }) => error);
        return stdout + stderr;
      };
      expect(await poll(1)).to.match(/\[0\]:\s+250/);
      expect(await poll(9)).to.contain('timed out');
    });

    it('is for documents of a serial line, and names the missing program', async () => {
      expect(await rejection(simulateModbus(document, { pty: true }))).to.have.property(
        'code',
        'invalid_request',
      );
      // Nothing can be made below a file.
      const path = `${import.meta.filename}/tty`;
      const error = await rejection(simulateModbus(lineOf('rtu'), { pty: path }));
      expect(error).to.have.property('code', 'unavailable');
      expect(error).to.have.property('message').that.contains('socat ended').and.contains(path);
      const { PATH } = process.env;
      process.env['PATH'] = '/nowhere';
      const missing = await rejection(simulateModbus(lineOf('rtu'), { pty: true }));
      process.env['PATH'] = PATH;
      expect(missing).to.have.property('message').that.contains('is it installed?');
    });
  });

  it('serves a document of type udp on UDP', async () => {
    await device.close();
    const udp = { ...document, server: { type: 'udp', config: { url: '127.0.0.1', timeout: 200 } } };
    device = await simulateModbus(udp, {});
    const spec = await openmodbus(driver).compile(udp, {});
    spec.close?.();
    const connection = { server: device.server };
    const [room, , set] = spec.tools;
    expect(await callTool(room, {}, { connection })).to.include({ statusCode: 0, value: 25 });
    expect(await callTool(set, { target: 20 }, { connection })).to.include({ statusCode: 0, value: 20 });
  });

  it('frames as a serial line does where the document says RTU over TCP, and is silent for a unit that is not there', async () => {
    await device.close();
    const config = { url: '127.0.0.1', timeout: 100, framing: 'rtu', retries: 0 };
    const [room] = document['functions'] as JsonObject[];
    const elsewhere = { ...room, name: 'elsewhere', path: path('inputRegisters', 0, 1, 9) };
    const rtu = { ...document, server: { type: 'tcp', config } };
    device = await simulateModbus(rtu);
    const spec = await openmodbus(driver).compile(
      { ...rtu, functions: [room, elsewhere] as JsonObject[] },
      {},
    );
    spec.close?.();
    const connection = { server: device.server };
    const [first, second] = spec.tools;
    expect(await callTool(first, {}, { connection })).to.include({ statusCode: 0, value: 25 });
    expect(await callTool(second, {}, { connection })).to.include({ statusCode: 240 });
  });

  it('refuses a request that writes several values when one of them does not fit', async () => {
    const [, , set] = document['functions'] as JsonObject[];
    const both = {
      ...set,
      name: 'both',
      path: path('holdingRegisters', 1, 2),
      parameter: { name: 'both', type: 'int16' },
    };
    const spec = await openmodbus(driver).compile({ ...document, functions: [both] }, {});
    spec.close?.();
    const send = (both: number[]): Promise<JsonObject> =>
      callTool(spec.tools[0], { both }, { connection: { server: device.server } });
    expect(await send([215, 7])).to.include({ statusCode: 3 });
    expect(await send([999, 1])).to.include({ statusCode: 3 });
    expect(device.state()).to.include({ get_target: 23, set_fan: 'low' });
    expect(await send([215, 3])).to.include({ statusCode: 0 });
    expect(device.state()).to.include({ get_target: 21.5, set_fan: 'high' });
    expect(device.value('set_fan')).to.equal('high');
    expect(device.value('roof')).to.equal(undefined);
  });
});
