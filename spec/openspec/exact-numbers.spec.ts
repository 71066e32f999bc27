import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../lib/common/json.ts';
import { createToolbox } from '../../lib/core/toolbox.ts';
import type { Connection, Tool } from '../../lib/core/tool.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../support/openapi-bench.ts';
import { documentOf, openOpenrpcBench, type OpenrpcBench } from '../support/openrpc.ts';

const LONG = '2512292042121000001';

describe('a whole number beyond 2^53', () => {
  let http: OpenapiBench;
  let rpc: OpenrpcBench;
  before(async () => {
    [http, rpc] = await Promise.all([openOpenapiBench(), openOpenrpcBench()]);
  });
  after(() => Promise.all([http.close(), rpc.close()]));

  /** Makes a call as the core does; resolves with the arguments in the log. Rejects with the refusal of a call that is not made. */
  async function call(tool: Tool, args: JsonValue, connection: Connection): Promise<JsonValue> {
    const toolbox = createToolbox([{ tools: [tool], connection }], { resultMaxBytes: 1000 });
    const logged = toolbox.complete({ callId: 'c', name: tool.name, arguments: args });
    const checked = await toolbox.check(logged);
    if ('answered' in checked) throw new Error(JSON.stringify(checked.answered));
    await toolbox.send(checked.ready, { signal: new AbortController().signal, timeoutMs: 5000 });
    return logged.arguments;
  }

  /** The lines of the only request that a call causes. */
  async function sentOverHttp(document: JsonObject, args: JsonValue) {
    const { device } = http;
    const before = device.seen.length;
    const logged = await call(await http.toolOf(document), args, { server: device.url });
    const [request, ...others] = device.seen.slice(before);
    expect(others).to.deep.equal([]);
    return { logged, request: request! };
  }

  const body = (schema: JsonObject, type = 'application/json') =>
    oneOperation('/a', 'post', { requestBody: { required: true, content: { [type]: { schema } } } });
  const idOf = (schema: JsonObject): JsonObject => ({ type: 'object', properties: { id: schema } });
  const int64 = { type: 'integer', format: 'int64' };

  it('arrives whole in the path, the query, a header and a cookie', async () => {
    const parameters = ['path', 'query', 'header', 'cookie'].map((place) => ({
      name: `${place}_x`,
      in: place,
      required: true,
      schema: { type: 'integer' },
    }));
    const document = oneOperation('/a/{path_x}', 'get', { parameters });
    const args = `{"path_x":${LONG},"query_x":${LONG},"header_x":-${LONG},"cookie_x":${LONG}}`;
    const { logged, request } = await sentOverHttp(document, args);
    const { url, headers } = request;
    expect([logged, url, headers['header_x'], headers.cookie]).to.deep.equal([
      args,
      `/a/${LONG}?query_x=${LONG}`,
      `-${LONG}`,
      `cookie_x=${LONG}`,
    ]);
  });

  const bodies: [string, string, JsonObject, string, RegExp | string][] = [
    ['a JSON body', 'application/json', idOf({ type: 'integer' }), `{"id":${LONG}}`, `{"id":${LONG}}`],
    [
      'an open JSON body',
      'application/json',
      { type: 'object' },
      `{"body":{"a":[${LONG},"${LONG}"]}}`,
      `{"a":[${LONG},"${LONG}"]}`,
    ],
    [
      'a form',
      'application/x-www-form-urlencoded',
      idOf({ type: 'integer' }),
      `{"id":${LONG}}`,
      `id=${LONG}`,
    ],
    [
      'an object in a form',
      'application/x-www-form-urlencoded',
      idOf(idOf({ type: 'integer' })),
      `{"id":{"id":${LONG}}}`,
      `id=%7B%22id%22%3A${LONG}%7D`,
    ],
    [
      'a multipart body',
      'multipart/form-data',
      idOf(idOf({ type: 'integer' })),
      `{"id":{"id":${LONG}}}`,
      new RegExp(`\\r\\n\\r\\n\\{"id":${LONG}\\}\\r\\n`),
    ],
  ];
  for (const [title, type, schema, args, wire] of bodies)
    it(`arrives whole in ${title}, and keeps its digits in the log`, async () => {
      const { logged, request } = await sentOverHttp(body(schema, type), args);
      expect(logged).to.equal(args);
      if (typeof wire === 'string') expect(request.body.toString()).to.equal(wire);
      else expect(request.body.toString()).to.match(wire);
    });

  it('arrives whole in params by name and by position', async () => {
    const params = [{ name: 'id', schema: { type: 'integer' }, required: true }];
    const before = rpc.device.seen.length;
    for (const paramStructure of ['by-name', 'by-position']) {
      const tool = await rpc.only(documentOf({ params, paramStructure }));
      await call(tool, `{"id":${LONG}}`, { server: rpc.device.url });
    }
    expect(
      rpc.device.seen.slice(before).map(({ body: sent }) => sent.toString().replace(/"id":\d+,"m/, '"m')),
    ).to.deep.equal([
      `{"jsonrpc":"2.0","method":"m","params":{"id":${LONG}}}`,
      `{"jsonrpc":"2.0","method":"m","params":[${LONG}]}`,
    ]);
  });

  it('is refused where the schema does not allow it, and nothing is sent', async () => {
    const tool = await http.toolOf(body(idOf({ type: 'string' })));
    const before = http.device.seen.length;
    const refusal = await call(tool, `{"id":${LONG}}`, { server: http.device.url }).catch(String);
    expect(refusal).to.equal(
      'Error: {"error":{"code":"invalid_arguments","message":"The arguments do not fit the tool: /id must be string.","effect":"none"}}',
    );
    expect(http.device.seen.length).to.equal(before);
  });

  it('may be given as digits in a text where the document says int64, and is a number on the wire', async () => {
    const inner = {
      anyOf: [{ type: 'object', properties: { id: int64 }, required: ['id'] }, { type: 'boolean' }],
    };
    const schema = {
      type: 'object',
      properties: {
        id: int64,
        small: int64,
        list: { type: 'array', items: int64 },
        inner,
        name: { type: 'string' },
      },
      additionalProperties: int64,
    };
    const tool = await http.toolOf(body(schema));
    expect((tool.parameters['properties'] as JsonObject)['id']).to.deep.equal({
      type: ['integer', 'string'],
      format: 'int64',
      pattern: '^-?(0|[1-9][0-9]{0,19})$',
    });
    const given = { id: LONG, small: '-42', list: [LONG, 7, '0'], inner: { id: LONG }, name: LONG };
    const wire = `{"id":${LONG},"small":-42,"list":[${LONG},7,0],"inner":{"id":${LONG}},"name":"${LONG}"}`;
    const { logged, request } = await sentOverHttp(body(schema), given);
    expect([logged, request.body.toString()]).to.deep.equal([wire, wire]);
    const safe = await sentOverHttp(body(schema), { id: '42' });
    expect([safe.logged, safe.request.body.toString()]).to.deep.equal([{ id: 42 }, '{"id":42}']);
  });

  it('stays a text where the document also takes other texts', async () => {
    const either = { anyOf: [int64, { type: 'string' }] };
    const { logged, request } = await sentOverHttp(body(idOf(either)), { id: LONG });
    expect([logged, request.body.toString()]).to.deep.equal([{ id: LONG }, `{"id":"${LONG}"}`]);
  });

  it('is checked against the limits of the document, also as a text', async () => {
    const tool = await http.toolOf(body(idOf({ ...int64, minimum: 1 })));
    const refusals = await Promise.all(
      [{ id: '0' }, { id: '007' }, { id: 'seven' }].map((args) =>
        call(tool, args, {}).catch((error: Error) => error.message),
      ),
    );
    expect(
      refusals.map((refusal) => /\/id [^"\\;.]*[^"\\;. ]/.exec(JSON.stringify(refusal))?.[0]),
    ).to.deep.equal(['/id must be >= 1', '/id must match pattern', '/id must match pattern']);
  });
});
