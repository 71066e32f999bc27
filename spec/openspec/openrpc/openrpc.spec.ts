import { expect } from 'chai';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../../lib/common/json.ts';
import { failed } from '../../../lib/core/tool.ts';
import type { CompileOptions } from '../../../lib/openspec/kind.ts';
import { openrpc } from '../../../lib/openspec/openrpc/openrpc.ts';
import { describeOpenspecKind } from '../../contracts/openspec-kind.ts';
import { modelFaults } from '../../support/model-schema.ts';
import { documentOf, openOpenrpcBench, result, type OpenrpcBench } from '../../support/openrpc.ts';

describeOpenspecKind('openrpc', {
  open: () =>
    openrpc({
      call: async () => Promise.resolve(failed('cancelled', 'Stopped', 'none')),
      ask: async () => Promise.reject(new Error('not asked')),
    }),
  documents: {
    'a document with refs and cycles': {
      openrpc: '1.3.2',
      info: { title: 'T' },
      servers: [{ url: 'http://127.0.0.1/' }],
      methods: [
        {
          name: 'tree.set',
          params: [{ name: 'the tree', schema: { $ref: '#/components/schemas/Tree' } }],
          result,
        },
        { name: 'tree.get', params: [{ $ref: '#/none' }], result },
        { name: 'tree_set', params: [], 'x-lite-agent-effect': 'read' },
      ],
      components: {
        schemas: {
          Tree: {
            type: 'object',
            properties: { 'left one': { $ref: '#/components/schemas/Tree' }, list: { type: 'array' } },
          },
        },
      },
    },
    'a document without servers': documentOf({}),
  },
  empty: { openrpc: '1.3.2', info: {}, methods: [] },
  unusable: { 'a document whose methods are no list': { openrpc: '1.3.2', methods: { a: {} } } },
  foreign: { OpenAPI: { openapi: '3.1.0' }, nothing: {} },
});

describe('openspec/openrpc', () => {
  let bench: OpenrpcBench;
  beforeEach(async () => {
    bench = await openOpenrpcBench();
  });
  afterEach(() => bench.close());

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
    const { name, description, parameters, operation, effect } = await bench.only(document);
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
    expect((await bench.compile(document)).title).to.equal('T');
  });

  it('takes a method for a read only on the document’s word', async () => {
    const methods = [
      { name: 'getState', params: [], result },
      { name: 'state', params: [], result, 'x-lite-agent-effect': 'read' },
      { name: 'set', params: [], result, 'x-lite-agent-effect': 'write' },
    ];
    const { tools } = await bench.compile({ openrpc: '1.3.2', methods });
    expect(tools.map(({ operation, effect }) => [operation, effect])).to.deep.equal([
      ['getState', 'write'],
      ['state', 'read'],
      ['set', 'write'],
    ]);
  });

  it('has the risk that a method says, and leaves out a method whose risk is not known', async () => {
    const methods = [
      { name: 'state', params: [], result },
      { name: 'open', params: [], result, 'x-lite-agent-risk': 'high' },
      { name: 'shut', params: [], result, 'x-lite-agent-risk': 'much' },
      { name: 'lock', params: [], result, 'x-lite-agent-rsik': 'high' },
    ];
    const { tools, skipped } = await bench.compile({ openrpc: '1.3.2', methods });
    expect(tools.map(({ operation, risk }) => [operation, risk])).to.deep.equal([
      ['state', undefined],
      ['open', 'high'],
    ]);
    expect(skipped).to.deep.equal([
      { operation: 'shut', reason: 'x-lite-agent-risk is "much"; it must be low, normal or high' },
      { operation: 'lock', reason: 'x-lite-agent-rsik is not known; did you mean "x-lite-agent-risk"?' },
    ]);
  });

  it('gives every method a legal name of its own and calls it by its wire name', async () => {
    const names = ['a.b', 'a_b', '开灯', '关灯', `x${'y'.repeat(80)}`, `x${'y'.repeat(80)}z`, 'a b!', 'A-9'];
    const document = { openrpc: '1.3.2', methods: names.map((name) => ({ name, params: [], result })) };
    const { tools } = await bench.compile(document);
    expect(tools.map(({ operation }) => operation)).to.deep.equal(names);
    const made = tools.map(({ name }) => name);
    expect(new Set(made).size).to.equal(names.length);
    for (const name of made) expect(name).to.match(/^[a-zA-Z0-9_-]{1,64}$/);
    expect([made[0], made[1], made[6], made[7]]).to.deep.equal(['a_b', 'a_b_2', 'a_b_3', 'A-9']);
    expect((await bench.compile(document)).tools.map(({ name }) => name)).to.deep.equal(made);
    for (const tool of tools) await bench.call(tool);
    expect(bench.sent()).to.deep.equal(names);
  });

  it('skips only methods that cannot be called, with the reason', async () => {
    const ok = { name: 'ok', params: [], result };
    const { operations, tools, skipped, warnings } = await bench.compile({
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
    expect(warnings).to.deep.equal([
      'The $ref "#/none" at #/methods/7/params/0/schema/properties/y leads nowhere: any value is accepted there.',
    ]);
  });

  it('loads a document without methods, with a warning', async () => {
    for (const document of [
      { openrpc: '1.3.2', methods: [] },
      { openrpc: 1 },
      { openrpc: '1.2.1', methods: null },
    ]) {
      expect(await bench.compile(document)).to.deep.equal({
        kind: 'openrpc',
        title: 'OpenRPC',
        operations: 0,
        tools: [],
        skipped: [],
        warnings: ['The document has no methods, so there are no tools.'],
      });
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
      const { tools, skipped, operations } = await bench.compile(document, options);
      expect([operations, tools.length + skipped.length]).to.deep.equal([4, 4]);
      for (const { reason } of skipped) expect(reason).to.equal('left out by include or exclude');
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

  it('warns about the parts that its schemas lost', async () => {
    const words = 'explained at length '.repeat(20);
    const wide = (depth: number): JsonObject => ({
      type: 'object',
      description: words,
      properties:
        depth === 0
          ? {}
          : Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`p${i}`, wide(depth - 1)])),
    });
    const { warnings } = await bench.compile({
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
      'deep4: deep members are left open to keep its schema short.',
    ]);
  });

  it('says that a method is deprecated, and has at least its name for a description', async () => {
    expect(
      (await bench.only(documentOf({ deprecated: true, summary: ' S ', description: 'S' }))).description,
    ).to.equal('Deprecated. S');
    expect((await bench.only(documentOf({}))).description).to.equal('m');
    expect((await bench.only(documentOf({ description: 'x'.repeat(2000) }))).description).to.have.length(
      1024,
    );
  });

  it('follows refs to schemas that name themselves', async () => {
    const tool = await bench.only(
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
      const { tools, warnings } = await bench.compile(document, { source });
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
      expect(warnings[2]).to.equal(
        'The $ref "../secret.json" at #/methods/0/params/2/schema/items leads nowhere: any value is accepted there.',
      );
      expect(warnings[3]).to.equal(
        'The $ref "https://127.0.0.1:1/types.json" at #/methods/0/params/3/schema/items leads nowhere: any value is accepted there.',
      );
    });

    it('reads none for a document that came from elsewhere', async () => {
      for (const options of [{}, { source: 'http://127.0.0.1:1/doc.json' }]) {
        const { tools, skipped } = await bench.compile(document, options);
        expect([tools.length, skipped.length]).to.deep.equal([0, 1]);
      }
    });
  });
});
