import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import { faultsOf } from '../../../lib/openspec/schema/value-faults.ts';
import { viewOf } from '../../support/schema-view.ts';

const said = (value: JsonValue, schema: JsonObject): string[] =>
  faultsOf(value, viewOf(schema)).map(({ pointer, detail }) => `${pointer} ${detail}`.trim());

describe('a value held against a schema', () => {
  const table: [title: string, schema: JsonObject, good: JsonValue[], bad: [JsonValue, string][]][] = [
    [
      'a type',
      { type: 'integer' },
      [3, 3.0],
      [
        [3.5, 'must be integer'],
        ['3', 'must be integer'],
        [null, 'must be integer'],
      ],
    ],
    ['several types', { type: ['string', 'null'] }, ['a', null], [[1, 'must be string or null']]],
    ['nullable', { type: 'string', nullable: true }, [null, 'a'], [[1, 'must be string']]],
    ['an enum', { enum: ['on', 'off'] }, ['on'], [['ON', 'must be one of "on", "off"']]],
    ['an enum of numbers for a text', { type: 'string', enum: [1, 2] }, [1], [['1', 'must be one of 1, 2']]],
    ['a const', { const: 7 }, [7], [[8, 'must be 7']]],
    [
      'limits',
      { minimum: 1, maximum: 3 },
      [1, 3],
      [
        [0, 'must be at least 1'],
        [4, 'must be at most 3'],
      ],
    ],
    [
      'exclusive limits, old',
      { minimum: 1, exclusiveMinimum: true, maximum: 3, exclusiveMaximum: true },
      [2],
      [
        [1, 'must be above 1'],
        [3, 'must be below 3'],
      ],
    ],
    [
      'exclusive limits, new',
      { exclusiveMinimum: 1, exclusiveMaximum: 3 },
      [2],
      [
        [1, 'must be above 1'],
        [3, 'must be below 3'],
      ],
    ],
    ['a step', { multipleOf: 0.1 }, [0.3, 32.8], [[0.35, 'must be a multiple of 0.1']]],
    [
      'a length',
      { minLength: 2, maxLength: 3 },
      ['ab', '😀😀😀'],
      [
        ['a', 'must have at least 2 characters'],
        ['abcd', 'must have at most 3 characters'],
      ],
    ],
    ['a pattern', { pattern: '^[a-z]+$' }, ['abc'], [['A', 'must match ^[a-z]+$']]],
    ['a pattern that no engine takes', { pattern: '(?<![' }, ['anything'], []],
    [
      'items',
      { type: 'array', minItems: 1, maxItems: 2, items: { type: 'integer' } },
      [[1]],
      [
        [[], 'must have at least 1 items'],
        [[1, 2, 3], 'must have at most 2 items'],
        [['a'], '/0 must be integer'],
      ],
    ],
    [
      'a tuple',
      { prefixItems: [{ type: 'integer' }], items: { type: 'string' } },
      [[1, 'a']],
      [
        [['a'], '/0 must be integer'],
        [[1, 2], '/1 must be string'],
      ],
    ],
    [
      'properties',
      {
        type: 'object',
        required: ['a'],
        properties: { a: { type: 'integer' }, 'b/c': { type: 'string' } },
        additionalProperties: false,
      },
      [{ a: 1 }],
      [
        [{}, '/a is missing'],
        [{ a: 1, 'b/c': 1 }, '/b~1c must be string'],
        [{ a: 1, z: 1 }, '/z is not known here'],
      ],
    ],
    [
      'other properties',
      { additionalProperties: { type: 'integer' }, patternProperties: { '^x-': { type: 'string' } } },
      [{ a: 1, 'x-b': 'b' }],
      [
        [{ a: 'a' }, '/a must be integer'],
        [{ 'x-b': 1 }, '/x-b must be string'],
      ],
    ],
    ['what only comes back', { required: ['id'], properties: { id: { readOnly: true } } }, [{}], []],
    [
      'all of several',
      {
        allOf: [{ required: ['a'], properties: { a: {} }, additionalProperties: false }, { required: ['b'] }],
      },
      [{ a: 1, b: 1 }],
      [[{ a: 1 }, '/b is missing']],
    ],
    [
      'one of several',
      { oneOf: [{ type: 'integer' }, { type: 'object', required: ['a'] }] },
      [1, { a: 1 }],
      [['a', 'must be integer']],
    ],
    ['what must not be', { not: { required: ['a'] } }, [{}], [[{ a: 1 }, 'is what must not be there']]],
    [
      'a reference',
      { $defs: { n: { type: 'integer' } }, properties: { a: { $ref: '#/$defs/n' } } },
      [{ a: 1 }],
      [[{ a: 'a' }, '/a must be integer']],
    ],
    [
      'a reference that may be null',
      { $defs: { n: { type: 'integer' } }, properties: { a: { $ref: '#/$defs/n', nullable: true } } },
      [{ a: null }],
      [],
    ],
    ['a reference to nowhere', { properties: { a: { $ref: '#/$defs/none' } } }, [{ a: 'anything' }], []],
    ['a schema that is false', { properties: { a: false } }, [{}], [[{ a: 1 }, '/a must not be there']]],
  ];
  for (const [title, schema, good, bad] of table) {
    it(`knows ${title}`, () => {
      expect(good.map((value) => said(value, schema))).to.deep.equal(good.map(() => []));
      expect(bad.map(([value]) => said(value, schema))).to.deep.equal(bad.map(([, detail]) => [detail]));
    });
  }

  it('ends for a schema that leads to itself', () => {
    const schema = {
      $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }, { type: 'integer' }] } },
      $ref: '#/$defs/a',
    };
    expect(said(1, schema)).to.deep.equal([]);
  });

  it('asks a request for write-only members, and a reply for read-only members', () => {
    const schema = {
      required: ['id', 'key'],
      properties: { id: { readOnly: true }, key: { writeOnly: true } },
    };
    const missing = (direction: 'request' | 'reply'): string[] =>
      faultsOf({}, viewOf(schema), direction).map(({ pointer }) => pointer);
    expect([missing('request'), missing('reply')]).to.deep.equal([['/key'], ['/id']]);
  });

  it('names at most twenty faults', () => {
    const value = Array.from({ length: 50 }, () => 'a');
    expect(said(value, { items: { type: 'integer' } })).to.have.length(20);
  });
});
