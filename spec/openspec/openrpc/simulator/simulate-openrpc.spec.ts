import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../../lib/common/json.ts';
import { AppError } from '../../../../lib/errors.ts';
import { simulateOpenrpc } from '../../../../lib/openspec/openrpc/simulator/simulate-openrpc.ts';
import type { Simulated } from '../../../../lib/simulate/simulated.ts';

const param = (name: string, schema: JsonObject, required = true): JsonObject => ({ name, schema, required });
const result = (schema: JsonObject): JsonObject => ({ name: 'result', schema });
const document: JsonObject = {
  openrpc: '1.3.2',
  info: { title: 'Lamp', version: '1' },
  servers: [{ url: 'http://lamp.local:8080/rpc' }],
  methods: [
    { name: 'getColor', params: [], result: result({ enum: ['white', 'red'] }) },
    {
      name: 'setColor',
      params: [param('color', { enum: ['white', 'red'] })],
      result: result({ type: 'boolean' }),
    },
    {
      name: 'room.level',
      params: [param('room', { type: 'string' })],
      result: result({ type: 'integer', minimum: 0, maximum: 10 }),
    },
    {
      name: 'room.setLevel',
      params: [param('room', { type: 'string' }), param('level', { type: 'integer', maximum: 10 })],
      result: result({ type: 'null' }),
    },
    {
      name: 'status',
      params: [],
      result: result({ $ref: '#/components/schemas/Status' }),
      'x-lite-agent-effect': 'read',
    },
    {
      name: 'move',
      paramStructure: 'by-name',
      params: [param('x', { type: 'number' })],
      result: result({ $ref: '#/components/schemas/Status' }),
    },
    {
      name: 'add',
      paramStructure: 'by-position',
      params: [param('a', { type: 'integer' }), param('b', { type: 'integer' }, false)],
      result: result({ type: 'integer' }),
      examples: [
        {
          name: 'two',
          params: [
            { name: 'a', value: 2 },
            { name: 'b', value: 2 },
          ],
          result: { name: 'r', value: 4 },
        },
        { name: 'one', params: [{ name: 'a', value: 1 }], result: { name: 'r', value: 1 } },
      ],
    },
    { name: 'blink', params: [] },
    { $ref: '#/components/methods/none' },
  ],
  components: {
    schemas: { Status: { type: 'object', properties: { x: { type: 'number' }, busy: { type: 'boolean' } } } },
  },
};

