import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../lib/common/json.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../support/openapi-bench.ts';
import { documentOf, openOpenrpcBench, type OpenrpcBench } from '../support/openrpc.ts';

describe('openspec: a required argument with a default', () => {
  let http: OpenapiBench;
  let rpc: OpenrpcBench;
  beforeEach(async () => {
    [http, rpc] = await Promise.all([openOpenapiBench(), openOpenrpcBench()]);
  });
  afterEach(() => Promise.all([http.close(), rpc.close()]));

  const parameters = (schema: JsonObject) =>
    ['path', 'query', 'header', 'cookie'].map((place) => ({
      name: `${place}_x`,
      in: place,
      required: true,
      schema,
    }));

  it('is sent in every place of a request when it is left out', async () => {
    const document = oneOperation('/a/{path_x}', 'get', {
      parameters: parameters({ type: 'integer', default: 7 }),
    });
    const tool = await http.toolOf(document);
    expect(tool.parameters).to.not.have.property('required');
    const { seen } = await http.call(document, { query_x: 1 });
    expect(seen.map(({ url, headers }) => [url, headers['header_x'], headers.cookie])).to.deep.equal([
      ['/a/7?query_x=1', '7', 'cookie_x=7'],
    ]);
    expect(tool.complete?.({ query_x: 1 })).to.deep.equal({
      path_x: 7,
      query_x: 1,
      header_x: 7,
      cookie_x: 7,
    });
  });

  it('is sent in a body that is required, and in one that is given', async () => {
    const document = (required: boolean) =>
      oneOperation('/a', 'post', {
        requestBody: {
          required,
          content: {
            'application/json': {
              schema: {
                type: 'object',
                properties: { mode: { type: 'string', default: 'eco' }, on: { type: 'boolean' } },
                required: ['mode'],
              },
            },
          },
        },
      });
    const sent = async (required: boolean, args: JsonObject): Promise<string[]> =>
      (await http.call(document(required), args)).seen.map(({ body }) => body.toString());
    expect(await sent(true, {})).to.deep.equal(['{"mode":"eco"}']);
    expect(await sent(true, { mode: 'full' })).to.deep.equal(['{"mode":"full"}']);
    expect(await sent(false, { on: true })).to.deep.equal(['{"mode":"eco","on":true}']);
    expect(await sent(false, {})).to.deep.equal(['']);
  });

  it('is sent in Swagger 2.0, too', async () => {
    const document: JsonObject = {
      swagger: '2.0',
      info: { title: 'T', version: '1' },
      paths: {
        '/a': {
          post: {
            consumes: ['application/x-www-form-urlencoded'],
            parameters: [
              { name: 'q', in: 'query', type: 'string', default: 'x', required: true },
              { name: 'f', in: 'formData', type: 'integer', default: 3, required: true },
            ],
            responses: {},
          },
        },
      },
    };
    const { seen } = await http.call(document, {});
    expect(seen.map(({ url, body }) => [url, body.toString()])).to.deep.equal([['/a?q=x', 'f=3']]);
  });

  it('stays required when the default does not fit the schema', async () => {
    for (const schema of [
      { type: 'integer', default: 'many' },
      { type: 'string', enum: ['a'], default: 'b' },
      { type: 'integer', maximum: 3, default: 4 },
      { type: 'string', default: null },
    ]) {
      const document = oneOperation('/a', 'get', {
        parameters: [{ name: 'x', in: 'query', required: true, schema }],
      });
      expect((await http.toolOf(document)).parameters['required'], JSON.stringify(schema)).to.deep.equal([
        'x',
      ]);
      const { result, seen } = await http.call(document, {});
      expect(result['error']).to.deep.include({ code: 'invalid_arguments', effect: 'none' });
      expect(seen).to.deep.equal([]);
    }
  });

  it('that is optional is not sent', async () => {
    const document = oneOperation('/a', 'get', {
      parameters: [{ name: 'x', in: 'query', schema: { type: 'integer', default: 7 } }],
    });
    expect((await http.call(document, {})).seen[0]?.url).to.equal('/a');
  });

  it('is sent in JSON-RPC params, by name and by position', async () => {
    const params: JsonValue = [
      { name: 'room', required: true, schema: { type: 'string', default: 'bath' } },
      { name: 'level', schema: { type: 'integer', default: 1 } },
    ];
    for (const paramStructure of ['by-name', 'by-position'] as const) {
      const tool = await rpc.only(documentOf({ params, paramStructure }));
      await rpc.call(tool, {});
      expect(tool.complete?.({ level: 2 })).to.deep.equal({ room: 'bath', level: 2 });
    }
    expect(
      rpc.device.seen.map(({ body }) => (JSON.parse(body.toString()) as JsonObject)['params']),
    ).to.deep.equal([{ room: 'bath' }, ['bath']]);
  });
});
