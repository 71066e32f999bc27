import { Ajv } from 'ajv';
import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import { isObject } from '../../../lib/common/json.ts';
import { SpecError } from '../../../lib/errors.ts';
import { jsonSchemaDialect } from '../../../lib/openspec/schema/json-schema-dialect.ts';
import { ArgumentSchemas } from '../../../lib/openspec/schema/argument-schemas.ts';
import { SpecDocument } from '../../../lib/openspec/spec-document.ts';
import { modelFaults } from '../../support/model-schema.ts';

/** The schemas of a document that is only its definitions. */
function open(document: JsonObject = {}, maxBytes?: number): ArgumentSchemas {
  return new ArgumentSchemas(new SpecDocument(document), jsonSchemaDialect, maxBytes);
}

/** What one argument's schema becomes. */
function converted(schema: JsonValue, document: JsonObject = {}): JsonValue | undefined {
  const schemas = open(document);
  const { schema: root, trimmed } = schemas.parameters([{ name: 'a', schema, required: false }]);
  expect(modelFaults(root)).to.deep.equal([]);
  expect(trimmed).to.equal(undefined);
  const { properties, ...rest } = root;
  expect(rest).to.deep.equal({
    type: 'object',
    additionalProperties: false,
    ...(root['$defs'] === undefined ? {} : { $defs: root['$defs'] }),
  });
  const a = isObject(properties) ? properties['a'] : undefined;
  return root['$defs'] === undefined ? a : { a, $defs: root['$defs'] };
}

const cat = { type: 'object', properties: { claws: { type: 'integer' } }, required: ['claws'] };

/** A document that counts how often a schema is followed to its end. */
class CountingDocument extends SpecDocument {
  count = 0;
  override resolve(...args: Parameters<SpecDocument['resolve']>): ReturnType<SpecDocument['resolve']> {
    this.count++;
    return super.resolve(...args);
  }
}

