import { expect } from 'chai';
import { codedFault } from '../../../lib/common/coded-fault.ts';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import type { Tool } from '../../../lib/core/tool.ts';
import type { Egress } from '../../../lib/drivers/egress.ts';
import { openModbus, type ModbusDriver } from '../../../lib/drivers/modbus/modbus.ts';
import { openmodbus } from '../../../lib/openspec/openmodbus/openmodbus.ts';
import { callTool } from '../../support/modbus-call.ts';
import { documentOf, functionOf } from '../../support/modbus-document.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';
import {
  adu,
  answer,
  startModbusFake,
  type FakeRequest,
  type ModbusFake,
} from '../../support/modbus-fake.ts';
import { refusalOf } from '../../support/refusal.ts';
import { waitFor } from '../../support/wait-for.ts';

const temperature = { name: 'temperature_value', type: 'int16', multiplier: 0.1, uom: '℃' };

describe('an OpenModbus tool', () => {
  let egress: Egress;
  let driver: ModbusDriver;
  let fake: ModbusFake;
  let server: string;

  beforeEach(async () => {
    egress = openLocalEgress();
    driver = openModbus({ egress });
    fake = await startModbusFake();
    server = `127.0.0.1:${fake.port}`;
  });
  afterEach(async () => {
    await driver.close();
    await fake.close();
    await egress.close();
  });

  const toolsOf = async (functions: JsonObject[], config: JsonObject = {}): Promise<Tool[]> => {
    const spec = await openmodbus(driver).compile(documentOf(functions, { timeout: 60, ...config }), {});
    spec.close?.();
    return spec.tools;
  };
  const toolOf = async (given: Parameters<typeof functionOf>[0], config: JsonObject = {}): Promise<Tool> => {
    const [tool] = await toolsOf([functionOf(given)], config);
    if (tool === undefined) throw new Error('no tool');
    return tool;
  };
  const call = (tool: Tool, args: JsonObject = {}): Promise<JsonObject> =>
    callTool(tool, args, { connection: { server } });
  const schemaOf = async (value: JsonObject, path: JsonObject = {}): Promise<JsonValue | undefined> => {
    const tool = await toolOf({ method: 'write', value, path });
    return (tool.parameters['properties'] as JsonObject)['value'];
  };
  const holding = (words: number[]) => (request: FakeRequest) => {
    if (request.fc > 4) return answer(request);
    const bytes = Buffer.concat(words.map((word) => Buffer.of(word >> 8, word & 0xff)));
    request.socket.write(
      adu(request.id, request.unit, Buffer.concat([Buffer.of(request.fc, bytes.length), bytes])),
    );
  };
  const refusing = (code: number) => (request: FakeRequest) =>
    request.socket.write(adu(request.id, request.unit, Buffer.of(request.fc | 0x80, code)));

  describe('shows the model', () => {
    it('its description, with unit, step and texts', async () => {
      const [read, write, mode] = await toolsOf([
        functionOf({
          name: 'get',
          description: 'Read the temperature',
          value: { ...temperature, description: 'Room temperature.' },
        }),
        functionOf({
          name: 'set',
          method: 'write',
          description: 'Set it.',
          value: { ...temperature, step: 0.5 },
        }),
        functionOf({ name: 'mode', method: 'write', value: { enum: { '0': 'off', '2': 'auto' } } }),
      ]);
      expect([read?.description, write?.description, mode?.description]).to.deep.equal([
        'Read the temperature. Returns temperature_value (Room temperature; unit: ℃).',
        'Set it. Writes temperature_value (unit: ℃; step: 0.5).',
        'mode. Writes value (one of: off, auto).',
      ]);
      expect([read?.effect, write?.effect, write?.operation]).to.deep.equal(['read', 'write', 'set']);
      expect(read?.parameters).to.deep.equal({ type: 'object', properties: {}, additionalProperties: false });
      expect(write?.parameters).to.deep.equal({
        type: 'object',
        properties: {
          temperature_value: {
            type: 'number',
            minimum: -3276.8,
            maximum: 3276.7,
            description: 'unit: ℃; step: 0.5',
          },
        },
        required: ['temperature_value'],
        additionalProperties: false,
      });
    });

    it('at most 1,024 characters', async () => {
      const tool = await toolOf({ description: 'x'.repeat(2000) });
      expect(tool.description.length).to.equal(1024);
    });

    it('the type and the range of each value', async () => {
      expect([
        await schemaOf({}),
        await schemaOf({ type: 'int32', min: -5, max: 1e9 }),
        await schemaOf({ type: 'uint16', multiplier: 0.5, offset: -40 }),
        await schemaOf({ type: 'int16', multiplier: -0.1, max: 1000 }),
        await schemaOf({ type: 'float32' }),
        await schemaOf({ type: 'float64', min: 0 }),
        await schemaOf({ type: 'uint64' }),
        await schemaOf({ type: 'int64', multiplier: 0.001, max: '9007199254740993' }),
        await schemaOf({ type: 'bool' }),
        await schemaOf({ type: 'string' }, { count: 5 }),
        await schemaOf({ enum: { '0': 'off', '2': 'auto' } }),
        await schemaOf({ max: 9 }, { count: 3 }),
        await schemaOf({ type: 'bool' }, { storage: 'coils', count: 2 }),
      ]).to.deep.equal([
        { type: 'integer', minimum: 0, maximum: 65535 },
        { type: 'integer', minimum: -5, maximum: 1000000000 },
        { type: 'number', minimum: -40, maximum: 32727.5 },
        { type: 'number', minimum: -3276.7, maximum: 1000 },
        { type: 'number', minimum: -3.4028234663852886e38, maximum: 3.4028234663852886e38 },
        { type: 'number', minimum: 0 },
        {
          anyOf: [
            { type: 'integer', minimum: 0, maximum: 9007199254740991 },
            { type: 'string', pattern: '^-?[0-9]{1,20}$' },
          ],
        },
        {
          anyOf: [
            { type: 'number', minimum: -9007199254740991, maximum: 9007199254740991 },
            { type: 'string', pattern: '^-?[0-9]{1,40}([.][0-9]{1,40})?$' },
          ],
        },
        { type: 'boolean' },
        { type: 'string', maxLength: 10 },
        { type: 'string', enum: ['off', 'auto'], description: 'one of: off, auto' },
        {
          type: 'array',
          items: { type: 'integer', minimum: 0, maximum: 9 },
          minItems: 3,
          maxItems: 3,
          description: '3 values in a row',
        },
        {
          type: 'array',
          items: { type: 'boolean' },
          minItems: 2,
          maxItems: 2,
          description: '2 values in a row',
        },
      ]);
    });
  });

  it('answers a read with its value, in words too', async () => {
    fake.behave = holding([328]);
    expect(await call(await toolOf({ value: temperature }))).to.deep.equal({
      statusCode: 0,
      value: 32.8,
      message: 'temperature_value: 32.8℃',
      name: 'temperature_value',
      uom: '℃',
    });
    fake.behave = holding([0x7fc0, 0]);
    expect(await call(await toolOf({ value: { type: 'float32', uom: 'V' } }))).to.deep.equal({
      statusCode: 0,
      value: null,
      message: 'value: null',
      name: 'value',
      uom: 'V',
    });
    const sentinels: [JsonObject, number[]][] = [
      [{ type: 'int16', nullValue: -32768 }, [0x8000]],
      [{ type: 'float32', nullValue: -9999.5 }, [0xc61c, 0x3e00]],
      [{ type: 'uint64', nullValue: '18446744073709551615' }, [65535, 65535, 65535, 65535]],
    ];
    for (const [value, words] of sentinels) {
      fake.behave = holding(words);
      expect(await call(await toolOf({ value }))).to.include({ statusCode: 0, value: null });
    }
    fake.behave = answer;
    expect(await call(await toolOf({ path: { address: 4, count: 3 } }))).to.deep.equal({
      statusCode: 0,
      value: [4, 5, 6],
      message: 'value: [4,5,6]',
      name: 'value',
    });
  });

  it('answers a write with the value that was really written', async () => {
    const tool = await toolOf({ method: 'write', value: temperature });
    expect(await call(tool, { temperature_value: 26.46 })).to.deep.equal({
      statusCode: 0,
      value: 26.5,
      message: 'requestSucceed',
      name: 'temperature_value',
      uom: '℃',
      confirmed: 'echo',
    });
    expect(fake.writes.map(({ fc, count }) => [fc, count])).to.deep.equal([[6, 265]]);
  });

  it('writes with the function that fits, or the one that is named', async () => {
    const write = async (given: JsonObject, value: JsonValue): Promise<JsonValue | undefined> =>
      (await call(await toolOf({ method: 'write', ...given }), { value }))['value'];
    expect([
      await write({ path: { storage: 'coils' }, value: { type: 'bool' } }, true),
      await write({ path: { storage: 'coils', count: 3 }, value: { type: 'bool' } }, [true, false, true]),
      await write({ path: { storage: 'coils' }, value: { type: 'bool' }, writeFunction: 15 }, true),
      await write({ writeFunction: 16 }, 5),
      await write({ value: { type: 'uint64' } }, '18446744073709551615'),
      await write({ value: { type: 'int64' } }, -9007199254740993n),
      await write({ path: { count: 2 } }, [1, 2]),
    ]).to.deep.equal([
      true,
      [true, false, true],
      true,
      5,
      '18446744073709551615',
      '-9007199254740993',
      [1, 2],
    ]);
    expect(fake.writes.map(({ fc }) => fc)).to.deep.equal([5, 15, 15, 16, 16, 16, 16]);
  });

  it('refuses values that do not fit, and the device sees no packet', async () => {
    const tool = await toolOf({ method: 'write', value: { type: 'int16' } });
    const wide = await toolOf({ method: 'write', value: { type: 'int64' } });
    const read = await toolOf({});
    const bad: [Tool, JsonObject][] = [
      ...[1.5, NaN, '5', null, 40000, 1e300, [1]].map((value): [Tool, JsonObject] => [tool, { value }]),
      [tool, {}],
      [tool, { value: 1, more: 2 }],
      [read, { value: 1 }],
      [wide, { value: 2 ** 53 }],
      [wide, { value: '1.5' }],
    ];
    for (const [target, args] of bad) {
      const result = await call(target, args);
      expect(result).to.deep.include({ statusCode: 224, value: null, message: 'invalidArgument' });
      expect(result['error']).to.include({
        code: 'INVALID_ARGUMENT',
        sent: false,
        effect: 'none',
        retryable: false,
      });
    }
    expect([fake.accepted, fake.requests.length]).to.deep.equal([0, 0]);
  });

  it('reports an exception of the device as the contract says', async () => {
    fake.behave = refusing(2);
    expect(await call(await toolOf({ path: { address: 5000 } }))).to.deep.equal({
      statusCode: 2,
      value: null,
      message: 'illegalDataAddress',
      error: {
        code: 'ILLEGAL_DATA_ADDRESS',
        detail: `${server} unit 1: holdingRegisters 5000 count 1 refused (FC3, exception 2)`,
        sent: true,
        effect: 'none',
        retryable: false,
      },
    });
  });

  it('says "unknown" when a write may have been executed, and only then', async () => {
    const tools = await toolsOf([functionOf({}), functionOf({ name: 'set', method: 'write' })], {
      retries: 0,
    });
    const fates: Record<string, unknown> = {};
    const behaviours: Record<string, (request: FakeRequest) => void> = {
      'exception 1': refusing(1),
      'exception 2': refusing(2),
      'exception 3': refusing(3),
      'exception 4': refusing(4),
      'exception 5': refusing(5),
      'exception 6': refusing(6),
      'exception 10': refusing(10),
      'exception 11': refusing(11),
      'exception 77': refusing(77),
      silence: () => undefined,
      garbage: ({ socket }) => socket.write('not Modbus at all'),
      'wrong echo': ({ id, unit, fc, address, socket }) =>
        socket.write(adu(id, unit, Buffer.of(fc, address >> 8, address & 255, 9, 9))),
      'wrong unit': ({ id, pdu, socket }) => socket.write(adu(id, 77, pdu)),
      closing: ({ socket }) => socket.end(),
    };
    for (const [name, behave] of Object.entries(behaviours)) {
      fake.behave = behave;
      const [read, write] = [await call(tools[0]!), await call(tools[1]!, { value: 5 })] as [
        JsonObject,
        JsonObject,
      ];
      const unsent = (write['error'] as JsonObject)['sent'] === false;
      fates[name] = [read, unsent ? {} : write].map((result) => (result['error'] as JsonObject)?.['effect']);
      fake.behave = answer;
      // Lets a back-off pass.
      await waitFor(() => fake.open.size <= 1);
      for (let ok = false; !ok; ok = (await call(tools[0]!))['statusCode'] === 0);
    }
    expect(fates).to.deep.equal({
      'exception 1': ['none', 'none'],
      'exception 2': ['none', 'none'],
      'exception 3': ['none', 'none'],
      'exception 4': ['none', 'unknown'],
      'exception 5': ['none', 'unknown'],
      'exception 6': ['none', 'none'],
      'exception 10': ['none', 'none'],
      'exception 11': ['none', 'unknown'],
      'exception 77': ['none', 'unknown'],
      silence: ['none', 'unknown'],
      garbage: ['none', 'unknown'],
      'wrong echo': ['none', 'unknown'],
      'wrong unit': ['none', 'unknown'],
      closing: ['none', 'unknown'],
    });
    expect(fake.writes.length).to.equal(14);
  });

  it('reads back a written value when it verifies', async () => {
    const tool = await toolOf({ method: 'write', verify: true, value: temperature });
    fake.behave = holding([265]);
    expect(await call(tool, { temperature_value: 26.5 })).to.deep.equal({
      statusCode: 0,
      value: 26.5,
      message: 'requestSucceed',
      name: 'temperature_value',
      uom: '℃',
      confirmed: 'readback',
    });
    fake.behave = holding([240]);
    const differs = await call(tool, { temperature_value: 26.5 });
    expect(differs).to.deep.equal({
      statusCode: 227,
      value: null,
      message: 'readbackDiffers',
      error: {
        code: 'READBACK_DIFFERS',
        detail:
          'get: 26.5 was written, 24 was read back; it may have been executed: read the value before repeating the write',
        sent: true,
        effect: 'unknown',
        retryable: false,
      },
    });
    fake.behave = (request) => void (request.fc > 4 && answer(request));
    const silent = await call(tool, { temperature_value: 26.5 });
    expect([silent['statusCode'], (silent['error'] as JsonObject)['effect']]).to.deep.equal([240, 'unknown']);
    expect(fake.writes.length).to.equal(3);
  });

  it('changes one bit of a register and leaves the others', async () => {
    const tool = await toolOf({ method: 'write', value: { type: 'bool', bit: 3 }, verify: true });
    const words = [0x0102];
    fake.behave = (request) => {
      holding(words)(request);
      if (request.fc === 6) words[0] = request.count;
    };
    expect(await call(tool, { value: true })).to.include({
      statusCode: 0,
      value: true,
      confirmed: 'readback',
    });
    expect(fake.requests.map(({ fc }) => fc)).to.deep.equal([3, 6, 3]);
    expect(words).to.deep.equal([0x010a]);
    fake.behave = refusing(2);
    const refused = await call(tool, { value: true });
    expect([refused['statusCode'], (refused['error'] as JsonObject)['effect']]).to.deep.equal([2, 'none']);
    expect(fake.writes.length).to.equal(1);
  });

  it('names its parameter as model APIs can bear it, and its result as the document does', async () => {
    const tool = await toolOf({ method: 'write', value: { name: '目标温度' } });
    expect(tool.parameters['required']).to.deep.equal(['value']);
    expect(tool.description).to.equal('get. Writes 目标温度.');
    expect(await call(tool, { value: 5 })).to.include({ statusCode: 0, value: 5, name: '目标温度' });
  });

  it('does not write where it must not', async () => {
    const readOnly = await toolOf({ method: 'write' }, { readOnly: true });
    const { statusCode, message } = await call(readOnly, { value: 1 });
    expect([statusCode, message]).to.deep.equal([225, 'writeNotAllowed']);
    expect(fake.accepted).to.equal(0);
  });

  it('has a high risk where a human has to confirm it, and else the risk that the document says', async () => {
    const said = { 'x-lite-agent-risk': 'low' };
    const tools = [
      await toolOf({ method: 'write' }),
      await toolOf({ method: 'write', ...said }),
      await toolOf({ method: 'write', confirm: true }),
      await toolOf({ method: 'write', confirm: true, ...said }),
    ];
    expect(tools.map(({ risk }) => risk)).to.deep.equal([undefined, 'low', 'high', 'high']);
    const fault = await refusalOf(toolOf({ method: 'write', 'x-lite-agent-risk': 'danger' }));
    expect(fault.faults).to.deep.equal([
      codedFault('/functions/0/x-lite-agent-risk', 'must_be_one_of', { choices: 'low, normal, high' }),
    ]);
    const misspelt = await refusalOf(toolOf({ method: 'write', 'x-lite-agent-rsik': 'high' }));
    expect(misspelt.faults).to.deep.equal([
      codedFault('/functions/0/x-lite-agent-rsik', 'unknown_key_meant', { meant: 'x-lite-agent-risk' }),
    ]);
  });

  it('is cancelled before it is sent, and finished after', async () => {
    const held: FakeRequest[] = [];
    fake.behave = (request) => held.push(request);
    const tool = await toolOf({ method: 'write' }, { timeout: 2000 });
    const stop = new AbortController();
    const context = { connection: { server }, signal: stop.signal };
    const sent = callTool(tool, { value: 1 }, context);
    await waitFor(() => held.length === 1);
    const unsent = callTool(tool, { value: 2 }, context);
    stop.abort();
    expect(await unsent).to.deep.equal({
      statusCode: 228,
      value: null,
      message: 'cancelled',
      error: {
        code: 'cancelled',
        detail: `${server} unit 1: holdingRegisters 0 count 1 was cancelled`,
        sent: false,
        effect: 'none',
        retryable: false,
      },
    });
    held.forEach(answer);
    expect(await sent).to.include({ statusCode: 0, value: 1 });
    expect(fake.writes.length).to.equal(1);
  });

  it('goes where the session says, by host:port or URL', async () => {
    const tool = await toolOf({});
    const at = async (place: string): Promise<JsonValue | undefined> =>
      (await callTool(tool, {}, { connection: { server: place } }))['statusCode'];
    expect([
      await at(server),
      await at(`tcp://${server}`),
      await at(`http://${server}`),
      await at('udp://127.0.0.1:1'),
      await at('127.0.0.1:99999'),
    ]).to.deep.equal([0, 0, 224, 224, 224]);
    expect(fake.accepted).to.equal(1);
  });

  it('shares one connection with 50 sessions and three documents', async () => {
    const documents = await Promise.all(
      ['a', 'b', 'c'].map((name, index) =>
        toolsOf([functionOf({ name, path: { address: index * 1000, count: 2 } })], { timeout: 1000 }),
      ),
    );
    const sessions = Array.from({ length: 50 }, () => ({ server }));
    const results = await Promise.all(
      sessions.flatMap((connection) => documents.map(([tool]) => callTool(tool, {}, { connection }))),
    );
    expect(results.map(({ value }) => value)).to.deep.equal(
      sessions.flatMap(() => [
        [0, 1],
        [1000, 1001],
        [2000, 2001],
      ]),
    );
    expect([fake.accepted, fake.requests.length]).to.deep.equal([1, 150]);
  });

  it('reads neighbours together where the document lets it', async () => {
    const functions = Array.from({ length: 10 }, (_, address) =>
      functionOf({ name: `r${address}`, path: { address } }),
    );
    const tools = await toolsOf(functions, { coalesce: true });
    const results = await Promise.all(tools.map((tool) => call(tool)));
    expect(results.map(({ value }) => value)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(fake.requests.map(({ address, count }) => [address, count])).to.deep.equal([[0, 10]]);
  });
});
