import { expect } from 'chai';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject, JsonValue } from '../../../lib/core/json.ts';
import type { ToolResult } from '../../../lib/core/message.ts';
import type { Connection, Tool } from '../../../lib/core/tool.ts';
import { openEgress, type Egress } from '../../../lib/drivers/egress.ts';
import { openHttp } from '../../../lib/drivers/http.ts';
import { openJsonrpc, type JsonrpcDriver } from '../../../lib/drivers/jsonrpc.ts';
import type { CompiledSpec, CompileOptions, OpenspecKind } from '../../../lib/openspec/kind.ts';
import { openrpc } from '../../../lib/openspec/openrpc/openrpc.ts';
import { openHttpDevice, type HttpDevice } from '../../support/http-device.ts';
import { modelFaults } from '../../support/model-schema.ts';

const result = { name: 'r', schema: {} };

/** A document of one method. */
function documentOf(method: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    openrpc: '1.3.2',
    info: { title: 'T', version: '1' },
    methods: [{ name: 'm', params: [], result, ...method }],
    ...more,
  };
}

describe('openspec/openrpc', () => {
  let egress: Egress;
  let jsonrpc: JsonrpcDriver;
  let kind: OpenspecKind;
  let device: HttpDevice;

  beforeEach(async () => {
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    jsonrpc = openJsonrpc({ http: openHttp({ egress, resultMaxBytes: 1024 }), resultMaxBytes: 1024 });
    kind = openrpc(jsonrpc);
    device = await openHttpDevice();
    device.answer = (response, { body }) => {
      const { id } = JSON.parse(body.toString()) as JsonObject;
      response.end(JSON.stringify({ jsonrpc: '2.0', id: id ?? null, result: true }));
    };
  });

  afterEach(async () => {
    await egress.close();
    await device.close();
  });

  const compile = (document: JsonObject, options: CompileOptions = {}): Promise<CompiledSpec> =>
    kind.compile(document, options);
  const only = async (document: JsonObject, options: CompileOptions = {}): Promise<Tool> => {
    const { tools, skipped, operations } = await compile(document, options);
    expect([skipped, operations]).to.deep.equal([[], 1]);
    const [tool] = tools;
    if (tool === undefined) throw new Error('no tool');
    expect(modelFaults(tool.parameters)).to.deep.equal([]);
    return tool;
  };
  const call = (
    tool: Tool,
    args: JsonObject = {},
    connection: Connection = { server: device.url },
  ): Promise<ToolResult> =>
    tool.call(args, { connection, signal: new AbortController().signal, timeoutMs: 5000 });
  /** The methods and params that the device got. */
  const sent = (): unknown[] =>
    device.seen.map(({ body }) => {
      const { method, params } = JSON.parse(body.toString()) as JsonObject;
      return params === undefined ? method : [method, params];
    });

  it('makes a tool of each method', async () => {
    const document = documentOf(
      {
        name: 'light.setBrightness',
        summary: 'Dims a light',
        description: 'Slowly.',
        params: [
          {
            name: 'room',
            required: true,
            schema: { $ref: '#/components/schemas/Room' },
            description: 'Which room',
          },
          { $ref: '#/components/contentDescriptors/Level' },
        ],
      },
      {
        components: {
          schemas: { Room: { type: 'string', enum: ['bath', 'hall'] } },
          contentDescriptors: {
            Level: { name: 'level', summary: 'How bright', schema: { type: 'integer', maximum: 100 } },
          },
        },
      },
    );
    const before = JSON.stringify(document);
    const { name, description, parameters, operation, effect } = await only(document);
    expect({ name, description, parameters, operation, effect }).to.deep.equal({
      name: 'light_setBrightness',
      description: 'Dims a light\nSlowly.',
      parameters: {
        type: 'object',
        properties: {
          room: { type: 'string', enum: ['bath', 'hall'], description: 'Which room' },
          level: { type: 'integer', maximum: 100, description: 'How bright' },
        },
        required: ['room'],
        additionalProperties: false,
      },
      operation: 'light.setBrightness',
      effect: 'write',
    });
    expect(JSON.stringify(document)).to.equal(before);
    expect((await compile(document)).title).to.equal('T');
  });

  it('takes a method for a read only on the document’s word', async () => {
    const methods = [
      { name: 'getState', params: [], result },
      { name: 'state', params: [], result, 'x-lite-agent-effect': 'read' },
      { name: 'set', params: [], result, 'x-lite-agent-effect': 'write' },
    ];
    const { tools } = await compile({ openrpc: '1.3.2', methods });
    expect(tools.map(({ operation, effect }) => [operation, effect])).to.deep.equal([
      ['getState', 'write'],
      ['state', 'read'],
      ['set', 'write'],
    ]);
  });

  it('gives every method a legal name of its own and calls it by its wire name', async () => {
    const names = ['a.b', 'a_b', '开灯', '关灯', `x${'y'.repeat(80)}`, `x${'y'.repeat(80)}z`, 'a b!', 'A-9'];
    const document = { openrpc: '1.3.2', methods: names.map((name) => ({ name, params: [], result })) };
    const { tools } = await compile(document);
    expect(tools.map(({ operation }) => operation)).to.deep.equal(names);
    const made = tools.map(({ name }) => name);
    expect(new Set(made).size).to.equal(names.length);
    for (const name of made) expect(name).to.match(/^[a-zA-Z0-9_-]{1,64}$/);
    expect([made[0], made[1], made[6], made[7]]).to.deep.equal(['a_b', 'a_b_2', 'a_b_3', 'A-9']);
    expect((await compile(document)).tools.map(({ name }) => name)).to.deep.equal(made);
    for (const tool of tools) await call(tool);
    expect(sent()).to.deep.equal(names);
  });

  it('gives every parameter a legal key of its own, and sends it under its wire name', async () => {
    const wire = ['Block hash', 'Block_hash', 'ids[]', '房间', '亮度', 'a.b-c'];
    const tool = await only(
      documentOf({ paramStructure: 'by-name', params: wire.map((name) => ({ name, schema: {} })) }),
    );
    const keys = Object.keys(tool.parameters['properties'] as JsonObject);
    expect(keys.slice(0, 3)).to.deep.equal(['Block_hash', 'Block_hash_2', 'ids']);
    expect(new Set(keys).size).to.equal(wire.length);
    await call(tool, Object.fromEntries(keys.map((key, index) => [key, index])));
    expect(sent()).to.deep.equal([['m', Object.fromEntries(wire.map((name, index) => [name, index]))]]);
  });

  it('keeps false, 0, empty texts, objects and lists', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const tool = await only(
      documentOf({ paramStructure: 'by-name', params: names.map((name) => ({ name, schema: {} })) }),
    );
    const args = { a: false, b: 0, c: '', d: {}, e: [], f: null };
    await call(tool, args);
    expect(sent()).to.deep.equal([['m', args]]);
  });

  describe('sends params', () => {
    const params = ['a', 'b', 'c'].map((name) => ({ name, schema: {} }));
    const table: [string, JsonObject, CompileOptions, JsonObject, JsonValue | undefined][] = [
      ['by name from 1.2.1 on', { openrpc: '1.2.1' }, {}, { a: 1, c: 3 }, { a: 1, c: 3 }],
      ['by position before 1.2.1, holes as null', { openrpc: '1.2.0' }, {}, { a: 1, c: 3 }, [1, null, 3]],
      ['by position for a release candidate', { openrpc: '1.0.0-rc1' }, {}, { a: 1 }, [1]],
      ['by position for a candidate of 1.2.1', { openrpc: '1.2.1-rc2' }, {}, { b: 1 }, [null, 1]],
      ['by name for a version that says nothing', { openrpc: true }, {}, { b: 1 }, { b: 1 }],
      ['by position as the document says', { paramStructure: 'by-position' }, {}, { b: 2 }, [null, 2]],
      [
        'by name as the document says',
        { openrpc: '1.0.0', paramStructure: 'by-name' },
        {},
        { b: 2 },
        { b: 2 },
      ],
      ['by name where either will do', { paramStructure: 'either' }, {}, { b: 2 }, { b: 2 }],
      [
        'as the entry says',
        { paramStructure: 'by-position' },
        { paramStructure: 'by-name' },
        { b: 2 },
        { b: 2 },
      ],
      ['as the entry says, the other way', {}, { paramStructure: 'by-position' }, { a: 1 }, [1]],
      ['none by name', {}, {}, {}, undefined],
      ['none by position', { openrpc: '1.0.0' }, {}, {}, []],
    ];
    for (const [title, { openrpc: version = '1.3.2', ...method }, options, args, expected] of table) {
      it(title, async () => {
        const tool = await only(documentOf({ ...method, params }, { openrpc: version }), options);
        await call(tool, args);
        expect(sent()).to.deep.equal([expected === undefined ? 'm' : ['m', expected]]);
      });
    }

    it('by position where names are missing or stand twice', async () => {
      for (const names of [
        ['a', 'a'],
        ['a', undefined],
        ['', 'b'],
      ]) {
        const tool = await only(
          documentOf({
            params: names.map((name) => ({ ...(name === undefined ? {} : { name }), schema: {} })),
          }),
        );
        const keys = Object.keys(tool.parameters['properties'] as JsonObject);
        await call(tool, { [keys[0] ?? '']: 1, [keys[1] ?? '']: 2 });
      }
      expect(sent()).to.deep.equal([
        ['m', [1, 2]],
        ['m', [1, 2]],
        ['m', [1, 2]],
      ]);
    });
  });

  describe('tries once more by position', () => {
    const params = [{ name: 'a', schema: {} }];
    const refuse = (code: number): void => {
      device.answer = (response, { body }) => {
        const { id, params } = JSON.parse(body.toString()) as JsonObject;
        const fits = Array.isArray(params);
        response.end(
          JSON.stringify({ id: id ?? null, ...(fits ? { result: 1 } : { error: { code, message: 'no' } }) }),
        );
      };
    };

    it('when the device says that params do not fit', async () => {
      refuse(-32602);
      expect(await call(await only(documentOf({ params })), { a: 1 })).to.deep.equal({
        statusCode: 200,
        body: '{"id":2,"result":1}',
      });
      expect(sent()).to.deep.equal([
        ['m', { a: 1 }],
        ['m', [1]],
      ]);
    });

    const cases: [string, number, JsonObject, CompileOptions][] = [
      ['not for another error', -32000, { params }, {}],
      ['not when the document says by name', -32602, { params, paramStructure: 'by-name' }, {}],
      ['not when the entry says by name', -32602, { params }, { paramStructure: 'by-name' }],
      ['not without parameters', -32602, { params: [] }, {}],
    ];
    for (const [title, code, method, options] of cases) {
      it(title, async () => {
        refuse(code);
        const answer = await call(
          await only(documentOf(method), options),
          Array.isArray(method['params']) && method['params'].length > 0 ? { a: 1 } : {},
        );
        expect((answer['error'] as JsonObject)['code']).to.equal(code);
        expect(device.seen).to.have.length(1);
      });
    }

    it('not when it was stopped meanwhile', async () => {
      const stop = new AbortController();
      refuse(-32602);
      const answer = device.answer;
      device.answer = (response, request) => {
        stop.abort();
        answer(response, request);
      };
      const tool = await only(documentOf({ params }));
      const got = await tool.call(
        { a: 1 },
        { connection: { server: device.url }, signal: stop.signal, timeoutMs: 5000 },
      );
      expect((got['error'] as JsonObject)['code']).to.equal(-32602);
      expect(device.seen).to.have.length(1);
    });
  });

  it('sends a method without a result as a notification', async () => {
    device.answer = (response) => response.writeHead(204).end();
    const tool = (await compile({ openrpc: '1.3.2', methods: [{ name: 'log', params: [] }] })).tools[0];
    expect(tool && (await call(tool))).to.deep.equal({ statusCode: 204, body: '' });
    expect(JSON.parse(device.seen[0]?.body.toString() ?? '')).to.deep.equal({
      jsonrpc: '2.0',
      method: 'log',
    });
  });

  describe('calls the server', () => {
    const cases: [string, (port: number) => JsonObject, CompileOptions, string][] = [
      [
        'of the document',
        (port) => ({ servers: [{ url: `http://127.0.0.1:${port}/rpc?k=v` }] }),
        {},
        '/rpc?k=v',
      ],
      [
        'with its variables',
        (port) => ({
          servers: [
            {
              url: 'http://${host}:${port}/{path}',
              variables: {
                host: { default: '127.0.0.1' },
                port: { default: port },
                path: { enum: ['p', 'q'] },
              },
            },
          ],
        }),
        {},
        '/p',
      ],
      [
        'of the method',
        (port) => ({
          servers: [{ url: 'http://127.0.0.1:1/' }],
          methods: [{ name: 'm', params: [], result, servers: [{ url: `http://127.0.0.1:${port}/own` }] }],
        }),
        {},
        '/own',
      ],
      [
        'that speaks HTTP',
        (port) => ({ servers: [{ url: 'ws://127.0.0.1:1/' }, 7, { url: `http://127.0.0.1:${port}/` }] }),
        {},
        '/',
      ],
      ['without a scheme', (port) => ({ servers: [{ url: `localhost:${port}/rpc` }] }), {}, '/rpc'],
      [
        'relative to the document',
        () => ({ servers: [{ url: '../rpc' }] }),
        { source: 'SOURCE/a/b/doc.json' },
        '/a/rpc',
      ],
      ['that described itself', () => ({ servers: [] }), { source: 'SOURCE/rpc' }, '/rpc'],
    ];
    for (const [title, more, options, path] of cases) {
      it(title, async () => {
        const source = options.source?.replace('SOURCE', device.url);
        const tool = await only(documentOf({}, more(device.port)), source === undefined ? {} : { source });
        expect(await call(tool, {}, {})).to.deep.equal({
          statusCode: 200,
          body: '{"jsonrpc":"2.0","id":1,"result":true}',
        });
        expect(device.seen.map(({ url }) => url)).to.deep.equal([path]);
      });
    }

    it('of the entry before any other', async () => {
      const tool = await only(documentOf({ servers: [{ url: 'http://127.0.0.1:1/' }] }));
      await call(tool, {}, { server: `${device.url}/mine` });
      expect(device.seen.map(({ url }) => url)).to.deep.equal(['/mine']);
    });

    const faults: [string, JsonObject, string][] = [
      ['no server', {}, 'The document names no server'],
      [
        'a variable without a default',
        { servers: [{ url: 'http://${host}/' }] },
        'The server "http://${host}/" has no default for host',
      ],
      [
        'another protocol',
        { servers: [{ url: 'ws://a.example/' }] },
        'The server "ws://a.example/" is no http(s) URL',
      ],
      [
        'a relative URL',
        { servers: [{ url: '/rpc' }] },
        'The server "/rpc" is relative, and nobody knows to what',
      ],
      ['no URL', { servers: [{}] }, 'The document’s server has no URL'],
    ];
    for (const [title, more, fault] of faults) {
      it(`or says why it cannot: ${title}`, async () => {
        const { tools, warnings } = await compile(documentOf({}, more));
        expect(warnings).to.deep.equal([`${fault}: calls need a server given with the document.`]);
        const [tool] = tools;
        expect(tool && (await call(tool, {}, {}))).to.deep.equal({
          error: {
            code: 'invalid_server',
            message: `${fault}; give a server with the document`,
            effect: 'none',
          },
        });
      });
    }
  });

  describe('signs in', () => {
    const cases: [string, Connection, string | undefined][] = [
      ['with nothing', {}, undefined],
      ['with a bearer key', { apiKey: { type: 'bearer', apiKey: 'k' } }, 'Bearer k'],
      ['with a basic key as it is', { apiKey: { type: 'basic', apiKey: 'dTpw' } }, 'Basic dTpw'],
      ['with a basic key of user and password', { apiKey: { type: 'basic', apiKey: 'u:p' } }, 'Basic dTpw'],
      ['with one credential', { credentials: { any: 'k' } }, 'Bearer k'],
      ['with a user’s credential', { credentials: { any: { username: 'u', password: 'p' } } }, 'Basic dTpw'],
    ];
    for (const [title, connection, header] of cases) {
      it(title, async () => {
        await call(await only(documentOf({})), {}, { server: device.url, ...connection });
        expect(device.seen.map(({ headers }) => headers.authorization)).to.deep.equal([header]);
      });
    }

    it('or says why it cannot', async () => {
      const tool = await only(documentOf({}));
      for (const credentials of [{ a: 'x', b: 'y' }, { a: { clientId: 'x', clientSecret: 'y' } }]) {
        const { error } = await call(tool, {}, { server: device.url, credentials });
        expect((error as JsonObject)['code']).to.equal('invalid_server');
        expect(JSON.stringify(error)).not.to.match(/"[xy]"/);
      }
      expect(device.seen).to.deep.equal([]);
    });
  });

  it('skips only what cannot be called, with the reason', async () => {
    const ok = { name: 'ok', params: [], result };
    const { operations, tools, skipped, warnings } = await compile({
      openrpc: '1.3.2',
      servers: [{ url: 'http://127.0.0.1/' }],
      methods: [
        ok,
        7,
        { params: [] },
        { name: 'a', params: [{ $ref: '#/none' }] },
        { name: 'b', params: [{ name: 'x', schema: { $ref: '#/none' } }] },
        { name: 'c', params: { x: {} } },
        { name: 'd', params: ['x'] },
        {
          name: 'e',
          params: [{ name: 'x', schema: { type: 'object', properties: { y: { $ref: '#/none' } } } }],
        },
        { $ref: '#/x-methods/f' },
        { $ref: '#/x-methods/g' },
      ],
      'x-methods': { f: { name: 'f' } },
    });
    expect(tools.map(({ operation }) => operation)).to.deep.equal(['ok', 'e', 'f']);
    expect(skipped).to.deep.equal([
      { operation: 'methods/1', reason: 'methods/1 is no object' },
      { operation: 'methods/2', reason: 'methods/2 has no name' },
      { operation: 'a', reason: 'the $ref "#/none" of params/0 leads nowhere' },
      { operation: 'b', reason: 'The $ref "#/none" of "x" leads nowhere.' },
      { operation: 'c', reason: '"params" is no list' },
      { operation: 'd', reason: 'params/0 is no object' },
      { operation: 'methods/9', reason: 'the $ref "#/x-methods/g" of methods/9 leads nowhere' },
    ]);
    expect(operations).to.equal(10);
    expect(warnings).to.deep.equal(['The $ref "#/none" leads nowhere: any value is taken there.']);
  });

  it('loads a document without methods, with a warning', async () => {
    for (const [document, expected] of [
      [{ openrpc: '1.3.2', methods: [] }, ['The document has no methods to call.']],
      [{ openrpc: 1 }, ['The document has no list of methods.', 'The document has no methods to call.']],
    ] as const) {
      const {
        kind: name,
        title,
        operations,
        tools,
        skipped,
        warnings,
      } = await compile({ ...document, methods: document.openrpc === 1 ? 5 : [] });
      expect([name, title, operations, tools, skipped, warnings]).to.deep.equal([
        'openrpc',
        'OpenRPC',
        0,
        [],
        [],
        expected,
      ]);
    }
  });

  it('chooses methods by tag and name', async () => {
    const methods = [
      { name: 'light.on', params: [], result, tags: [{ name: 'light' }] },
      { name: 'light.off', params: [], result, tags: [{ $ref: '#/components/tags/Light' }] },
      { name: 'fan.on', params: [], result, tags: ['fan'] },
      { name: 'reset', params: [], result },
    ];
    const document = { openrpc: '1.3.2', methods, components: { tags: { Light: { name: 'light' } } } };
    const chosen = async (options: CompileOptions): Promise<string[]> => {
      const { tools, operations } = await compile(document, options);
      expect(operations).to.equal(tools.length);
      return tools.map(({ operation }) => operation);
    };
    expect(await chosen({ include: { tags: ['light', 'none'] } })).to.deep.equal(['light.on', 'light.off']);
    expect(
      await chosen({ include: { methods: ['light.*'] }, exclude: { paths: ['light.off'] } }),
    ).to.deep.equal(['light.on']);
    expect(
      await chosen({
        include: { tags: [], methods: [], paths: [] },
        exclude: { tags: ['fan'], methods: ['RESET'] },
      }),
    ).to.deep.equal(['light.on', 'light.off']);
    expect(await chosen({ exclude: { tags: [], paths: ['light.*'] } })).to.deep.equal(['fan.on', 'reset']);
  });

  it('tells what its schemas lost', async () => {
    const words = 'explained at length '.repeat(20);
    const wide = (depth: number): JsonObject => ({
      type: 'object',
      description: words,
      properties:
        depth === 0
          ? {}
          : Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`p${i}`, wide(depth - 1)])),
    });
    const { warnings } = await compile({
      openrpc: '1.3.2',
      servers: [{ url: 'http://127.0.0.1/' }],
      methods: [2, 4].map((depth) => ({
        name: `deep${depth}`,
        params: [{ name: 'a', schema: wide(depth) }],
        result,
      })),
    });
    expect(warnings).to.deep.equal([
      'deep2: descriptions are shortened to keep its schema short.',
      'deep4: what lies deep is left open to keep its schema short.',
    ]);
  });

  it('says that a method is deprecated, and has at least its name for a description', async () => {
    expect(
      (await only(documentOf({ deprecated: true, summary: ' S ', description: 'S' }))).description,
    ).to.equal('Deprecated. S');
    expect((await only(documentOf({}))).description).to.equal('m');
    expect((await only(documentOf({ description: 'x'.repeat(2000) }))).description).to.have.length(1024);
  });

  it('follows refs to schemas that name themselves', async () => {
    const tool = await only(
      documentOf(
        { params: [{ name: 'v', schema: { $ref: 'https://types.example/t#/definitions/Version' } }] },
        {
          components: {
            schemas: { t: { $id: 'https://types.example/t', definitions: { Version: { type: 'string' } } } },
          },
        },
      ),
    );
    expect(tool.parameters['properties']).to.deep.equal({ v: { type: 'string' } });
  });

  describe('of several files', () => {
    let folder = '';
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'openrpc-'));
      await mkdir(join(folder, 'api'));
      await writeFile(join(folder, 'secret.json'), '{"type":"integer"}');
      await writeFile(
        join(folder, 'api', 'types.yaml'),
        'Level: {$ref: "more types.json#/Level"}\nBad: {$ref: "broken.json"}\n',
      );
      await writeFile(
        join(folder, 'api', 'more types.json'),
        '{"Level":{"type":"integer"},"Tree":{"type":"object","properties":{"next":{"$ref":"#/Tree"}}}}',
      );
      await writeFile(join(folder, 'api', 'broken.json'), '{"a":');
    });
    afterEach(() => rm(folder, { recursive: true }));

    const document = documentOf(
      {
        params: [
          { name: 'level', schema: { $ref: './types.yaml#/Level' } },
          { name: 'tree', schema: { $ref: 'more%20types.json#/Tree' } },
          { name: 'inside', schema: { type: 'array', items: { $ref: '../secret.json' } } },
          { name: 'far', schema: { type: 'array', items: { $ref: 'https://127.0.0.1:1/types.json' } } },
        ],
      },
      { servers: [{ url: 'http://127.0.0.1/' }] },
    );

    it('reads files beside the document, no others', async () => {
      const source = join(folder, 'api', 'doc.json');
      const { tools, warnings } = await compile(document, { source });
      const parameters = tools[0]?.parameters ?? {};
      expect(modelFaults(parameters)).to.deep.equal([]);
      expect(parameters['properties']).to.deep.equal({
        level: { type: 'integer' },
        tree: { $ref: '#/$defs/Tree' },
        inside: { type: 'array', items: {} },
        far: { type: 'array', items: {} },
      });
      expect(warnings).to.have.length(4);
      expect(warnings[0]).to.equal(
        "The file ../secret.json is not read: it is not in the document's folder.",
      );
      expect(warnings[1]).to.match(/^The file broken\.json cannot be read: The document is not valid JSON/);
      expect(warnings[2]).to.equal('The $ref "../secret.json" leads nowhere: any value is taken there.');
      expect(warnings[3]).to.equal(
        'The $ref "https://127.0.0.1:1/types.json" leads nowhere: any value is taken there.',
      );
    });

    it('reads none for a document that came from elsewhere', async () => {
      for (const options of [{}, { source: 'http://127.0.0.1:1/doc.json' }]) {
        const { tools, skipped } = await compile(document, options);
        expect([tools.length, skipped.length]).to.deep.equal([0, 1]);
      }
    });
  });
});
