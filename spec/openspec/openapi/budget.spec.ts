import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../../support/openapi-bench.ts';

/** The most that the parameters of a tool may have, in bytes of JSON. */
const BUDGET = 12 * 1024;

describe('openapi: the budget of a tool', () => {
  let bench: OpenapiBench;
  before(async () => {
    bench = await openOpenapiBench();
  });
  after(() => bench.close());

  const body = (schema: JsonValue): JsonObject => ({
    requestBody: { required: true, content: { 'application/json': { schema } } },
  });
  /** The parameters and the only warning of an operation that is too large. */
  async function cut(operation: JsonObject) {
    const { tools, warnings } = await bench.compile(oneOperation('/a', 'post', operation));
    const parameters = tools[0]?.parameters ?? {};
    const properties = parameters['properties'] as Record<string, JsonObject>;
    return { properties, warnings, bytes: Buffer.byteLength(JSON.stringify(parameters)) };
  }
  const many = (count: number, schema: JsonValue, prefix = 'member') =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`${prefix}${n}`, schema]));
  const deep = {
    type: 'object',
    properties: many(40, { type: 'object', properties: many(40, { type: 'string' }) }),
  };

  it('leaves the names and types of a large body', async () => {
    const { properties, warnings, bytes } = await cut(
      body({ type: 'object', properties: { ...many(150, deep), on: { type: 'boolean' } } }),
    );
    expect(Object.keys(properties)).to.have.length(151);
    expect([properties['member0'], properties['on']]).to.deep.equal([
      { type: 'object' },
      { type: 'boolean' },
    ]);
    expect(bytes).to.be.at.most(BUDGET);
    expect(warnings).to.deep.equal([
      'POST /a: its schema is too large; only the names and types of its arguments are given',
    ]);
  });

  it('leaves the names in the members of a large choice', async () => {
    const { properties, bytes } = await cut(
      body({
        oneOf: [
          { type: 'object', properties: many(60, deep) },
          { type: 'object', properties: many(60, deep, 'other') },
        ],
      }),
    );
    const [first, second] = (properties['body'] as { anyOf: { properties: JsonObject }[] }).anyOf;
    expect(Object.keys(first?.properties ?? {})).to.have.length(60);
    expect(Object.keys(second?.properties ?? {})).to.include('other59');
    expect(bytes).to.be.at.most(BUDGET);
  });

  it('leaves the names where even the types are too long', async () => {
    const { properties, warnings, bytes } = await cut(
      body({ type: 'object', properties: many(500, { type: 'string' }, 'm') }),
    );
    expect([Object.keys(properties).length, properties['m0']]).to.deep.equal([500, {}]);
    expect(bytes).to.be.at.most(BUDGET);
    expect(warnings).to.deep.equal([
      'POST /a: its schema is too large; only the names of its arguments are given',
    ]);
  });

  it('counts patterns, limits and descriptions, and speaks of a body only where there is one', async () => {
    const description = 'words '.repeat(1000);
    for (const schema of [
      { type: 'string', pattern: `^(${'a|'.repeat(900)}b)$` },
      { type: 'string', description },
      { type: 'number', minimum: 1e-300, maximum: 1e300, multipleOf: 1e-300 },
    ]) {
      const { bytes, warnings, properties } = await cut({
        parameters: Array.from({ length: 100 }, (_, n) => ({
          name: `q${n}`,
          in: 'query',
          description,
          schema,
        })),
      });
      expect(bytes).to.be.at.most(BUDGET);
      expect(properties['q99']).to.have.property('type', schema.type);
      expect(warnings).to.have.length(1);
      expect(warnings[0])
        .to.match(/^POST \/a: its schema is too large; /)
        .and.not.match(/body/);
    }
  });
});
