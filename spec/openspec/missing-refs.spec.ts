import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../lib/common/json.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../support/openapi-bench.ts';
import { documentOf, openOpenrpcBench, type OpenrpcBench } from '../support/openrpc.ts';

const REF = '#/components/schemas/Stat';
const lost = { $ref: REF };
/** Schemas that hold a `$ref` that leads nowhere, and the pointer to it inside the schema. */
const SCHEMAS: [JsonObject, string][] = [
  [{ type: 'object', properties: { stat: lost } }, '/properties/stat'],
  [{ type: 'object', properties: { a: { type: 'array', items: lost } } }, '/properties/a/items'],
  [{ type: 'object', properties: { a: {} }, additionalProperties: lost }, '/additionalProperties'],
  [{ type: 'object', properties: { a: { anyOf: [lost, { type: 'string' }] } } }, '/properties/a/anyOf/0'],
  [{ type: 'object', properties: { a: { oneOf: [{ type: 'string' }, lost] } } }, '/properties/a/oneOf/1'],
  [{ allOf: [{ type: 'object', properties: { a: {} } }, lost] }, '/allOf/1'],
];

describe('openspec: a $ref that leads nowhere', () => {
  let http: OpenapiBench;
  let rpc: OpenrpcBench;
  beforeEach(async () => {
    [http, rpc] = await Promise.all([openOpenapiBench(), openOpenrpcBench()]);
  });
  afterEach(() => Promise.all([http.close(), rpc.close()]));

  const warning = (place: string) =>
    `The $ref "${REF}" at ${place} leads nowhere: any value is accepted there.`;
  const bodyOf = (schema: JsonValue, type = 'application/json'): JsonObject => ({
    required: true,
    content: { [type]: { schema } },
  });

  for (const [schema, pointer] of SCHEMAS) {
    it(`is a warning with its pointer and its target: ${pointer}`, async () => {
      const { warnings } = await http.compile(oneOperation('/a', 'post', { requestBody: bodyOf(schema) }));
      expect(warnings).to.deep.equal([
        warning(`#/paths/~1a/post/requestBody/content/application~1json/schema${pointer}`),
      ]);
      const params = [{ name: 'x', schema }];
      const described = await rpc.compile(
        documentOf({ params }, { servers: [{ url: 'http://127.0.0.1:1' }] }),
      );
      expect(described.warnings).to.deep.equal([warning(`#/methods/0/params/0/schema${pointer}`)]);
    });
  }

  it('at the end of a chain is named where the chain breaks, once for all tools', async () => {
    const components = { schemas: { Pump: { $ref: '#/components/schemas/Motor' }, Motor: lost } };
    const operation = {
      requestBody: bodyOf({ type: 'object', properties: { p: { $ref: '#/components/schemas/Pump' } } }),
    };
    const document = oneOperation('/a', 'post', operation, { components });
    (document['paths'] as JsonObject)['/b'] = { put: operation };
    const { warnings } = await http.compile(document);
    expect(warnings).to.deep.equal([warning('#/components/schemas/Motor')]);
  });

  it('that is the whole body skips the operation', async () => {
    for (const schema of [lost, { ...lost, description: 'A stat.' }, { allOf: [lost] }]) {
      const { tools, skipped } = await http.compile(
        oneOperation('/a', 'post', { requestBody: bodyOf(schema) }),
      );
      expect(tools).to.deep.equal([]);
      expect(skipped.map(({ operation }) => operation)).to.deep.equal(['POST /a']);
      expect(skipped[0]?.reason).to.match(
        /^the body's \$ref leads nowhere: #\/components\/schemas\/Stat \(at #\/paths\/~1a\/post\/requestBody\/content\/application~1json\/schema(?:\/allOf\/0)?\)$/,
      );
    }
  });

  it('that is one of several media types leaves the others', async () => {
    const requestBody = {
      required: true,
      content: {
        'application/json': { schema: lost },
        'application/x-www-form-urlencoded': {
          schema: { type: 'object', properties: { on: { type: 'boolean' } } },
        },
      },
    };
    const { seen } = await http.call(oneOperation('/a', 'post', { requestBody }), { on: true });
    expect(seen.map(({ body, headers }) => [body.toString(), headers['content-type']])).to.deep.equal([
      ['on=true', 'application/x-www-form-urlencoded'],
    ]);
  });

  it('that is the whole body skips the operation in Swagger 2.0, too', async () => {
    const { skipped } = await http.compile({
      swagger: '2.0',
      info: { title: 'T', version: '1' },
      paths: {
        '/a': { post: { parameters: [{ name: 'b', in: 'body', schema: { $ref: '#/definitions/Stat' } }] } },
      },
    });
    expect(skipped).to.deep.equal([
      {
        operation: 'POST /a',
        reason: "the body's $ref leads nowhere: #/definitions/Stat (at #/paths/~1a/post/parameters/0/schema)",
      },
    ]);
  });
});
