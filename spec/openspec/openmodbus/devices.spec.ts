import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import type { Connection, Tool } from '../../../lib/core/tool.ts';
import type { Egress } from '../../../lib/drivers/egress.ts';
import { openModbus, type ModbusDriver } from '../../../lib/drivers/modbus/modbus.ts';
import { openmodbus } from '../../../lib/openspec/openmodbus/openmodbus.ts';
import { callTool } from '../../support/modbus-call.ts';
import { documentOf, functionOf } from '../../support/modbus-document.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';
import { adu, startModbusFake } from '../../support/modbus-fake.ts';
import { startLineFake, type LineFake } from '../../support/modbus-line-fake.ts';

describe('an OpenModbus tool and real devices', () => {
  let egress: Egress;
  let driver: ModbusDriver;

  beforeEach(() => {
    egress = openLocalEgress();
    driver = openModbus({ egress });
  });
  afterEach(async () => {
    await driver.close();
    await egress.close();
  });

  const toolsOf = async (
    functions: JsonObject[],
    config: JsonObject = {},
    type?: 'tcp' | 'udp' | 'rtu' | 'ascii',
  ): Promise<Tool[]> => (await openmodbus(driver).compile(documentOf(functions, config, type), {})).tools;

  describe('names the device of a call', () => {
    const devicesOf = async (
      connections: Connection[],
      config?: JsonObject,
      type?: 'tcp' | 'udp' | 'rtu' | 'ascii',
    ): Promise<unknown[]> => {
      const tools = await toolsOf([functionOf(), functionOf({ name: 'set', method: 'write' })], config, type);
      return connections.map((connection) => {
        const [read, write] = tools.map((tool) => tool.device?.(connection));
        return read === write ? read : [read, write];
      });
    };

    it('by the host and the port that the session really uses', async () => {
      const servers = ['Boiler:1502', 'tcp://boiler:1502', 'boiler', '[::1]:502', 'http://boiler', 'a:99999'];
      const connections = [{}, ...servers.map((server) => ({ server }))];
      const expected = [
        '127.0.0.1:502',
        'boiler:1502',
        'boiler:1502',
        'boiler:502',
        '[::1]:502',
        // A call to such an address is refused: it reaches no device.
        undefined,
        undefined,
      ];
      expect(await devicesOf(connections)).to.deep.equal(expected);
      expect(await devicesOf([{}, { server: 'udp://boiler:5' }], {}, 'udp')).to.deep.equal([
        '127.0.0.1:502',
        'boiler:5',
      ]);
    });

    it('by the path of a serial line', async () => {
      const connections = [{}, { server: '/dev/ttyOther' }];
      expect(await devicesOf(connections, {}, 'rtu')).to.deep.equal(['/dev/ttyX', '/dev/ttyOther']);
    });
  });

  it('gives no warning of a leak when many calls of one task wait', async () => {
    const fake = await startModbusFake();
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const tools = await toolsOf([functionOf(), functionOf({ name: 'set', method: 'write' })]);
    const stop = new AbortController();
    const context = { connection: { server: `127.0.0.1:${fake.port}` }, signal: stop.signal };
    const calls = Array.from({ length: 60 }, (_, index) =>
      callTool(tools[index % 2], index % 2 === 0 ? {} : { value: index }, context),
    );
    expect((await Promise.all(calls)).map(({ statusCode }) => statusCode)).to.deep.equal(calls.map(() => 0));
    fake.behave = () => undefined;
    const stopped = Array.from({ length: 20 }, () => callTool(tools[1], { value: 1 }, context));
    stop.abort();
    const codes = (await Promise.all(stopped)).map(({ statusCode }) => statusCode);
    expect(codes).to.deep.equal(stopped.map(() => 228));
    // Warnings are given in a later turn of the loop.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).to.deep.equal([]);
    await fake.close();
  });

  it('reports a refused write with a wrong length as refused, at once', async () => {
    const fake = await startModbusFake();
    fake.behave = ({ id, unit, fc, socket }) => {
      const frame = adu(id, unit, Buffer.of(fc | 0x80, 2));
      frame.writeUInt16BE(4, 4);
      socket.write(frame);
    };
    const [set] = await toolsOf([functionOf({ name: 'set', method: 'write' })], { timeout: 9000 });
    const result = await callTool(set, { value: 1 }, { connection: { server: `127.0.0.1:${fake.port}` } });
    expect(result).to.include({ statusCode: 2, message: 'illegalDataAddress' });
    expect(result['error']).to.include({ effect: 'none', sent: true });
    await fake.close();
  });

  describe('at the end of an adapter that echoes', () => {
    let line: LineFake;
    let connection: Connection;

    beforeEach(async () => {
      line = await startLineFake('rtu');
      connection = { server: `127.0.0.1:${line.port}` };
      line.behave = ({ send, bytes }) => send(bytes);
    });
    afterEach(() => line.close());

    const rtu = { framing: 'rtu', timeout: 80, retries: 0 };
    const coil = { storage: 'coils', address: 3 };
    const functions = [
      functionOf({ name: 'get' }),
      functionOf({ name: 'set', method: 'write' }),
      functionOf({ name: 'set_coil', method: 'write', value: { type: 'bool' }, path: coil }),
      functionOf({ name: 'set_verified', method: 'write', verify: true, path: { address: 5 } }),
      functionOf({ name: 'set_many', method: 'write', path: { count: 2 } }),
      functionOf({ name: 'set_bit', method: 'write', value: { type: 'bool', bit: 3 } }),
    ];

    it('says of each write that its fate is unknown when no device answers', async () => {
      const [get, ...writes] = await toolsOf(functions, rtu);
      expect(await callTool(get, {}, { connection })).to.include({ statusCode: 240 });
      const values = [1, true, 1, [1, 2]];
      for (const [index, value] of values.entries()) {
        const result = await callTool(writes[index], { value }, { connection });
        expect(result).to.include({ statusCode: 240, value: null });
        expect(result['error']).to.include({ effect: 'unknown', sent: true, retryable: false });
      }
      // The register of a bit is read first. Without an answer nothing is written.
      const bit = await callTool(writes[4], { value: true }, { connection });
      expect(bit['error']).to.include({ effect: 'none' });
    });

    it('reports a write as done that it has read back', async () => {
      line.behave = (request) => {
        request.send(request.bytes);
        if (request.fc <= 4) line.answer(request);
      };
      const [get, set, , verified] = await toolsOf(functions, rtu);
      await callTool(get, {}, { connection });
      // The fake's registers hold their addresses.
      const done = await callTool(verified, { value: 5 }, { connection });
      expect(done).to.include({ statusCode: 0, value: 5, confirmed: 'readback' });
      const other = await callTool(verified, { value: 6 }, { connection });
      expect(other).to.include({ statusCode: 227 });
      expect((await callTool(set, { value: 5 }, { connection }))['error']).to.include({ effect: 'unknown' });
    });
  });

  it('takes delayAfterConnect from the document, and checks it', async () => {
    const compile = (delayAfterConnect: number) =>
      openmodbus(driver).compile(documentOf([functionOf()], { delayAfterConnect }), {});
    expect((await compile(500)).warnings).to.deep.equal([]);
    expect((await compile(10_000)).warnings).to.deep.equal([
      '/server/config: delayAfterConnect: a call ends after 10000 ms in any case, waiting included',
    ]);
    let faults: unknown;
    await compile(-1).catch((error: { faults: unknown }) => (faults = error.faults));
    expect(faults).to.deep.equal([
      {
        pointer: '/server/config/delayAfterConnect',
        detail: 'must be an integer from 0 to 86400000',
        code: 'must_be_integer',
        data: { min: 0, max: 86_400_000 },
      },
    ]);
    const release = (await compile(500)).reserve?.({});
    const other = await compile(0);
    expect(() => other.reserve?.({})).to.throw('delayAfterConnect 500 and 0');
    release?.();
  });
});
