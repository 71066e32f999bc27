import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isObject, type JsonObject, type JsonValue } from '../../../lib/common/json.ts';
import type { Tool } from '../../../lib/core/tool.ts';
import type { Egress } from '../../../lib/drivers/egress.ts';
import { openModbus, type ModbusDriver } from '../../../lib/drivers/modbus/modbus.ts';
import { openmodbus } from '../../../lib/openspec/openmodbus/openmodbus.ts';
import { callTool } from '../../support/modbus-call.ts';
import { documentOf, functionOf } from '../../support/modbus-document.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';
import { needPeer } from '../../support/peers.ts';
import { openPty, type Pty } from '../../support/modbus-pty.ts';
import { compileLibmodbus, start, startPymodbus, type PeerServer } from '../../support/modbus-server.ts';

/** Every type in every byte order, each in its own registers, and a value for it. */
const values: [JsonObject, JsonValue][] = [
  [{ type: 'int16' }, -5],
  [{ type: 'uint16', multiplier: 0.1 }, 32.8],
  [{ type: 'uint16', multiplier: 0.5, offset: -40 }, 20],
  [{ type: 'int16', byteOrder: 'BADC' }, -2],
  [{ type: 'uint32', byteOrder: 'ABCD' }, 4000000000],
  [{ type: 'int32', byteOrder: 'CDAB' }, -2],
  [{ type: 'int32', byteOrder: 'BADC' }, 305419896],
  [{ type: 'float32', byteOrder: 'DCBA' }, 0.1],
  [{ type: 'float64', byteOrder: 'CDAB' }, 25.5],
  [{ type: 'int64' }, '-9223372036854775808'],
  [{ type: 'uint64', byteOrder: 'DCBA' }, '18446744073709551615'],
  [{ type: 'bool' }, true],
  [{ type: 'bool', bit: 9 }, true],
  [{ type: 'uint16', enum: { '1': 'low', '3': 'high' } }, 'high'],
  [{ type: 'string' }, 'Hello Mod'],
  [{ type: 'float32' }, [1.5, -2.25, 1e10]],
  [{ type: 'uint16' }, Array.from({ length: 100 }, (_, index) => index * 600)],
];

/** A document that writes and reads all of them, coils and what can only be read. */
function everything(config: JsonObject, type: 'tcp' | 'udp' | 'rtu' | 'ascii'): JsonObject {
  const functions: JsonObject[] = values.flatMap(([value, example], index) => {
    const count = value['type'] === 'string' ? 5 : Array.isArray(example) ? example.length : undefined;
    const size = value['type'] === 'float32' && Array.isArray(example) ? 2 : 1;
    const path = { address: index * 10, ...(count === undefined ? {} : { count: count * size }) };
    return [
      functionOf({ name: `set_${index}`, method: 'write', value, path, verify: index % 2 === 0 }),
      functionOf({ name: `get_${index}`, value, path }),
    ];
  });
  const bool = { type: 'bool' };
  const coils = { storage: 'coils', address: 10, count: 11 };
  functions.push(
    functionOf({ name: 'set_coil', method: 'write', value: bool, path: { storage: 'coils', address: 3 } }),
    functionOf({ name: 'get_coil', value: bool, path: { storage: 'coils', address: 3 } }),
    functionOf({ name: 'set_coils', method: 'write', value: bool, path: coils }),
    functionOf({ name: 'get_coils', value: bool, path: coils }),
    functionOf({ name: 'get_inputs', value: bool, path: { storage: 'discreteInput', address: 1, count: 9 } }),
    functionOf({ name: 'get_measured', path: { storage: 'inputRegisters', address: 100, count: 3 } }),
    functionOf({ name: 'get_nothing', path: { address: 5000 } }),
  );
  return documentOf(functions, { ...config, requestDelay: type === 'tcp' || type === 'udp' ? 0 : 5 }, type);
}

const flags = (length: number, odd: number): boolean[] =>
  Array.from({ length }, (_, index) => index % 2 === odd);

interface Peer {
  peer: 'pymodbus' | 'libmodbus and cc';
  type: 'tcp' | 'udp' | 'rtu' | 'ascii';
}
const peers: Peer[] = [
  { peer: 'pymodbus', type: 'tcp' },
  { peer: 'pymodbus', type: 'udp' },
  { peer: 'pymodbus', type: 'rtu' },
  { peer: 'pymodbus', type: 'ascii' },
  { peer: 'libmodbus and cc', type: 'tcp' },
  { peer: 'libmodbus and cc', type: 'rtu' },
];

