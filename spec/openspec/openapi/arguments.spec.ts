import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import type { CompileOptions } from '../../../lib/openspec/kind.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../../support/openapi-bench.ts';

const LONG = 'a'.repeat(80);

describe('openapi names', () => {
  let bench: OpenapiBench;
  before(async () => {
    bench = await openOpenapiBench();
  });
  after(() => bench.close());

  async function namesOf(paths: JsonObject, options = {}): Promise<string[]> {
    return (
      await bench.compile({ openapi: '3.0.0', info: { title: 'x', version: '1' }, paths }, options)
    ).tools.map(({ name }) => name);
  }

  for (const [path, method, operationId, name] of [
    ['/AUT', 'post', undefined, 'POST-AUT'],
    ['/rooms/{id}/light', 'get', undefined, 'GET-rooms-id-light'],
    ['/', 'get', undefined, 'GET'],
    ['/a.b/c', 'get', undefined, 'GET-a-b-c'],
    ['/温度', 'get', undefined, 'GET'],
    ['/x', 'get', 'pets.list', 'pets_list'],
    ['/x', 'get', 'meta/root', 'meta_root'],
    ['/x', 'get', ' get-it ', 'get-it'],
    ['/x', 'get', '读取', 'GET-x'],
    ['/x', 'get', '', 'GET-x'],
    ['/x', 'get', '__init__', '__init__'],
    ['/x', 'get', LONG, `${'a'.repeat(57)}_d0b12b`],
  ] as const) {
    it(`${method} ${path} ${operationId === undefined ? 'without an operationId' : `with the operationId "${operationId}"`} is ${name}`, async () => {
      const node: JsonObject = operationId === undefined ? {} : { operationId };
      const [got] = await namesOf({ [path]: { [method]: node } });
      if (operationId === LONG) expect(got).to.match(/^a{57}_[0-9a-f]{6}$/);
      else expect(got).to.equal(name);
    });
  }

  it('are given once, in the order of the document', async () => {
    const op = { operationId: 'do.it' };
    const paths = {
      '/a': { get: op, post: { operationId: 'do it' } },
      '/b': { get: { operationId: 'do_it_2' }, put: op },
    };
    expect(await namesOf(paths)).to.deep.equal(['do_it', 'do_it_2', 'do_it_2_2', 'do_it_3']);
  });

  it('do not change when operations are left out', async () => {
    const op = { operationId: 'x' };
    expect(
      await namesOf({ '/a': { get: op }, '/b': { get: op } }, { exclude: { paths: ['/a'] } }),
    ).to.deep.equal(['x_2']);
  });

  const properties = async (document: JsonObject) =>
    Object.keys((await bench.toolOf(document)).parameters['properties'] as JsonObject);

  it('of arguments that stand in several places keep all of them apart, and each reaches its place', async () => {
    const json = { 'application/json': { schema: { type: 'object', properties: { id: {}, only: {} } } } };
    const document = oneOperation('/a/{id}', 'post', {
      parameters: ['path', 'query', 'header', 'cookie'].map((place) => ({
        name: 'id',
        in: place,
        required: place === 'path',
        schema: {},
      })),
      requestBody: { content: json },
    });
    expect(await properties(document)).to.deep.equal([
      'id__path',
      'id__query',
      'id__header',
      'id__cookie',
      'id__body',
      'only',
    ]);
    const args = { id__path: 1, id__query: 2, id__header: 3, id__cookie: 4, id__body: 5, only: 6 };
    const [seen] = (await bench.call(document, args)).seen;
    expect([seen?.url, seen?.headers['id'], seen?.headers.cookie, seen?.body.toString()]).to.deep.equal([
      '/a/1?id=2',
      '3',
      'id=4',
      '{"id":5,"only":6}',
    ]);
  });

  it('of arguments that no model API accepts are replaced, described, and put back', async () => {
    const names = ['ids[]', 'filter<from>', '$top', 'a b', 'a_b', '温度', LONG, '[]'];
    const document = oneOperation('/a', 'get', {
      parameters: names.map((name) => ({
        name,
        in: 'query',
        description: 'It',
        schema: { type: 'integer' },
      })),
    });
    const tool = await bench.toolOf(document);
    const keys = Object.keys(tool.parameters['properties'] as JsonObject);
    expect(keys.slice(0, 5)).to.deep.equal(['ids', 'filter_from', 'top', 'a_b', 'a_b_2']);
    for (const key of keys) expect(key).to.match(/^[a-zA-Z0-9_.-]{1,64}$/);
    expect((tool.parameters['properties'] as JsonObject)['ids']).to.deep.equal({
      type: 'integer',
      description: 'Sent as "ids[]". It',
    });
    const [seen] = (await bench.call(document, Object.fromEntries(keys.map((key, at) => [key, at])))).seen;
    expect([...new URL(`http://x${seen?.url}`).searchParams]).to.deep.equal(
      names.map((name, at) => [name, String(at)]),
    );
  });

  it('of a body argument make way for a parameter called body', async () => {
    const document = oneOperation('/a', 'post', {
      parameters: [{ name: 'body', in: 'query', schema: {} }],
      requestBody: { content: { 'application/json': { schema: { type: 'array' } } } },
    });
    expect(await properties(document)).to.deep.equal(['body__query', 'body__body']);
  });

  it('parameters of the path are inherited, and overridden by name and place', async () => {
    const document = {
      openapi: '3.0.0',
      info: { title: 'x', version: '1' },
      paths: {
        '/a': {
          parameters: [
            { name: 'x', in: 'query', schema: { type: 'string' } },
            { name: 'y', in: 'query', schema: { type: 'string' } },
            { name: 'X-H', in: 'header', schema: { type: 'string' } },
          ],
          get: {
            parameters: [
              { name: 'x', in: 'query', required: true, schema: { type: 'integer' } },
              { name: 'x-h', in: 'header', schema: { type: 'integer' } },
              { $ref: '#/components/parameters/Z' },
            ],
          },
        },
      },
      components: { parameters: { Z: { name: 'z', in: 'query', schema: { type: 'boolean' } } } },
    };
    expect((await bench.toolOf(document)).parameters).to.deep.equal({
      type: 'object',
      properties: {
        x: { type: 'integer' },
        y: { type: 'string' },
        'x-h': { type: 'integer' },
        z: { type: 'boolean' },
      },
      required: ['x'],
      additionalProperties: false,
    });
  });

  it('headers that belong to the request itself are no arguments', async () => {
    const parameters = ['Accept', 'content-type', 'Authorization', 'X-Own'].map((name) => ({
      name,
      in: 'header',
      required: true,
      schema: {},
    }));
    expect(await properties(oneOperation('/a', 'get', { parameters }))).to.deep.equal(['X-Own']);
  });

  it('parameters that a security scheme sends need not be given, and are not the model’s to give', async () => {
    for (const place of ['header', 'query', 'cookie']) {
      const parameters = [{ name: 'x-key', in: place, required: true, schema: {} }];
      const more = { components: { securitySchemes: { k: { type: 'apiKey', in: place, name: 'x-key' } } } };
      const document = oneOperation('/a', 'get', { parameters, security: [{ k: [] }] }, more);
      expect((await bench.toolOf(document)).parameters['required']).to.equal(undefined);
      const connection = { server: bench.device.url, credentials: { k: 'the-key' } };
      const [seen] = (await bench.call(document, { 'x-key': 'made-up' }, connection)).seen;
      const sent = [seen?.headers['x-key'], seen?.url.split('?')[1], seen?.headers.cookie].filter(
        (one) => one !== undefined,
      );
      expect(sent).to.deep.equal([place === 'header' ? 'the-key' : 'x-key=the-key']);
    }
  });

  it('methods in capitals are methods', async () => {
    expect(await namesOf({ '/a': { GET: {}, Post: {} } })).to.deep.equal(['GET-a', 'POST-a']);
  });

  it('parameters without a name or a place are left out, with a warning', async () => {
    const parameters = [{ in: 'query' }, { name: 'x' }, { name: 'y', in: 'moon' }];
    const spec = await bench.compile(oneOperation('/a', 'get', { parameters }));
    expect(spec.tools[0]?.parameters['properties']).to.deep.equal({});
    expect(spec.warnings).to.have.length(3);
  });
});

