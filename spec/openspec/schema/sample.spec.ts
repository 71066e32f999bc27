import { expect } from 'chai';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import { faultsOf } from '../../../lib/openspec/schema/value-faults.ts';
import { matchingText } from '../../../lib/openspec/schema/matching-text.ts';
import { sampleOf } from '../../../lib/openspec/schema/sample.ts';
import { viewOf } from '../../support/schema-view.ts';

describe('a value made from a schema', () => {
  const table: [title: string, schema: JsonObject, value: JsonValue][] = [
    ['the example', { type: 'integer', example: 7, default: 8 }, 7],
    ['the first of the examples', { type: 'integer', examples: [9, 8] }, 9],
    ['not an example that does not fit', { type: 'integer', example: '7', default: 8 }, 8],
    ['a constant', { const: 'x' }, 'x'],
    ['the first of what is counted up', { type: 'string', enum: ['off', 'on'] }, 'off'],
    ['the middle of a range', { type: 'number', minimum: 10, maximum: 15 }, 12.5],
    ['a whole number of a range', { type: 'integer', minimum: 10, maximum: 15 }, 12],
    ['a step of a range', { type: 'number', minimum: 0.1, maximum: 0.5, multipleOf: 0.1 }, 0.3],
    ['what is nearest to 1', { type: 'integer', minimum: 5 }, 5],
    ['what is below a limit', { type: 'integer', maximum: 0 }, 0],
    ['what is above an exclusive one', { type: 'integer', exclusiveMinimum: 3 }, 4],
    ['false', { type: 'boolean' }, false],
    ['a date', { type: 'string', format: 'date-time' }, '2024-01-01T00:00:00Z'],
    ['a text long enough', { type: 'string', minLength: 6 }, 'textxx'],
    ['a text short enough', { type: 'string', maxLength: 2 }, 'te'],
    ['a MAC address', { type: 'string', pattern: '^([0-9A-F]{2}:){5}[0-9A-F]{2}$' }, '00:00:00:00:00:00'],
    ['names for texts', { type: 'object', properties: { room: { type: 'string' } } }, { room: 'room' }],
    ['a list of one', { type: 'array', items: { type: 'integer' } }, [1]],
    [
      'a list as long as it must be',
      { type: 'array', minItems: 3, items: { enum: ['a', 'b'] } },
      ['a', 'b', 'a'],
    ],
    ['a tuple', { prefixItems: [{ type: 'integer' }, { type: 'boolean' }] }, [1, false]],
    [
      'all of several',
      {
        allOf: [
          { properties: { a: { const: 1 } } },
          { required: ['a'] },
          { properties: { b: { const: 2 } } },
        ],
      },
      { a: 1, b: 2 },
    ],
    [
      'the first that can be made',
      { oneOf: [{ type: 'null' }, { type: 'object', properties: { a: { const: 1 } } }] },
      { a: 1 },
    ],
    ['null where nothing else may be', { type: 'null' }, null],
    ['what is required and not described', { type: 'object', required: ['a'] }, { a: 'a' }],
    [
      'enough properties',
      { type: 'object', minProperties: 2, additionalProperties: { type: 'integer' } },
      { key1: 1, key2: 1 },
    ],
    [
      'not what only travels in requests',
      { type: 'object', properties: { password: { type: 'string', writeOnly: true } } },
      {},
    ],
  ];
  for (const [title, schema, value] of table) {
    it(`is ${title}`, () => expect(sampleOf(viewOf(schema))).to.deep.equal(value));
  }

  it('leaves out members that lead to themselves', () => {
    const $defs = {
      node: { type: 'object', properties: { name: { type: 'string' }, next: { $ref: '#/$defs/node' } } },
    };
    expect(sampleOf(viewOf({ $defs, $ref: '#/$defs/node' }))).to.deep.equal({ name: 'name' });
    const list = { list: { type: 'array', items: { $ref: '#/$defs/list' } } };
    expect(sampleOf(viewOf({ $defs: list, $ref: '#/$defs/list' }))).to.deep.equal([]);
  });

  it('is no larger than it need be when a schema is endless', () => {
    const names = Array.from({ length: 30 }, (_, index) => `p${index}`);
    const $defs = Object.fromEntries(
      names.map((name) => [
        name,
        {
          type: 'object',
          properties: Object.fromEntries(names.map((other) => [other, { $ref: `#/$defs/${other}` }])),
        },
      ]),
    );
    expect(JSON.stringify(sampleOf(viewOf({ $defs, $ref: '#/$defs/p0' }))).length).to.be.below(20_000);
  });

  it('fits its schema, the same every time', () => {
    const leaf = fc.oneof(
      fc.record({
        type: fc.constant('integer'),
        minimum: fc.integer({ min: -50, max: 0 }),
        maximum: fc.integer({ min: 1, max: 50 }),
      }),
      fc.record({
        type: fc.constant('string'),
        minLength: fc.nat(9),
        maxLength: fc.integer({ min: 9, max: 20 }),
      }),
      fc.record({ type: fc.constant('boolean') }),
      fc.record({ enum: fc.array(fc.string(), { minLength: 1 }) }),
    );
    const { schema } = fc.letrec<{ schema: JsonObject }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 4 },
        leaf as fc.Arbitrary<JsonObject>,
        fc.record({ type: fc.constant('array'), items: tie('schema'), minItems: fc.nat(3) }),
        fc.record({
          type: fc.constant('object'),
          properties: fc.dictionary(fc.string(), tie('schema'), { maxKeys: 4 }),
          required: fc.array(fc.string(), { maxLength: 3 }),
        }),
        fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
      ),
    }));
    fc.assert(
      fc.property(schema, (made) => {
        const value = sampleOf(viewOf(made));
        expect(faultsOf(value, viewOf(made), 'reply')).to.deep.equal([]);
        expect(sampleOf(viewOf(made))).to.deep.equal(value);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a text for a pattern', () => {
  const patterns = [
    '^[A-Z]{2}[0-9]{4}$',
    '^(on|off)$',
    '^\\d{1,3}(\\.\\d{1,3}){3}$',
    '^[^/]+$',
    '^\\w+@\\w+\\.com$',
    '^a*b?c+$',
    '^(?:x|y)-[\\w.-]+$',
    '^AC[0-9a-fA-F]{32}$',
    '^\\x41\\u0042$',
    '^[\\s\\S]*$',
    '^\\p{L}\\p{N}$',
    '.{3}',
    '^(?<year>\\d{4})$',
    '^[^\\d\\s]$',
  ];
  for (const pattern of patterns) {
    it(`matches ${pattern}`, () => expect(matchingText(pattern)).to.match(new RegExp(pattern, 'u')));
  }

  it('is undefined for look-around, for back references and for an invalid pattern', () => {
    expect(['^(?=a)b$', '(a)\\1', '(?<!x)y', '[a'].map((pattern) => matchingText(pattern))).to.deep.equal([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