for (const { peer, type } of peers) {
  const serial = type === 'rtu' || type === 'ascii';

  describe(`the Modbus driver and a server of ${peer.split(' ')[0]} (${type})`, () => {
    let egress: Egress;
    let driver: ModbusDriver;
    let pty: Pty | undefined;
    let server: PeerServer | undefined;
    let compiled: Awaited<ReturnType<typeof compileLibmodbus>> | undefined;
    let connection: { server: string };

    before(async function () {
      needPeer(this, peer);
      if (serial) needPeer(this, 'socat');
      this.timeout(30_000);
      pty = serial ? await openPty() : undefined;
      if (peer === 'pymodbus') server = await startPymodbus(type, pty?.other);
      else {
        compiled = await compileLibmodbus('modbus-libmodbus-server.c');
        server = await start(compiled.program, pty === undefined ? ['tcp'] : ['rtu', pty.other]);
      }
      connection = { server: pty?.path ?? `127.0.0.1:${server.port}` };
      egress = openLocalEgress();
      driver = openModbus({ egress });
    });
    after(async () => {
      await driver?.close();
      await egress?.close();
      await server?.close();
      await pty?.close();
      await compiled?.remove();
    });

    const toolsOf = async (
      document: JsonObject,
    ): Promise<(name: string, args?: JsonObject) => Promise<JsonObject>> => {
      const spec = await openmodbus(driver).compile(document, {});
      spec.close?.();
      const byName = new Map<string, Tool>(spec.tools.map((tool) => [tool.name, tool]));
      return (name, args = {}) => callTool(byName.get(name), args, { connection });
    };

    it('reads its own writes, of every type', async () => {
      const call = await toolsOf(everything(serial ? { baudRate: 115200 } : {}, type));
      const seen: unknown[] = [];
      for (const [index, [, value]] of values.entries()) {
        const written = await call(`set_${index}`, { value });
        const confirmed = index % 2 === 0 ? 'readback' : 'echo';
        seen.push([
          written['value'],
          written['confirmed'] === confirmed,
          (await call(`get_${index}`))['value'],
        ]);
      }
      expect(seen).to.deep.equal(values.map(([, value]) => [value, true, value]));
    });

    it('reads and writes every storage', async () => {
      const call = await toolsOf(everything(serial ? { baudRate: 115200 } : {}, type));
      const results = [
        await call('set_coil', { value: true }),
        await call('get_coil'),
        await call('set_coils', { value: flags(11, 0) }),
        await call('get_coils'),
        await call('get_inputs'),
        await call('get_measured'),
      ];
      expect(results.map(({ value }) => value)).to.deep.equal([
        true,
        true,
        flags(11, 0),
        flags(11, 0),
        flags(9, 0),
        [100, 101, 102],
      ]);
      expect(await call('get_nothing')).to.include({ statusCode: 2, message: 'illegalDataAddress' });
    });

    if (type === 'tcp') {
      it('works with the published air conditioner, host and port changed', async function () {
        const file = join(
          process.env['CORPUS_DIR'] ?? '../shared/corpus',
          'openmodbus/tcp-air-condition-example.json',
        );
        if (!existsSync(file)) {
          this.test!.title += ` (there is no ${file})`;
          this.skip();
        }
        const document = JSON.parse(readFileSync(file, 'utf8')) as JsonObject;
        const place = document['server'];
        if (!isObject(place)) throw new Error('no server');
        place['config'] = { url: '127.0.0.1', port: server?.port };
        const spec = await openmodbus(driver).compile(document, {});
        const [current, set, get] = spec.tools;
        const results = [
          await callTool(current),
          await callTool(set, { temperature_value: 26.5 }),
          await callTool(get),
        ];
        spec.close?.();
        expect(results).to.deep.equal([
          { statusCode: 0, value: 0, message: 'temperature_value: 0℃', name: 'temperature_value', uom: '℃' },
          {
            statusCode: 0,
            value: 26.5,
            message: 'requestSucceed',
            name: 'temperature_value',
            uom: '℃',
            confirmed: 'echo',
          },
          {
            statusCode: 0,
            value: 26.5,
            message: 'temperature_value: 26.5℃',
            name: 'temperature_value',
            uom: '℃',
          },
        ]);
      });
    }
  });
}