describe('openapi operations', () => {
  let bench: OpenapiBench;
  before(async () => {
    bench = await openOpenapiBench();
  });
  after(() => bench.close());

  const paths = {
    '/a': {
      get: { tags: ['one'] },
      post: { tags: ['one', 'two'], 'x-lite-agent-effect': 'read' },
      trace: {},
      query: {},
      additionalOperations: { LINK: {} },
      summary: 'no operation',
      'x-custom': {},
    },
    '/b/c': {
      'x-lite-agent-effect': 'write',
      head: {},
      options: { 'x-lite-agent-effect': 'read' },
      delete: null,
      patch: {},
    },
    'x-not-a-path': { get: {} },
    '/gone': { $ref: '#/components/pathItems/Gone' },
    '/shared': { $ref: '#/components/pathItems/Shared', put: { summary: 'beside' } },
    '/null': null,
  };
  const document: JsonObject = {
    openapi: '3.2.0',
    info: {},
    paths,
    components: { pathItems: { Shared: { get: { deprecated: true, summary: 'Shared' } } } },
  };

  it('have the risk that the document says, and are left out where it says no risk that is known', async () => {
    const operations = {
      get: {},
      put: { 'x-lite-agent-risk': 'high' },
      post: { 'x-lite-agent-risk': 'High' },
      patch: { 'x-lite-agent-risk': null },
      delete: { 'x-lite-agent-risk': 3 },
      options: { 'x-lite-agent-rsik': 'high' },
      head: { 'X-LiteAgent-Risk': 'high' },
    };
    const spec = await bench.compile({
      openapi: '3.2.0',
      info: {},
      paths: { '/a': operations, '/b': { 'x-lite-agent-risk': 'low', get: {}, put: operations.put } },
    });
    expect(spec.tools.map(({ operation, risk }) => [operation, risk])).to.deep.equal([
      ['GET /a', undefined],
      ['PUT /a', 'high'],
      ['PATCH /a', undefined],
      ['GET /b', 'low'],
      ['PUT /b', 'high'],
    ]);
    expect(spec.skipped).to.deep.equal([
      { operation: 'POST /a', reason: 'x-lite-agent-risk is "High"; it must be low, normal or high' },
      { operation: 'DELETE /a', reason: 'x-lite-agent-risk is 3; it must be low, normal or high' },
      {
        operation: 'OPTIONS /a',
        reason: 'x-lite-agent-rsik is not known; did you mean "x-lite-agent-risk"?',
      },
      { operation: 'HEAD /a', reason: 'X-LiteAgent-Risk is not known; did you mean "x-lite-agent-risk"?' },
    ]);
  });

  it('are read or write by their method, or as the document says', async () => {
    const spec = await bench.compile(document);
    expect(spec.tools.map(({ operation, effect }) => `${operation} ${effect}`)).to.deep.equal([
      'GET /a read',
      'POST /a read',
      'TRACE /a write',
      'QUERY /a write',
      'LINK /a write',
      'HEAD /b/c write',
      'OPTIONS /b/c read',
      'PATCH /b/c write',
      'GET /shared read',
      'PUT /shared write',
    ]);
    expect([spec.operations, spec.title]).to.deep.equal([10, 'untitled']);
    expect(spec.warnings).to.deep.equal(['The path /gone leads nowhere; its operations are unknown.']);
  });

  it('are described by summary and description, or by themselves', async () => {
    const spec = await bench.compile(document);
    expect(spec.tools.map(({ description }) => description).slice(-3)).to.deep.equal(
      ['no operation', 'Deprecated. Shared', 'beside']
        .slice(-3)
        .map((text, at) => (at === 0 ? 'PATCH /b/c' : text)),
    );
  });

  for (const [what, options, expected] of [
    ['a tag', { include: { tags: ['two'] } }, ['POST /a']],
    ['a method', { include: { methods: ['get'] } }, ['GET /a', 'GET /shared']],
    ['a method and a tag', { include: { methods: ['GET'], tags: ['one'] } }, ['GET /a']],
    ['a path', { include: { paths: ['/b/c'] } }, ['HEAD /b/c', 'OPTIONS /b/c', 'PATCH /b/c']],
    [
      'a prefix, without a method',
      { include: { paths: ['/b*', '/s*'] }, exclude: { methods: ['PUT', 'HEAD'] } },
      ['OPTIONS /b/c', 'PATCH /b/c', 'GET /shared'],
    ],
    [
      'empty lists',
      { include: { tags: [] }, exclude: { paths: ['/a', '/b/*'] } },
      ['GET /shared', 'PUT /shared'],
    ],
  ] as const) {
    it(`are selected by ${what}; the others are skipped`, async () => {
      const spec = await bench.compile(document, options as unknown as CompileOptions);
      expect(spec.tools.map(({ operation }) => operation)).to.deep.equal(expected);
      expect(spec.skipped).to.have.length(10 - expected.length);
      expect(new Set(spec.skipped.map(({ reason }) => reason))).to.deep.equal(
        new Set(['left out by include or exclude']),
      );
    });
  }

  it('whose body leads nowhere are skipped', async () => {
    const spec = await bench.compile(
      oneOperation('/a', 'post', { requestBody: { $ref: '#/components/requestBodies/X' } }),
    );
    expect(spec.skipped).to.deep.equal([
      { operation: 'POST /a', reason: "the body's $ref leads nowhere: #/components/requestBodies/X" },
    ]);
  });

  it('whose method is misspelt are skipped, with the method that was meant', async () => {
    const spec = await bench.compile(oneOperation('/a', 'pots', {}));
    expect([spec.skipped, spec.tools]).to.deep.equal([
      [{ operation: 'pots /a', reason: '"pots" is no HTTP method; did you mean "post"?' }],
      [],
    ]);
  });

  it('ask for the media types of their answers, JSON first', async () => {
    const accept = async (responses: JsonObject, more: JsonObject = {}) =>
      (await bench.call(oneOperation('/a', 'get', { responses, ...more }), {})).seen[0]?.headers.accept;
    expect(await accept({})).to.equal('application/json, */*;q=0.5');
    expect(await accept({ 200: { content: { 'text/html': {}, 'application/vnd.x+json': {} } } })).to.equal(
      'application/vnd.x+json, */*;q=0.5',
    );
    expect(
      await accept({ 200: { content: { 'image/png': {} } }, 404: { content: { 'application/json': {} } } }),
    ).to.equal('image/png, */*;q=0.5');
  });
});