describe('openspec/schema', () => {
  const table: [string, JsonValue, JsonValue, JsonObject?][] = [
    [
      'keeps what model APIs know',
      { type: 'integer', format: 'int32', minimum: 1, default: 2 },
      { type: 'integer', format: 'int32', minimum: 1, default: 2 },
    ],
    [
      'offers digits in a text for 64 bits',
      { type: 'integer', format: 'int64', nullable: true },
      { type: ['integer', 'null', 'string'], format: 'int64', pattern: '^-?(0|[1-9][0-9]{0,19})$' },
    ],
    [
      'offers no digits where the values are listed',
      { type: 'integer', format: 'int64', enum: [1, 2] },
      { type: 'integer', format: 'int64', enum: [1, 2] },
    ],
    ['takes true for anything', true, {}],
    [
      'allows null as OpenAPI 3.0 writes it',
      { type: 'string', nullable: true, enum: ['a'] },
      { type: ['string', 'null'], enum: ['a', null] },
    ],
    [
      'allows null in an enum whose type allows it',
      { type: ['string', 'null'], nullable: true, enum: ['a'] },
      { type: ['string', 'null'], enum: ['a', null] },
    ],
    [
      'opens what pattern names allow beside other members',
      { type: 'object', patternProperties: { '^x': {} }, additionalProperties: { type: 'string' } },
      { type: 'object' },
    ],
    [
      'an endless allOf is left open',
      { allOf: [{ $ref: '#/a' }, { type: 'string' }] },
      { type: 'string' },
      { a: { allOf: [{ $ref: '#/a' }] } },
    ],
    [
      'allows null as Swagger 2 writes it',
      { type: 'string', 'x-nullable': true },
      { type: ['string', 'null'] },
    ],
    ['keeps type lists', { type: ['integer', 'null'] }, { type: ['integer', 'null'] }],
    [
      'allows null beside a ref',
      { $ref: '#/cat', nullable: true },
      { ...cat, type: ['object', 'null'] },
      { cat },
    ],
    ['gives lists items', { type: 'array' }, { type: 'array', items: {} }],
    [
      'tells a list by its items',
      { items: { type: 'string' } },
      { type: 'array', items: { type: 'string' } },
    ],
    ['tells an object by its members', { properties: { b: {} } }, { type: 'object', properties: { b: {} } }],
    [
      'makes a tuple a choice',
      {
        type: 'array',
        prefixItems: [{ type: 'string' }, { type: 'integer' }, { type: 'string' }],
        items: false,
      },
      { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'integer' }] }, maxItems: 3 },
    ],
    [
      'makes a draft 4 tuple a choice',
      { type: 'array', items: [{ type: 'string' }], additionalItems: { type: 'null' } },
      { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
    ],
    [
      'leaves an open tuple open',
      { type: 'array', items: [{ type: 'string' }] },
      { type: 'array', items: {} },
    ],
    ['writes const as enum', { const: 0 }, { enum: [0] }],
    [
      'writes draft 4 limits as numbers',
      { type: 'number', minimum: 0, exclusiveMinimum: true, exclusiveMaximum: false, maximum: 1 },
      { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    ],
    [
      'drops limits that are no numbers',
      { type: 'string', maxLength: '5', required: true },
      { type: 'string' },
    ],
    ['takes a misspelt type for what is meant', { type: 'String' }, { type: 'string' }],
    ['takes an unknown type for anything', { type: 'thing' }, {}],
    ['describes a file as text', { type: 'file' }, { type: 'string', format: 'binary' }],
    [
      'takes the title where nothing else describes',
      { title: 'A cat', type: 'string' },
      { type: 'string', description: 'A cat' },
    ],
    ['drops a pattern of another dialect', { type: 'string', pattern: '(?i)^a\\Z' }, { type: 'string' }],
    ['keeps a pattern', { type: 'string', pattern: '^[a-z]+$' }, { type: 'string', pattern: '^[a-z]+$' }],
    [
      'writes oneOf as anyOf',
      { oneOf: [{ type: 'string' }, { type: 'integer' }, false] },
      { anyOf: [{ type: 'string' }, { type: 'integer' }] },
    ],
    [
      'writes a choice of one out',
      { anyOf: [{ type: 'string' }], description: 'x' },
      { type: 'string', description: 'x' },
    ],
    [
      'keeps two choices apart',
      { anyOf: [{ type: 'string' }, { type: 'null' }], oneOf: [{ minLength: 1 }, { maxLength: 9 }] },
      {
        allOf: [
          { anyOf: [{ type: 'string' }, { type: 'null' }] },
          { anyOf: [{ minLength: 1 }, { maxLength: 9 }] },
        ],
      },
    ],
    [
      'keeps what only some branches require',
      { type: 'object', properties: { b: {}, c: {} }, anyOf: [{ required: ['b'] }, { required: ['c'] }] },
      { type: 'object', properties: { b: {}, c: {} }, anyOf: [{ required: ['b'] }, { required: ['c'] }] },
    ],
    [
      'follows a ref, and one that is only a ref',
      { $ref: '#/alias' },
      cat,
      { cat, alias: { $ref: '#/cat' } },
    ],
    [
      'lets the words beside a ref win',
      { $ref: '#/cat', description: 'Mine' },
      { ...cat, description: 'Mine' },
      { cat: { ...cat, description: 'A cat' } },
    ],
    ['takes a ref with its own type beside it for the ref', { type: 'object', $ref: '#/cat' }, cat, { cat }],
    [
      'merges allOf',
      {
        allOf: [
          { $ref: '#/cat' },
          { properties: { name: { type: 'string', maxLength: 9 } }, required: ['name'] },
        ],
        description: 'x',
      },
      {
        type: 'object',
        properties: { claws: { type: 'integer' }, name: { type: 'string', maxLength: 9 } },
        required: ['claws', 'name'],
        description: 'x',
      },
      { cat },
    ],
    [
      'merges what both members of an allOf say',
      {
        allOf: [
          {
            type: 'object',
            additionalProperties: false,
            properties: {
              b: { type: 'number', minimum: 0, enum: [1, 2] },
              c: { type: 'array', items: { maxLength: 2 } },
            },
          },
          {
            type: ['object', 'null'],
            properties: { b: { type: 'integer', minimum: 1, enum: [2, 3] }, c: { items: { minLength: 1 } } },
          },
        ],
      },
      {
        type: 'object',
        properties: {
          b: { type: 'integer', minimum: 1, enum: [2] },
          c: { type: 'array', items: { maxLength: 2, minLength: 1 } },
        },
      },
    ],
    [
      'opens a closed object whose names go by patterns',
      { type: 'object', additionalProperties: false, patternProperties: { '^x': {} } },
      { type: 'object' },
    ],
    [
      'keeps maps',
      { type: 'object', additionalProperties: { type: 'number' } },
      { type: 'object', additionalProperties: { type: 'number' } },
    ],
    [
      'leaves read-only members out, wherever they are required',
      {
        allOf: [
          { type: 'object', properties: { id: { type: 'string', readOnly: true }, b: { type: 'string' } } },
          { required: ['id', 'b'] },
        ],
      },
      { type: 'object', properties: { b: { type: 'string' } }, required: ['b'] },
    ],
    [
      'takes a bad ref inside for anything',
      { type: 'object', properties: { b: { $ref: '#/none' } } },
      { type: 'object', properties: { b: {} } },
    ],
    [
      'does not look for schemas in data',
      { type: 'object', default: { $ref: '#/none' }, enum: [{ $ref: '#/none' }] },
      { type: 'object', default: { $ref: '#/none' }, enum: [{ $ref: '#/none' }] },
    ],
    [
      'a cycle becomes a definition',
      { $ref: '#/tree' },
      {
        a: { $ref: '#/$defs/tree' },
        $defs: { tree: { type: 'object', properties: { left: { $ref: '#/$defs/tree' }, cat } } },
      },
      { cat, tree: { type: 'object', properties: { left: { $ref: '#/tree' }, cat: { $ref: '#/cat' } } } },
    ],
    [
      'a choice that leads back to itself is left open',
      { $ref: '#/pet' },
      {
        type: 'object',
        properties: { name: { type: 'string' } },
        anyOf: [
          { type: 'object', properties: { name: { type: 'string' }, bark: { type: 'boolean' } } },
          { type: 'object', properties: { claws: { type: 'integer' } }, required: ['claws'] },
        ],
      },
      {
        pet: {
          type: 'object',
          properties: { name: { type: 'string' } },
          oneOf: [{ $ref: '#/dog' }, { $ref: '#/cat' }],
        },
        dog: { allOf: [{ $ref: '#/pet' }, { properties: { bark: { type: 'boolean' } } }] },
        cat,
      },
    ],
    [
      'an alias of itself is anything',
      { type: 'object', properties: { b: { $ref: '#/loop' } } },
      { type: 'object', properties: { b: {} } },
      { loop: { $ref: '#/loop' } },
    ],
  ];
  for (const [title, schema, expected, document] of table) {
    it(title, () => {
      const before = JSON.stringify([schema, document]);
      expect(converted(schema, document)).to.deep.equal(expected);
      expect(JSON.stringify([schema, document])).to.equal(before);
    });
  }

  it('warns about each oddity once', () => {
    const schemas = open();
    for (const name of ['a', 'b']) {
      schemas.parameters([
        { name, schema: { type: 'String', properties: {}, items: { $ref: '#/x' } }, required: false },
      ]);
      schemas.parameters([
        { name, schema: { type: 'array', items: { $ref: '#/x', pattern: '(' } }, required: false },
      ]);
    }
    expect([...schemas.warnings]).to.deep.equal([
      'The type "String" is not a type of JSON Schema: it is read as string.',
      'The $ref "#/x" leads nowhere: any value is accepted there.',
      'The pattern "(" is not checked: it is no pattern of JSON Schema, or has no linear time.',
    ]);
  });

  it('puts an argument’s own description before its schema’s, 1,024 characters at most, no half characters', () => {
    const { schema } = open().parameters([
      { name: 'a', schema: { type: 'string', description: 'inner' }, required: true, description: 'outer' },
      { name: 'b', schema: { type: 'string', description: 'same' }, required: true, description: 'same' },
      { name: 'c', schema: { description: `${'x'.repeat(1022)}😀😀` }, required: false },
    ]);
    expect(schema).to.deep.equal({
      type: 'object',
      properties: {
        a: { type: 'string', description: 'outer\ninner' },
        b: { type: 'string', description: 'same' },
        c: { description: `${'x'.repeat(1022)}…` },
      },
      required: ['a', 'b'],
      additionalProperties: false,
    });
  });

  it('refuses an argument that is nothing but a bad ref', () => {
    const schemas = open({ alias: { $ref: '#/none' }, loop: { $ref: '#/loop' } });
    const fault = (ref: string): string => {
      try {
        schemas.parameters([{ name: 'cat', schema: { $ref: ref }, required: false }]);
      } catch (error) {
        expect(error).to.be.instanceOf(SpecError);
        return (error as SpecError).message;
      }
      return 'none';
    };
    expect([fault('#/none'), fault('#/alias'), fault('#/loop'), fault('other.json#/cat')]).to.deep.equal([
      'The $ref "#/none" of "cat" leads nowhere.',
      'The $ref "#/none" of "cat" leads nowhere.',
      'The $ref "#/loop" of "cat" leads to itself.',
      'The $ref "other.json#/cat" of "cat" leads nowhere.',
    ]);
  });

  it('gives definitions of equal names names of their own', () => {
    const node = (key: string): JsonObject => ({
      type: 'object',
      properties: { next: { $ref: `#/${key}/node` } },
    });
    const { schema } = open({ a: { node: node('a') }, b: { node: node('b') } }).parameters([
      { name: 'a', schema: { $ref: '#/a/node' }, required: false },
      { name: 'b', schema: { $ref: '#/b/node' }, required: false },
    ]);
    expect(modelFaults(schema)).to.deep.equal([]);
    expect(Object.keys(schema['$defs'] as JsonObject)).to.deep.equal(['node', 'node_2']);
  });

  describe('stays in the budget', () => {
    const words = 'many words of explanation '.repeat(10).trim();
    const wide = (depth: number): JsonObject =>
      depth === 0
        ? { type: 'string', description: words }
        : {
            type: 'object',
            description: words,
            properties: Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`p${i}`, wide(depth - 1)])),
            required: ['p0'],
          };
    const value = (depth: number): JsonValue => (depth === 0 ? 'x' : { p0: value(depth - 1) });
    const cases: [string, JsonValue, string | undefined][] = [
      ['what fits stays', wide(1), undefined],
      ['first descriptions are trimmed', wide(2), 'descriptions'],
      ['then depth', wide(4), 'depth'],
    ];
    for (const [title, schema, trim] of cases) {
      it(title, () => {
        const { schema: root, trimmed } = open({}, 2000).parameters([{ name: 'a', schema, required: true }]);
        expect(modelFaults(root)).to.deep.equal([]);
        expect(trimmed).to.equal(trim);
        expect(JSON.stringify(root).length).to.be.lessThanOrEqual(2000);
        const accepts = new Ajv({ strict: false }).compile(root);
        for (const depth of [1, 2, 4])
          if (schema === cases[[1, 2, 4].indexOf(depth)]?.[1])
            expect(accepts({ a: value(depth) })).to.equal(true);
        expect(accepts({})).to.equal(false);
      });
    }

    it('at last nothing but names, or any object', () => {
      const many = (count: number): { schema: JsonObject; trimmed: unknown } =>
        open({}, 2000).parameters(
          Array.from({ length: count }, (_, i) => ({
            name: `argument_${i}`,
            schema: { type: 'string', description: words },
            required: i === 0,
          })),
        );
      const named = many(80);
      expect(named.trimmed).to.equal('opaque');
      expect(modelFaults(named.schema)).to.deep.equal([]);
      expect(Object.keys(named.schema['properties'] as JsonObject)).to.have.length(80);
      const open2 = many(400);
      expect(open2.trimmed).to.equal('opaque');
      expect(modelFaults(open2.schema)).to.deep.equal([]);
      expect(open2.schema['additionalProperties']).to.equal(true);
      expect(open2.schema['description']).to.match(/^Arguments: argument_0, argument_1,.*…$/);
      expect(JSON.stringify(open2.schema).length).to.be.lessThanOrEqual(2000);
    });

    it('a great cycle is cut at a depth, and long enums go', () => {
      const document: JsonObject = {};
      for (let i = 0; i < 50; i++) {
        document[`node${i}`] = {
          type: 'object',
          properties: {
            next: { $ref: `#/node${(i + 1) % 50}` },
            list: { type: 'array', items: { $ref: `#/node${(i * 7) % 50}` } },
            kind: { type: 'string', enum: Array.from({ length: 60 }, (_, k) => `kind_${i}_${k}`) },
          },
        };
      }
      const { schema, trimmed } = open(document).parameters([
        { name: 'a', schema: { $ref: '#/node0' }, required: true },
      ]);
      expect(trimmed).to.equal('depth');
      expect(modelFaults(schema)).to.deep.equal([]);
      expect(JSON.stringify(schema).length).to.be.within(1000, 8192);
      expect(
        new Ajv({ strict: false }).compile(schema)({ a: { next: { next: { list: [{ kind: 'other' }] } } } }),
      ).to.equal(true);
    });

    it('a thousand tools that share a giant follow each of its $refs a few times, and not once a tool', () => {
      const document: JsonObject = {};
      for (let i = 0; i < 2000; i++) {
        document[`n${i}`] = {
          type: 'object',
          description: words,
          properties: Object.fromEntries(
            Array.from({ length: 10 }, (_, k) => [`m${k}`, { $ref: `#/n${(i * 13 + k * 101) % 2000}` }]),
          ),
        };
      }
      const counting = new CountingDocument(document);
      const schemas = new ArgumentSchemas(counting, jsonSchemaDialect);
      for (let i = 0; i < 1000; i++)
        schemas.parameters([{ name: `a${i}`, schema: { $ref: `#/n${i}` }, required: true }]);
      const refs = 2000 * 10;
      expect(counting.count).to.be.below(3 * refs);
    });
  });
});
