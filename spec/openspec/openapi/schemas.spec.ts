import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import type { JsonSchema } from '../../../lib/core/tool.ts';
import { faultsOfTool } from '../../contracts/openspec-kind.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../../support/openapi-bench.ts';

const S = '#/components/schemas/';

describe('openapi schemas for the model', () => {
  let bench: OpenapiBench;
  before(async () => {
    bench = await openOpenapiBench();
  });
  after(() => bench.close());

  async function parametersOf(schema: JsonValue, schemas: JsonObject = {}): Promise<JsonSchema> {
    const document = oneOperation(
      '/a',
      'get',
      { parameters: [{ name: 'v', in: 'query', schema }] },
      { components: { schemas } },
    );
    const tool = await bench.toolOf(document);
    expect(faultsOfTool(tool)).to.deep.equal([]);
    return tool.parameters;
  }

  const schemaOf = async (schema: JsonValue, schemas?: JsonObject) =>
    ((await parametersOf(schema, schemas))['properties'] as JsonObject)['v'];

  const table: [what: string, schema: JsonValue, expected: JsonValue][] = [
    [
      'bounds, formats, patterns, defaults stay',
      { type: 'integer', format: 'int32', minimum: 1, maximum: 9, multipleOf: 2, default: 3 },
      { type: 'integer', format: 'int32', minimum: 1, maximum: 9, multipleOf: 2, default: 3 },
    ],
    [
      'lengths and patterns stay',
      { type: 'string', minLength: 1, maxLength: 5, pattern: '^a+$' },
      { type: 'string', minLength: 1, maxLength: 5, pattern: '^a+$' },
    ],
    ['a falsy default stays', { type: 'boolean', default: false }, { type: 'boolean', default: false }],
    ['a pattern of another dialect goes', { type: 'string', pattern: '(?i)a\\Z' }, { type: 'string' }],
    ['nullable (3.0)', { type: 'string', nullable: true }, { type: ['string', 'null'] }],
    [
      'nullable enum (3.0)',
      { type: 'string', nullable: true, enum: ['a'] },
      { type: ['string', 'null'], enum: ['a', null] },
    ],
    ['type lists (3.1)', { type: ['integer', 'null'] }, { type: ['integer', 'null'] }],
    ['const (3.1)', { const: 5 }, { enum: [5] }],
    [
      'exclusive bounds (3.0)',
      { type: 'number', minimum: 0, exclusiveMinimum: true, maximum: 1, exclusiveMaximum: false },
      { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    ],
    [
      'exclusive bounds (3.1)',
      { type: 'number', exclusiveMinimum: 0 },
      { type: 'number', exclusiveMinimum: 0 },
    ],
    ['an enum twice or empty', { enum: ['a', 'a', 1, '1'] }, { enum: ['a', 1, '1'] }],
    ['an empty enum', { type: 'string', enum: [] }, { type: 'string' }],
    ['a list without items', { type: 'array' }, { type: 'array', items: {} }],
    ['a list by its items', { items: { type: 'string' } }, { type: 'array', items: { type: 'string' } }],
    ['a list of several types', { type: ['array', 'string'] }, { type: ['array', 'string'], items: {} }],
    [
      'a tuple (3.1)',
      { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }] },
      { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'integer' }] } },
    ],
    [
      'a tuple of old',
      { type: 'array', items: [{ type: 'string' }] },
      { type: 'array', items: { anyOf: [{ type: 'string' }] } },
    ],
    ['items: true', { type: 'array', items: true }, { type: 'array', items: {} }],
    [
      'an object by its properties',
      { properties: { a: { type: 'string' } } },
      { type: 'object', properties: { a: { type: 'string' } } },
    ],
    [
      'required in its old place',
      { type: 'object', required: true, properties: { a: { type: 'string', required: true } } },
      { type: 'object', properties: { a: { type: 'string' } } },
    ],
    [
      'additionalProperties',
      { type: 'object', additionalProperties: { type: 'integer' } },
      { type: 'object', additionalProperties: { type: 'integer' } },
    ],
    [
      'a closed object',
      { type: 'object', properties: { a: {} }, additionalProperties: false },
      { type: 'object', properties: { a: {} }, additionalProperties: false },
    ],
    [
      'a closed object with patterns is open',
      { type: 'object', patternProperties: { '^x': {} }, additionalProperties: false },
      { type: 'object' },
    ],
    [
      'read-only properties go',
      {
        type: 'object',
        required: ['id', 'a'],
        properties: { id: { type: 'string', readOnly: true }, a: {} },
      },
      { type: 'object', properties: { a: {} }, required: ['a'] },
    ],
    [
      'write-only properties stay',
      { type: 'object', properties: { p: { type: 'string', writeOnly: true } } },
      { type: 'object', properties: { p: { type: 'string' } } },
    ],
    [
      'a property that may not be goes',
      { type: 'object', properties: { a: false, b: true } },
      { type: 'object', properties: { b: {} } },
    ],
    [
      'oneOf becomes anyOf',
      { oneOf: [{ type: 'string' }, { type: 'integer' }] },
      { anyOf: [{ type: 'string' }, { type: 'integer' }] },
    ],
    [
      'a nullable choice',
      { anyOf: [{ type: 'string' }], nullable: true },
      { anyOf: [{ type: 'string' }, { type: 'null' }] },
    ],
    [
      'two choices at once',
      { anyOf: [{ type: 'string' }], oneOf: [{ type: 'integer' }] },
      { allOf: [{ anyOf: [{ type: 'string' }] }, { anyOf: [{ type: 'integer' }] }] },
    ],
    [
      'allOf is merged',
      { allOf: [{ type: 'object', properties: { a: {} }, required: ['a'] }, { properties: { b: {} } }] },
      { type: 'object', properties: { a: {}, b: {} }, required: ['a'] },
    ],
    [
      'allOf with the same property twice',
      { allOf: [{ properties: { a: { type: 'string' } } }, { properties: { a: { minLength: 2 } } }] },
      { type: 'object', properties: { a: { type: 'string', minLength: 2 } } },
    ],
    ['allOf of enums', { allOf: [{ enum: [1, 2, 3] }, { enum: [2, 3, 4] }] }, { enum: [2, 3] }],
    [
      'allOf of closed objects is open',
      {
        allOf: [
          { properties: { a: {} }, additionalProperties: false },
          { properties: { b: {} }, additionalProperties: false },
        ],
      },
      { type: 'object', properties: { a: {}, b: {} } },
    ],
    ['allOf of types', { allOf: [{ type: ['string', 'null'] }, { type: 'string' }] }, { type: 'string' }],
    [
      'types of other worlds',
      {
        type: 'object',
        properties: { a: { type: 'int' }, b: { type: 'file' }, c: { type: 'any' }, d: { type: 'Float' } },
      },
      {
        type: 'object',
        properties: {
          a: { type: 'integer' },
          b: { type: 'string', description: 'A file (its bytes in base64)' },
          c: {},
          d: { type: 'number' },
        },
      },
    ],
    [
      'what only confuses goes',
      {
        type: 'string',
        xml: {},
        example: 'x',
        externalDocs: {},
        discriminator: {},
        title: 'T',
        not: { type: 'null' },
        deprecated: true,
      },
      { type: 'string' },
    ],
    [
      'bounds that are no numbers go',
      { type: 'string', minLength: -1, maxLength: '5', minimum: 'x', multipleOf: 0 },
      { type: 'string' },
    ],
    ['a huge default goes', { type: 'string', default: 'x'.repeat(300) }, { type: 'string' }],
    ['anything', {}, {}],
    ['true', true, {}],
    [
      'inner keys that are none',
      { type: 'object', properties: { '@id': {}, 'a b': {}, 'a@b': {} }, required: ['a b'] },
      { type: 'object', properties: { id: {}, a_b: {}, a_b_2: {} }, required: ['a_b'] },
    ],
  ];
  for (const [what, schema, expected] of table) {
    it(what, async () => expect(await schemaOf(schema)).to.deep.equal(expected));
  }

  describe('$refs', () => {
    it('are followed, with the keys beside them', async () => {
      const pet = { type: 'object', properties: { a: { type: 'string' } }, description: 'A pet' };
      expect(
        await schemaOf({ $ref: `${S}Pet`, description: 'Mine', nullable: true }, { Pet: pet }),
      ).to.deep.equal({
        description: 'Mine',
        type: ['object', 'null'],
        properties: { a: { type: 'string' } },
      });
    });

    it('with escapes, through chains, into paths, by anchor and by bare name', async () => {
      const schemas = {
        'a/b~c d': { $ref: `${S}Next` },
        Next: { type: 'integer' },
        Named: { $anchor: 'here', type: 'boolean' },
      };
      expect(await schemaOf({ $ref: `${S}a~1b~0c%20d` }, schemas)).to.deep.equal({ type: 'integer' });
      expect(await schemaOf({ $ref: '#here' }, schemas)).to.deep.equal({ type: 'boolean' });
      expect(await schemaOf({ $ref: 'Next' }, schemas)).to.deep.equal({ type: 'integer' });
      expect(
        await schemaOf({
          type: 'array',
          items: { $ref: '#/paths/~1a/get/parameters/0/schema/x' },
          x: { type: 'null' },
        }),
      ).to.deep.equal({ type: 'array', items: { type: 'null' } });
    });

    it('that lead nowhere leave the argument open, with a warning', async () => {
      const document = oneOperation(
        '/a',
        'get',
        {
          parameters: ['#/nowhere', 'https://example.com/x.json', '../../etc/passwd#/x', `${S}Loop`].map(
            ($ref, at) => ({ name: `v${at}`, in: 'query', schema: { $ref } }),
          ),
        },
        { components: { schemas: { Loop: { $ref: `${S}Loop` } } } },
      );
      const spec = await bench.compile(document);
      expect(spec.tools[0]?.parameters['properties']).to.deep.equal({ v0: {}, v1: {}, v2: {}, v3: {} });
      expect(spec.warnings).to.have.length(4);
      expect(spec.warnings[0]).to.equal(
        'The $ref "#/nowhere" at #/paths/~1a/get/parameters/0/schema leads nowhere: any value is accepted there.',
      );
    });

    it('that come back to themselves become $defs', async () => {
      const node = { type: 'object', properties: { name: { type: 'string' }, next: { $ref: `${S}Node` } } };
      expect(await parametersOf({ $ref: `${S}Node` }, { Node: node })).to.deep.equal({
        type: 'object',
        properties: {
          v: { type: 'object', properties: { name: { type: 'string' }, next: { $ref: '#/$defs/Node' } } },
        },
        additionalProperties: false,
        $defs: {
          Node: { type: 'object', properties: { name: { type: 'string' }, next: { $ref: '#/$defs/Node' } } },
        },
      });
    });

    it('that come back by way of others, lists, choices and inheritance end, too', async () => {
      const schemas = {
        A: {
          type: 'object',
          properties: { b: { $ref: `${S}B` }, list: { type: 'array', items: { $ref: `${S}A` } } },
        },
        B: {
          allOf: [
            { $ref: `${S}A` },
            { type: 'object', properties: { extra: { anyOf: [{ $ref: `${S}B` }, { type: 'null' }] } } },
          ],
        },
        Tree: { type: 'array', items: { $ref: `${S}Tree` } },
        Inline: {
          type: 'object',
          properties: { child: { allOf: [{ $ref: `${S}Inline` }], nullable: true } },
        },
        Self: { allOf: [{ $ref: `${S}Self` }, { type: 'object', properties: { a: {} } }] },
      };
      for (const name of Object.keys(schemas)) {
        const parameters = await parametersOf({ $ref: `${S}${name}` }, schemas);
        expect(JSON.stringify(parameters).length, name).to.be.below(2000);
      }
      expect(await schemaOf({ $ref: `${S}Self` }, schemas)).to.deep.equal({
        type: 'object',
        properties: { a: {} },
      });
      const inB = JSON.stringify(await parametersOf({ $ref: `${S}B` }, schemas));
      expect(inB).to.contain('"extra"');
    });
  });

  describe('budgets', () => {
    const wide = (levels: number): JsonObject =>
      levels === 0
        ? { type: 'string', description: 'A leaf of this very large tree, described at some length.' }
        : {
            type: 'object',
            properties: Object.fromEntries(
              Array.from({ length: 6 }, (_, at) => [`p${at}`, wide(levels - 1)]),
            ),
          };

    for (const levels of [3, 4, 6]) {
      it(`a tree of ${6 ** levels} leaves fits, and the document's warnings name the parts that were left out`, async () => {
        const document = oneOperation('/a', 'post', {
          requestBody: { content: { 'application/json': { schema: wide(levels) } } },
        });
        const spec = await bench.compile(document);
        const [tool] = spec.tools;
        expect(JSON.stringify(tool?.parameters).length).to.be.within(1000, 12 * 1024);
        expect(Object.keys(tool?.parameters['properties'] as JsonObject)).to.deep.equal([
          'p0',
          'p1',
          'p2',
          'p3',
          'p4',
          'p5',
        ]);
        expect(spec.warnings).to.have.length(1);
        expect(spec.warnings[0]).to.match(
          /^POST \/a: its schema is too large; (descriptions are shortened|below level \d it has opaque objects)$/,
        );
      });
    }

    it('a body with thousands of properties becomes one opaque object, and is still sent', async () => {
      const properties = Object.fromEntries(
        Array.from({ length: 3000 }, (_, at) => [`property${at}`, { type: 'string' }]),
      );
      const document = oneOperation('/a', 'post', {
        requestBody: { content: { 'application/json': { schema: { type: 'object', properties } } } },
      });
      const spec = await bench.compile(document);
      expect(spec.tools[0]?.parameters['properties']).to.deep.equal({ body: { type: 'object' } });
      expect(spec.warnings).to.deep.equal(['POST /a: its schema is too large; its body is an opaque object']);
      expect((await bench.call(document, { body: { property7: 'x' } })).seen[0]?.body.toString()).to.equal(
        '{"property7":"x"}',
      );
    });

    it('is the same for a tool when others share its body', async () => {
      const body = { requestBody: { content: { 'application/json': { schema: { $ref: `${S}Wide` } } } } };
      const parameters = Array.from({ length: 60 }, (_, at) => ({
        name: `q${at}`,
        in: 'query',
        description: 'x'.repeat(150),
        schema: { type: 'string' },
      }));
      const document: JsonObject = {
        openapi: '3.1.0',
        info: { title: 'x', version: '1' },
        paths: { '/a': { post: { ...body, parameters } }, '/b': { post: body } },
        components: { schemas: { Wide: wide(3) } },
      };
      const [first, second] = (await bench.compile(document)).tools;
      const alone = [JSON.stringify(first?.parameters), JSON.stringify(second?.parameters)];
      const [again, other] = (await bench.compile(document)).tools.toReversed();
      expect([JSON.stringify(other?.parameters), JSON.stringify(again?.parameters)]).to.deep.equal(alone);
    });

    it('cuts descriptions', async () => {
      const document = oneOperation('/a', 'get', {
        summary: 'Short',
        description: '😀'.repeat(2000),
        parameters: [{ name: 'v', in: 'query', description: 'y'.repeat(5000), schema: {} }],
      });
      const tool = await bench.toolOf(document);
      expect(tool.description).to.match(/^Short\n\n(😀)+…$/u);
      expect(tool.description.length).to.be.within(1020, 1024);
      expect((tool.parameters['properties'] as { v: { description: string } }).v.description).to.match(
        /^y{1023}…$/,
      );
    });
  });
});
