import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import type { Connection } from '../../../lib/core/tool.ts';
import type { CompileOptions } from '../../../lib/openspec/kind.ts';
import { faultsOfTool } from '../../contracts/openspec-kind.ts';
import { documentOf, openOpenrpcBench, result, type OpenrpcBench } from '../../support/openrpc.ts';

describe('openspec/openrpc: a call', () => {
  let bench: OpenrpcBench;
  beforeEach(async () => {
    bench = await openOpenrpcBench();
  });
  afterEach(() => bench.close());

  it('gives every parameter a legal key of its own, and sends it under its wire name', async () => {
    const wire = ['Block hash', 'Block_hash', 'ids[]', '房间', '亮度', 'a.b-c'];
    const tool = await bench.only(
      documentOf({ paramStructure: 'by-name', params: wire.map((name) => ({ name, schema: {} })) }),
    );
    const keys = Object.keys(tool.parameters['properties'] as JsonObject);
    expect(keys.slice(0, 3)).to.deep.equal(['Block_hash', 'Block_hash_2', 'ids']);
    expect(new Set(keys).size).to.equal(wire.length);
    await bench.call(tool, Object.fromEntries(keys.map((key, index) => [key, index])));
    expect(bench.sent()).to.deep.equal([['m', Object.fromEntries(wire.map((name, index) => [name, index]))]]);
  });

  it('replaces keys inside arguments that model APIs refuse, and puts them back on the wire', async () => {
    const schema = {
      type: 'object',
      properties: { 'room name': { enum: ['a b'] }, ok: {}, [`x${'y'.repeat(70)}`]: {} },
      required: ['room name'],
    };
    const params = [{ name: 'a', schema: { type: 'array', items: schema } }];
    for (const paramStructure of ['by-name', 'by-position']) {
      const tool = await bench.only(documentOf({ params, paramStructure }));
      expect(faultsOfTool(tool)).to.deep.equal([]);
      const [a] = Object.values(tool.parameters['properties'] as JsonObject) as { items: JsonObject }[];
      const { properties, required } = a?.items ?? {};
      const [key = '', , long = ''] = Object.keys(properties as JsonObject);
      expect(required).to.deep.equal([key]);
      await bench.call(tool, { a: [{ [key]: 'a b', ok: null, [long]: { other: 1 } }] });
    }
    const sentA = [{ 'room name': 'a b', ok: null, [`x${'y'.repeat(70)}`]: { other: 1 } }];
    expect(bench.sent()).to.deep.equal([
      ['m', { a: sentA }],
      ['m', [sentA]],
    ]);
  });

  it('keeps false, 0, empty texts, objects and lists', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const tool = await bench.only(
      documentOf({ paramStructure: 'by-name', params: names.map((name) => ({ name, schema: {} })) }),
    );
    const args = { a: false, b: 0, c: '', d: {}, e: [], f: null };
    await bench.call(tool, args);
    expect(bench.sent()).to.deep.equal([['m', args]]);
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
      ['none by position', { openrpc: '1.0.0' }, {}, {}, undefined],
      ['none by position, as the document says', { paramStructure: 'by-position' }, {}, {}, undefined],
    ];
    for (const [title, { openrpc: version = '1.3.2', ...method }, options, args, expected] of table) {
      it(title, async () => {
        const tool = await bench.only(documentOf({ ...method, params }, { openrpc: version }), options);
        await bench.call(tool, args);
        expect(bench.sent()).to.deep.equal([expected === undefined ? 'm' : ['m', expected]]);
      });
    }

    it('by position where names are missing or stand twice', async () => {
      for (const names of [
        ['a', 'a'],
        ['a', undefined],
        ['', 'b'],
      ]) {
        const tool = await bench.only(
          documentOf({
            params: names.map((name) => ({ ...(name === undefined ? {} : { name }), schema: {} })),
          }),
        );
        const keys = Object.keys(tool.parameters['properties'] as JsonObject);
        await bench.call(tool, { [keys[0] ?? '']: 1, [keys[1] ?? '']: 2 });
      }
      expect(bench.sent()).to.deep.equal([
        ['m', [1, 2]],
        ['m', [1, 2]],
        ['m', [1, 2]],
      ]);
    });
  });

  describe('tries once more by position', () => {
    const params = [{ name: 'a', schema: {} }];
    const refuse = (code: number): void => {
      bench.device.answer = (response, { body }) => {
        const { id, params } = JSON.parse(body.toString()) as JsonObject;
        const fits = Array.isArray(params);
        response.end(
          JSON.stringify({ id: id ?? null, ...(fits ? { result: 1 } : { error: { code, message: 'no' } }) }),
        );
      };
    };

    for (const code of [-32602, -32600, -32700]) {
      it(`when the device refuses the form of the params with ${code}`, async () => {
        refuse(code);
        expect(await bench.call(await bench.only(documentOf({ params })), { a: 1 })).to.deep.equal({
          statusCode: 200,
          body: '{"id":2,"result":1}',
        });
        expect(bench.sent()).to.deep.equal([
          ['m', { a: 1 }],
          ['m', [1]],
        ]);
      });
    }

    it('and by name, when the form by position was only the default of an old version', async () => {
      bench.device.answer = (response, { body }) => {
        const { id, params: sent } = JSON.parse(body.toString()) as JsonObject;
        const error = { code: -32602, message: 'an object, please' };
        response.end(
          JSON.stringify({ id: id ?? null, ...(Array.isArray(sent) ? { error } : { result: 1 }) }),
        );
      };
      const tool = await bench.only(documentOf({ params }, { openrpc: '1.0.0' }));
      expect((await bench.call(tool, { a: 1 }))['error']).to.equal(undefined);
      expect(bench.sent()).to.deep.equal([
        ['m', [1]],
        ['m', { a: 1 }],
      ]);
    });

    it('and reports both refusals', async () => {
      bench.device.answer = (response, { body }) => {
        const { id, params: sent } = JSON.parse(body.toString()) as JsonObject;
        const message = Array.isArray(sent) ? 'an object, please' : 'no such room';
        response.end(JSON.stringify({ id: id ?? null, error: { code: -32602, message } }));
      };
      const { error } = await bench.call(await bench.only(documentOf({ params })), { a: 1 });
      expect(error).to.deep.equal({
        code: -32602,
        message: 'an object, please (params by-name: no such room)',
        effect: 'none',
      });
      expect(bench.device.seen).to.have.length(2);
    });

    const cases: [string, number, JsonObject, CompileOptions][] = [
      ['not for another error', -32000, { params }, {}],
      ['not for an internal error', -32603, { params }, {}],
      ['not for an unknown method', -32601, { params }, {}],
      ['not when the form is not refused but the answer is odd', 1, { params }, {}],
      ['not when the document says by name', -32602, { params, paramStructure: 'by-name' }, {}],
      ['not when the entry says by name', -32602, { params }, { paramStructure: 'by-name' }],
      ['not without parameters', -32602, { params: [] }, {}],
    ];
    for (const [title, code, method, options] of cases) {
      it(title, async () => {
        refuse(code);
        const answer = await bench.call(
          await bench.only(documentOf(method), options),
          Array.isArray(method['params']) && method['params'].length > 0 ? { a: 1 } : {},
        );
        expect((answer['error'] as JsonObject)['code']).to.equal(code);
        expect(bench.device.seen).to.have.length(1);
      });
    }

    it('not when it was stopped meanwhile', async () => {
      const stop = new AbortController();
      refuse(-32602);
      const answer = bench.device.answer;
      bench.device.answer = (response, request) => {
        stop.abort();
        answer(response, request);
      };
      const tool = await bench.only(documentOf({ params }));
      const got = await tool.call(
        { a: 1 },
        { connection: { server: bench.device.url }, signal: stop.signal, timeoutMs: 5000 },
      );
      expect((got['error'] as JsonObject)['code']).to.equal(-32602);
      expect(bench.device.seen).to.have.length(1);
    });
  });

  it('sends a method without a result as a notification', async () => {
    bench.device.answer = (response) => response.writeHead(204).end();
    const tool = (await bench.compile({ openrpc: '1.3.2', methods: [{ name: 'log', params: [] }] })).tools[0];
    expect(tool && (await bench.call(tool))).to.deep.equal({ statusCode: 204, body: '' });
    expect(JSON.parse(bench.device.seen[0]?.body.toString() ?? '')).to.deep.equal({
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
        const source = options.source?.replace('SOURCE', bench.device.url);
        const tool = await bench.only(
          documentOf({}, more(bench.device.port)),
          source === undefined ? {} : { source },
        );
        expect(await bench.call(tool, {}, {})).to.deep.equal({
          statusCode: 200,
          body: '{"jsonrpc":"2.0","id":1,"result":true}',
        });
        expect(bench.device.seen.map(({ url }) => url)).to.deep.equal([path]);
      });
    }

    it('of the entry before any other', async () => {
      const tool = await bench.only(documentOf({ servers: [{ url: 'http://127.0.0.1:1/' }] }));
      await bench.call(tool, {}, { server: `${bench.device.url}/mine` });
      expect(bench.device.seen.map(({ url }) => url)).to.deep.equal(['/mine']);
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
      ['a relative URL', { servers: [{ url: '/rpc' }] }, 'The server "/rpc" is relative to an unknown place'],
      ['no URL', { servers: [{}] }, 'The document’s server has no URL'],
    ];
    for (const [title, more, fault] of faults) {
      it(`or says why it cannot: ${title}`, async () => {
        const { tools, warnings } = await bench.compile(documentOf({}, more));
        expect(warnings).to.deep.equal([`${fault}: calls need a server given with the document.`]);
        const [tool] = tools;
        expect(tool && (await bench.call(tool, {}, {}))).to.deep.equal({
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
        await bench.call(await bench.only(documentOf({})), {}, { server: bench.device.url, ...connection });
        expect(bench.device.seen.map(({ headers }) => headers.authorization)).to.deep.equal([header]);
      });
    }

    it('or says why it cannot', async () => {
      const tool = await bench.only(documentOf({}));
      for (const credentials of [{ a: 'x', b: 'y' }, { a: { clientId: 'x', clientSecret: 'y' } }]) {
        const { error } = await bench.call(tool, {}, { server: bench.device.url, credentials });
        expect((error as JsonObject)['code']).to.equal('invalid_server');
        expect(JSON.stringify(error)).not.to.match(/"[xy]"/);
      }
      expect(bench.device.seen).to.deep.equal([]);
    });
  });
});
