import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import type { Egress } from '../../../lib/drivers/egress.ts';
import { openModbus, type ModbusDriver } from '../../../lib/drivers/modbus/modbus.ts';
import { SpecError } from '../../../lib/errors.ts';
import type { CompiledSpec, CompileOptions } from '../../../lib/openspec/kind.ts';
import { openmodbus } from '../../../lib/openspec/openmodbus/openmodbus.ts';
import { openOpenspecs, type LoadedSpec } from '../../../lib/openspec/openspecs.ts';
import { documentOf, functionOf } from '../../support/modbus-document.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';
import { rejection } from '../../support/refusal.ts';

describe('an OpenModbus document', () => {
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

  const compile = (document: JsonObject, options: CompileOptions = {}): Promise<CompiledSpec> =>
    openmodbus(driver).compile(document, options);
  const faultsOf = async (document: JsonObject): Promise<string[]> => {
    const error = await rejection(compile(document));
    expect(error).to.be.instanceOf(SpecError);
    return (error as SpecError).faults.map(({ pointer, detail }) => `${pointer} ${detail}`);
  };
  const faultsOfFunction = (
    given: Parameters<typeof functionOf>[0],
    type?: 'tcp' | 'rtu',
  ): Promise<string[]> => faultsOf(documentOf([functionOf(given)], {}, type));

  it('is known by its first key', () => {
    const kind = openmodbus(driver);
    expect([kind.detect({ openmodbus: '1.0.0' }), kind.detect({ openapi: '3.0.0' })]).to.deep.equal([
      true,
      false,
    ]);
  });

  it('is refused with every fault, each at its place', async () => {
    const document = documentOf([
      functionOf({ name: 'a', path: { count: 126 }, value: { type: 'int16' } }),
      functionOf({ name: 'b', path: { storage: 'coils', count: 2001 }, value: { type: 'bool' } }),
      functionOf({ name: 'c', method: 'write', path: { count: 124 } }),
      functionOf({
        name: 'd',
        method: 'write',
        path: { storage: 'coils', count: 1969 },
        value: { type: 'bool' },
      }),
      functionOf({ name: 'e', path: { address: 65535 }, value: { type: 'int32' } }),
      functionOf({ name: 'f', path: { slaveId: 256 } }),
      functionOf({ name: 'g', method: 'write', path: { storage: 'inputRegisters' } }),
      functionOf({ name: 'h', method: 'write', path: { storage: 'discreteInput' }, value: { type: 'bool' } }),
      functionOf({ name: 'i', path: { count: 2 }, value: { type: 'bool' } }),
      functionOf({ name: 'j', path: { storage: 'coils' } }),
      functionOf({ name: 'k', path: { count: 3 }, value: { type: 'float32' } }),
      functionOf({ name: 'a' }),
      functionOf({ name: 'no spaces' }),
      'nothing' as unknown as JsonObject,
    ]);
    expect(await faultsOf(document)).to.deep.equal([
      '/functions/0/path/count a read of 126 registers is over the limit of 125',
      '/functions/1/path/count a read of 2001 bits is over the limit of 2000',
      '/functions/2/path/count a write of 124 registers is over the limit of 123',
      '/functions/3/path/count a write of 1969 bits is over the limit of 1968',
      '/functions/4/path/address 65535 and 2 registers reach beyond 65535',
      '/functions/5/path/slaveId must be an integer from 0 to 255',
      '/functions/6/path/storage inputRegisters can only be read',
      '/functions/7/path/storage discreteInput can only be read',
      '/functions/8/path/count a bool takes one register, not 2',
      '/functions/9/return/type uint16 cannot be in coils or discrete inputs: they hold bool',
      '/functions/10/path/count float32 takes 2 registers: count must be 2 or a multiple of it',
      '/functions/11/name a is the name of /functions/0 too',
      '/functions/12/name must be 1 to 64 letters, digits, _ or -',
      '/functions/13 must be an object',
    ]);
  });

  it('may use all that the protocol has room for', async () => {
    const spec = await compile(
      documentOf([
        functionOf({ name: 'a', path: { count: 125 } }),
        functionOf({ name: 'b', path: { storage: 'coils', count: 2000 }, value: { type: 'bool' } }),
        functionOf({ name: 'c', method: 'write', path: { count: 123 } }),
        functionOf({
          name: 'd',
          method: 'write',
          path: { storage: 'coils', count: 1968 },
          value: { type: 'bool' },
        }),
        functionOf({ name: 'e', path: { address: 65534 }, value: { type: 'int32' } }),
        functionOf({ name: 'f', path: { slaveId: 255 } }),
        functionOf({ name: 'g', path: { storage: 'discreteInputs' }, value: { type: 'bool' } }),
      ]),
    );
    expect([spec.tools.length, spec.operations, spec.warnings]).to.deep.equal([7, 7, []]);
  });

  it('is refused without its required keys', async () => {
    expect(await faultsOf({ openmodbus: '2.0.0' })).to.deep.equal([
      '/openmodbus must be a version 1.x.y',
      '/server is missing',
      '/functions must be an array',
    ]);
    expect(await faultsOf({ ...documentOf([{ name: 'a' }]), server: {} })).to.deep.equal([
      '/server/type is missing: tcp, udp, rtu or ascii',
      '/server/config is missing',
      '/functions/0/method is missing: read or write',
      '/functions/0/path is missing',
    ]);
    expect(await faultsOf(documentOf([{ name: 'a', method: 'read', path: {} }]))).to.deep.equal([
      '/functions/0/path/slaveId is missing',
      '/functions/0/path/storage is missing',
      '/functions/0/path/address is missing',
      '/functions/0/return is missing: a read needs it',
    ]);
  });

  it('is refused with misspelt required keys, and the fault says the keys that were meant', async () => {
    const path = { slaveID: 1, storage: 'inputRegisters', adress: 1 };
    const wrong = { name: 'a', methd: 'read', path, returns: { name: 'x', type: 'uint16' } };
    expect(await faultsOf(documentOf([wrong]))).to.deep.equal([
      '/functions/0/method is missing; did you mean "method" by "methd"?',
    ]);
    expect(await faultsOf(documentOf([{ ...wrong, method: 'read' }]))).to.deep.equal([
      '/functions/0/path/slaveId is missing; did you mean "slaveId" by "slaveID"?',
      '/functions/0/path/address is missing; did you mean "address" by "adress"?',
      '/functions/0/return is missing; did you mean "return" by "returns"?',
    ]);
  });

  it('is refused with the words of manuals for required keys, and the fault says the keys that were meant', async () => {
    const path = { unit_id: 1, type: 'holding', reg: 1 };
    const wrong = { name: 'a', method: 'read', path, output: { name: 'x', dataType: 'uint16' } };
    expect(await faultsOf(documentOf([wrong]))).to.deep.equal([
      '/functions/0/path/slaveId is missing; did you mean "slaveId" by "unit_id"?',
      '/functions/0/path/storage is missing; did you mean "storage" by "type"?',
      '/functions/0/path/address is missing; did you mean "address" by "reg"?',
      '/functions/0/return is missing; did you mean "return" by "output"?',
    ]);
    const { warnings } = await compile(
      documentOf([functionOf({ value: { type: 'int16', scale: 0.1, unit: '°C', colour: 'red' } })]),
    );
    expect(warnings).to.deep.equal([
      '/functions/0/return: not known, and ignored: scale (did you mean multiplier?), unit (did you mean uom?), colour',
    ]);
  });

  it('is refused with a server that cannot be', async () => {
    const config = async (given: JsonObject, type?: 'tcp' | 'udp' | 'rtu' | 'ascii'): Promise<string[]> =>
      (await faultsOf(documentOf([functionOf()], given, type))).map((fault) =>
        fault.replace('/server/config', ''),
      );
    expect(
      await config({ url: '', port: 0, timeout: 0, retries: -1, maxInFlight: 17, readOnly: 1 }),
    ).to.deep.equal([
      '/timeout must be an integer from 1 to 86400000',
      '/retries must be an integer from 0 to 10',
      '/maxInFlight must be an integer from 1 to 16',
      '/readOnly must be true or false',
      '/port must be an integer from 1 to 65535',
      '/url must be a host name or an IP address',
    ]);
    const server = { type: 'tcp', config: { host: '127.0.0.1', port: 502 } };
    expect(await faultsOf({ ...documentOf([functionOf()]), server })).to.deep.equal([
      '/server/config/url is missing; did you mean "url" by "host"?',
    ]);
    expect(await config({ framing: 'rtu', maxInFlight: 2 })).to.deep.equal([
      '/maxInFlight more than 1 is for Modbus TCP: other replies carry no transaction id',
    ]);
    expect(await config({ framing: 'rtu' }, 'udp')).to.deep.equal([
      '/framing is for type tcp (RTU over TCP)',
    ]);
    expect(await config({ port: '', dataBits: 7, parity: 'odd?' }, 'rtu')).to.deep.equal([
      '/port must be the path or name of a serial device, as /dev/ttyUSB0 or COM3',
      '/parity must be one of none, even, odd, mark, space (did you mean odd?)',
      '/dataBits must be 8 for RTU',
    ]);
    const serial = await faultsOfFunction({ path: { slaveId: 248 } }, 'rtu');
    expect(serial).to.deep.equal(['/functions/0/path/slaveId must be an integer from 0 to 247']);
  });

  it('is refused with values that cannot be', async () => {
    const value = async (given: JsonObject, more: JsonObject = {}): Promise<string[]> =>
      (await faultsOfFunction({ value: given, ...more })).map((fault) => fault.replace('/functions/0/', ''));
    expect(await value({ name: '', type: 'real' })).to.deep.equal([
      'return/name must be a text that is not empty',
      'return/type must be one of bool, int16, uint16, int32, uint32, int64, uint64, float32, float64, string',
    ]);
    expect(await value({ multiplier: 0, offset: 'x', step: 0, min: 5, max: 4 })).to.deep.equal([
      'return/offset must be a number',
      'return/multiplier must not be 0',
      'return/step must be above 0',
      'return/min is above max',
    ]);
    expect(await value({ min: 70000, max: -1 })).to.deep.equal(
      ['return/min is above max'].concat([
        'return/min is above what uint16 can hold',
        'return/max is below what uint16 can hold',
      ]),
    );
    expect(await value({ bit: 16, type: 'bool' })).to.deep.equal([
      'return/bit must be an integer from 0 to 15',
    ]);
    expect(await value({ bit: 1 })).to.deep.equal(['return/bit is for a bool in a register']);
    expect(await value({ byteOrder: 'ACBD', encoding: 'utf7' })).to.deep.equal([
      'return/byteOrder must be one of ABCD, CDAB, BADC, DCBA (did you mean ABCD?)',
      'return/encoding must be one of utf8, ascii, latin1 (did you mean utf8?)',
    ]);
    expect(await value({ enum: { '1': 'on', '70000': 'high', x: 'y', '2': 'on', '3': 5 } })).to.deep.equal([
      'return/enum/2 "on" stands twice',
      'return/enum/3 must be a text',
      'return/enum/70000 is not a raw value of uint16',
      'return/enum/x is not a raw value of uint16',
    ]);
    expect(await value({ type: 'float32', enum: { '1': 'on' } })).to.deep.equal([
      'return/enum is for integers, not for float32',
    ]);
    expect(await value({ type: 'string' })).to.deep.equal([
      'path/count is missing: the registers of the string',
    ]);
    expect(await value({ type: 'uint64', max: 2 ** 60 })).to.deep.equal([
      'return/max is beyond 2^53−1: write it as a decimal text',
    ]);
    expect(await value({}, { method: 'write', writeFunction: 5 })).to.deep.equal([
      'writeFunction 5 does not write registers',
    ]);
    expect(await value({}, { method: 'write', writeFunction: 6, path: { count: 2 } })).to.deep.equal([
      'writeFunction 6 writes one register, not 2',
    ]);
  });

  it('is used in spite of odd keys, with warnings', async () => {
    const { warnings, operations } = await compile(
      documentOf(
        [
          functionOf({ name: 'a', path: { count: 1 }, value: { type: 'int32', multiplyer: 0.1 } }),
          functionOf({ name: 'b', value: { type: 'bool', multiplier: 0.1 }, timeout: 60_000 }),
        ],
        { baudrate: 9600 },
      ),
    );
    expect(warnings).to.deep.equal([
      '/server/config: not known, and ignored: baudrate',
      '/functions/0/return: not known, and ignored: multiplyer (did you mean multiplier?)',
      '/functions/0/path: count: int32 takes 2 registers: 2 are used instead of 1',
      '/functions/1: timeout: a call ends after 10000 ms in any case',
      '/functions/1/return: a bool has no multiplier and no offset: they are ignored',
    ]);
    expect(operations).to.equal(2);
    expect((await compile(documentOf([]))).warnings).to.deep.equal(['the document has no functions']);
  });

  describe('with an address that looks like a number of a manual', () => {
    const functionAt = (storage: string, address: unknown): JsonObject =>
      documentOf([
        functionOf({
          name: 'a',
          path: { storage, address: address as number },
          ...(storage === 'coils' || storage === 'discreteInputs' ? { value: { type: 'bool' } } : {}),
        }),
      ]);
    const looksLike = (written: string | number, meant: string): string =>
      `${written} looks like a number of a manual, which is ${meant}`;

    it('warns in its own storage, and in each other one', async () => {
      const at = async (storage: string, address: number): Promise<string[]> =>
        (await compile(functionAt(storage, address))).warnings;
      const place = '/functions/0/path: address: ';
      const rows: [string, number, string][] = [
        ['holdingRegisters', 40_001, 'holdingRegisters 0 on the wire'],
        ['holdingRegisters', 49_999, 'holdingRegisters 9998 on the wire'],
        ['inputRegisters', 40_001, 'holdingRegisters 0 on the wire (and not inputRegisters)'],
        ['holdingRegisters', 30_053, 'inputRegisters 52 on the wire (and not holdingRegisters)'],
        ['inputRegisters', 30_053, 'inputRegisters 52 on the wire'],
        ['inputRegisters', 10_001, 'discreteInput 0 on the wire (and not inputRegisters)'],
        ['discreteInputs', 10_017, 'discreteInput 16 on the wire'],
        ['coils', 10_017, 'discreteInput 16 on the wire (and not coils)'],
        ['coils', 40_100, 'holdingRegisters 99 on the wire (and not coils)'],
      ];
      for (const [storage, address, meant] of rows)
        expect(await at(storage, address), `${storage} ${address}`).to.deep.equal([
          place + looksLike(address, meant),
        ]);
      for (const address of [0, 1, 9_999, 10_000, 20_001, 40_000, 50_000, 65_535])
        expect(await at('holdingRegisters', address), String(address)).to.deep.equal([]);
    });

    it('is refused with a hint where it has six digits or is a text', async () => {
      const at = (storage: string, address: unknown): Promise<string[]> =>
        faultsOf(functionAt(storage, address));
      const place = '/functions/0/path/address must be an integer from 0 to 65535';
      const rows: [string, number | string, string][] = [
        ['holdingRegisters', 400_001, 'holdingRegisters 0 on the wire'],
        ['holdingRegisters', 465_536, 'holdingRegisters 65535 on the wire'],
        ['inputRegisters', 300_053, 'inputRegisters 52 on the wire'],
        ['coils', 100_001, 'discreteInput 0 on the wire (and not coils)'],
        ['coils', '00017', 'coils 16 on the wire'],
        ['holdingRegisters', '000017', 'coils 16 on the wire (and not holdingRegisters)'],
        ['holdingRegisters', '40001', 'holdingRegisters 0 on the wire'],
        ['inputRegisters', '3x0001', 'inputRegisters 0 on the wire'],
      ];
      for (const [storage, address, meant] of rows)
        expect(await at(storage, address), `${storage} ${address}`).to.deep.equal([
          `${place}: ${looksLike(address, meant)}`,
        ]);
      for (const address of [465_537, 70_000, 'first', 400_000])
        expect(await at('holdingRegisters', address), String(address)).to.deep.equal([place]);
    });
  });

  it('gives the functions that are selected, and names the others', async () => {
    const document = documentOf([
      functionOf({ name: 'get_a' }),
      functionOf({ name: 'get_b' }),
      functionOf({ name: 'set_a', method: 'write' }),
    ]);
    const chosen = async (options: CompileOptions): Promise<[string[], string[]]> => {
      const spec = await compile(document, options);
      spec.close?.();
      return [spec.tools.map(({ name }) => name), spec.skipped.map(({ operation }) => operation)];
    };
    expect(await chosen({ include: { methods: ['READ'] } })).to.deep.equal([['get_a', 'get_b'], ['set_a']]);
    expect(await chosen({ exclude: { paths: ['get_*'] } })).to.deep.equal([['set_a'], ['get_a', 'get_b']]);
    expect(await chosen({ include: { tags: ['x'] } })).to.deep.equal([[], ['get_a', 'get_b', 'set_a']]);
  });

  it('is refused when another one in use has other link settings for the same endpoint', async () => {
    const first = (await compile(documentOf([functionOf()]))).reserve?.({});
    const other = await compile(documentOf([functionOf({ name: 'other' })], { timeout: 50, retries: 3 }));
    const second = other.reserve?.({});
    const slow = await compile(documentOf([functionOf()], { requestDelay: 50 }));
    const framed = await compile(documentOf([functionOf()], { framing: 'rtu' }));
    const faultOf = ({ reserve }: CompiledSpec): string => {
      try {
        reserve?.({});
        return 'none';
      } catch (error) {
        const [fault] = (error as SpecError).faults;
        return `${fault?.pointer} ${fault?.detail}`;
      }
    };
    const refused =
      '/server/config 127.0.0.1:502 is used by another document with other link settings: requestDelay 0 and 50';
    expect(faultOf(slow)).to.equal(refused);
    expect(faultOf(framed)).to.equal(
      '/server/config 127.0.0.1:502 is used by another document with other link settings: framing mbap and rtu',
    );
    first?.();
    first?.();
    expect(faultOf(slow)).to.equal(refused);
    second?.();
    expect(faultOf(slow)).to.equal('none');
  });

  it('reserves the address that each session uses, and no placeholder', async () => {
    const openspecs = openOpenspecs({ kinds: [openmodbus(driver)] });
    const load = (requestDelay: number, server?: string): Promise<LoadedSpec> =>
      openspecs.load({
        openSpec: documentOf([functionOf()], { requestDelay }),
        ...(server === undefined ? {} : { server }),
      });
    const loaded = [await load(0, '127.0.0.1:5021'), await load(50, '127.0.0.1:5022'), await load(0)];
    // The same address by another name.
    for (const server of ['127.0.0.1:5021', 'tcp://127.0.0.1:5021']) {
      const error = await rejection(load(50, server));
      expect(error).to.be.instanceOf(SpecError).with.property('message').that.contains('127.0.0.1:5021');
    }
    expect(await rejection(load(50))).to.be.instanceOf(SpecError);
    loaded.forEach(({ release }) => release());
    const again = [await load(50, '127.0.0.1:5021'), await load(50)];
    again.forEach(({ release }) => release());
    openspecs.close();
  });

  it('is refused on a serial line without the package serialport, and only then', async () => {
    const missing = openModbus({ egress, loadSerialPort: () => Promise.reject(new Error('not found')) });
    const kind = openmodbus(missing);
    const error = await rejection(kind.compile(documentOf([functionOf()], {}, 'rtu'), {}));
    expect(error).to.be.instanceOf(SpecError);
    expect((error as SpecError).faults).to.deep.equal([
      {
        pointer: '/server/type',
        detail:
          'an RTU or ASCII device needs the package serialport, which is not installed: run `npm install serialport` ' +
          '(TCP and UDP work without it)',
      },
    ]);
    expect((await kind.compile(documentOf([functionOf()]), {})).tools.length).to.equal(1);
    await missing.close();
    expect((await compile(documentOf([functionOf()], {}, 'rtu'))).tools.length).to.equal(1);
  });

  describe('as published', () => {
    const corpus = join(process.env['CORPUS_DIR'] ?? '../shared/corpus', 'openmodbus');

    for (const [file, title, tools] of [
      [
        'tcp-air-condition-example.json',
        'Air Condition Controller',
        ['read_current_temperature', 'set_target_temperature', 'get_target_temperature'],
      ],
      ['rtu-lights-example.json', 'Lights Controller', ['light_1_status', 'turn_light_1']],
      ['ascii-safe-system-example.json', 'Safe System Controller', ['door_1_status', 'control_door_1']],
    ] as const) {
      it(`loads: ${file}`, async function () {
        if (!existsSync(corpus)) {
          this.test!.title += ` (no documents in ${corpus})`;
          this.skip();
        }
        const document = JSON.parse(readFileSync(join(corpus, file), 'utf8')) as JsonObject;
        const spec = await compile(document);
        expect([spec.title, spec.tools.map(({ name }) => name), spec.warnings]).to.deep.equal([
          title,
          tools,
          [],
        ]);
      });
    }
  });
});