describe('a simulated JSON-RPC device', () => {
  let device: Simulated;
  beforeEach(async () => (device = await simulateOpenrpc(document)));
  afterEach(() => device.close());

  const post = async (body: string, path = ''): Promise<JsonValue | undefined> => {
    const response = await fetch(device.server + path, { method: 'POST', body });
    const text = await response.text();
    return text === '' ? undefined : (JSON.parse(text) as JsonValue);
  };
  const call = async (method: string, params?: JsonValue): Promise<JsonValue | undefined> => {
    const answer = (await post(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))) as JsonObject;
    return answer['error'] ?? answer['result'];
  };
  const code = async (method: string, params?: JsonValue): Promise<[unknown, unknown]> => {
    const error = (await call(method, params)) as JsonObject;
    return [error['code'], error['message']];
  };

  it('listens at the path of its document and gives its document to rpc.discover', async () => {
    expect(device.server).to.match(/^http:\/\/127\.0\.0\.1:\d+\/rpc$/);
    expect(await call('rpc.discover')).to.deep.equal(document);
    const elsewhere = await fetch(new URL('/', device.server), { method: 'POST', body: '{}' });
    const get = await fetch(device.server);
    expect([elsewhere.status, get.status, get.headers.get('allow')]).to.deep.equal([404, 405, 'POST']);
  });

  it('answers from examples and schemas, by name and by position', async () => {
    expect([
      await call('add', [2, 2]),
      await call('add', [9]),
      await call('room.level', ['attic']),
    ]).to.deep.equal([4, 4, 5]);
    expect([await call('status'), await call('blink')]).to.deep.equal([{ x: 1, busy: false }, null]);
  });

  it('gives with its getters the values of its setters', async () => {
    expect([await call('getColor'), await call('setColor', ['red']), await call('getColor')]).to.deep.equal([
      'white',
      true,
      'red',
    ]);
    expect(await call('room.setLevel', { room: 'attic', level: 7 })).to.equal(null);
    expect([await call('room.level', ['attic']), await call('room.level', { room: 'hall' })]).to.deep.equal([
      7, 5,
    ]);
    expect(await call('move', { x: 4.5 })).to.deep.equal({ x: 4.5, busy: false });
    expect(await call('status')).to.deep.equal({ x: 4.5, busy: false });
    expect(device.state()).to.deep.equal({
      getColor: 'red',
      status: { x: 4.5, busy: false },
      'room.level {"room":"attic"}': 7,
    });
  });

  it('refuses calls that do not fit, with the codes of JSON-RPC and the faults', async () => {
    expect([
      await code('setColour', ['red']),
      await code('setColor', ['blue']),
      await code('setColor'),
      await code('setColor', { colour: 'red' }),
      await code('setColor', ['red', 1]),
      await code('setColor', 'red'),
      await code('move', [1]),
      await code('add', { a: 1 }),
    ]).to.deep.equal([
      [-32601, 'Method not found: setColour'],
      [-32602, 'Invalid params: /color must be one of "white", "red"'],
      [-32602, 'Invalid params: /color is missing'],
      [-32602, 'Invalid params: /colour is not known here; /color is missing'],
      [-32602, 'Invalid params: has 2 values, the method takes 1'],
      [-32602, 'Invalid params: must be a list or an object; /color is missing'],
      [-32602, 'Invalid params: must be an object: the method takes its params by name'],
      [-32602, 'Invalid params: must be a list: the method takes its params by position'],
    ]);
    const malformed = (await Promise.all([
      post('{'),
      post('null'),
      post('{"jsonrpc":"1.0"}'),
      post('[]'),
    ])) as JsonObject[];
    expect(malformed.map(({ error }) => (error as JsonObject)['code'])).to.deep.equal([
      -32700, -32600, -32600, -32600,
    ]);
    expect(await call('getColor')).to.equal('white');
  });

  it('takes batches and notifications', async () => {
    const batch = [
      { jsonrpc: '2.0', id: 1, method: 'getColor' },
      { jsonrpc: '2.0', method: 'setColor', params: ['red'] },
      { jsonrpc: '2.0', id: 2, method: 'getColor' },
    ];
    expect(await post(JSON.stringify(batch))).to.deep.equal([
      { jsonrpc: '2.0', id: 1, result: 'white' },
      { jsonrpc: '2.0', id: 2, result: 'red' },
    ]);
    expect(await post(JSON.stringify(batch.slice(1, 2)))).to.equal(undefined);
    expect(await post('{"jsonrpc":"2.0","method":"nothing"}')).to.equal(undefined);
  });

  it('can be set from outside, and has the faults that are set', async () => {
    device.set('status', { x: 9, busy: true });
    expect([device.value('status'), await call('status')]).to.deep.equal([
      { x: 9, busy: true },
      { x: 9, busy: true },
    ]);
    expect(() => device.set('status', { busy: 1 })).to.throw(AppError, 'status: /busy must be boolean');
    expect(() => device.set('nothing', 1)).to.throw(AppError, 'the device has no value nothing');
    device.fault({ kind: 'exception', code: -32050 });
    expect(await code('status')).to.deep.equal([-32050, 'The simulated device was told to fail.']);
    expect(await post('{"jsonrpc":"2.0","method":"status"}')).to.equal(undefined);
    device.fault(undefined);
    expect(await call('status')).to.deep.equal({ x: 9, busy: true });
  });
});
