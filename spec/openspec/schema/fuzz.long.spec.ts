import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import { innerKeyOf } from '../../../lib/openspec/names.ts';
import { jsonSchemaDialect } from '../../../lib/openspec/schema/json-schema-dialect.ts';
import { ArgumentSchemas, type ToolParameters } from '../../../lib/openspec/schema/argument-schemas.ts';
import { SpecDocument } from '../../../lib/openspec/spec-document.ts';
import { modelFaults } from '../../support/model-schema.ts';

const names = ['a', 'b', 'c d'];
const scalars: fc.Arbitrary<JsonValue> = fc.constantFrom<JsonValue>(null, true, 0, 1, 2.5, '', 'x', 'xyz');

/** Values that schemas over the same few names and scalars often accept. */
const value: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalars,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names, 'other'), tie('value'), {
      maxKeys: 3,
    }) as fc.Arbitrary<JsonObject>,
  ),
})).value;

const type = fc.constantFrom('string', 'integer', 'number', 'boolean', 'null', 'object', 'array');

/** Authors who leave the type out mean this one; a validator does not, so here it is always said. */
const TYPE_OF: Record<string, JsonObject> = {
  properties: { type: 'object' },
  additionalProperties: { type: 'object' },
  patternProperties: { type: 'object' },
  items: { type: 'array' },
  prefixItems: { type: 'array' },
};

/** Schemas of a few keywords each, of all that the conversion knows, with refs to three definitions, cycles included. */
const schema: fc.Arbitrary<JsonValue> = fc.letrec<{ schema: JsonValue }>((tie) => {
  const inner = tie('schema');
  const list = fc.array(inner, { minLength: 1, maxLength: 2 });
  const leaves: Record<string, fc.Arbitrary<JsonValue>> = {
    type: fc.oneof(type, fc.uniqueArray(type, { minLength: 1, maxLength: 3 })),
    enum: fc.array(scalars, { minLength: 1, maxLength: 3 }),
    nullable: fc.constant(true),
    required: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 2 }),
    patternProperties: fc.constant({ '^o': true }),
    minimum: fc.integer({ min: -1, max: 2 }),
    maxLength: fc.integer({ min: 0, max: 3 }),
    minItems: fc.integer({ min: 0, max: 2 }),
    $ref: fc.constantFrom('#/one', '#/two', '#/three'),
    description: fc.constant('words '.repeat(20).trim()),
  };
  const nests: Record<string, fc.Arbitrary<JsonValue>> = {
    properties: fc.dictionary(fc.constantFrom(...names), inner, { maxKeys: 3 }) as fc.Arbitrary<JsonObject>,
    additionalProperties: inner,
    items: inner,
    prefixItems: list,
    anyOf: list,
    oneOf: list,
    allOf: list,
  };
  const keyword = (of: Record<string, fc.Arbitrary<JsonValue>>): fc.Arbitrary<JsonObject>[] =>
    Object.entries(of).map(([key, arbitrary]) => arbitrary.map((made) => ({ ...TYPE_OF[key], [key]: made })));
  const some = (count: number, ...of: fc.Arbitrary<JsonObject>[]): fc.Arbitrary<JsonValue> =>
    fc
      .array(fc.oneof(...of), { maxLength: count })
      .map((parts): JsonObject => Object.assign({}, ...parts) as JsonObject);
  return {
    schema: fc.oneof(
      { maxDepth: 3 },
      some(3, ...keyword(leaves)),
      fc.boolean(),
      some(4, ...keyword(nests), ...keyword(leaves)),
      some(3, ...keyword(nests)),
    ),
  };
}).schema;

/** The same schema as a validator of JSON Schema 2020-12 reads it. */
function standard(node: JsonValue): JsonValue {
  if (typeof node !== 'object' || node === null) return node;
  if (Array.isArray(node)) return node.map(standard);
  const { nullable, ...rest } = node;
  const made: JsonObject = Object.fromEntries(
    Object.entries(rest).map(([key, inner]) => [key, standard(inner ?? null)]),
  );
  if (typeof made['$ref'] === 'string') made['$ref'] = made['$ref'].replace('#/', '#/$defs/');
  return nullable === true ? { anyOf: [made, { type: 'null' }] } : made;
}

/** Arguments as the model gives them. */
function given(node: JsonValue): JsonValue {
  if (typeof node !== 'object' || node === null) return node;
  if (Array.isArray(node)) return node.map(given);
  return Object.fromEntries(
    Object.entries(node).map(([key, inner]) => [innerKeyOf(key), given(inner ?? null)]),
  );
}

describe('openspec/schema: every value that a document accepts', () => {
  for (const maxBytes of [1_000_000, 900, 150]) {
    it(`is accepted in ${maxBytes} bytes too`, () => {
      const ajv = new Ajv2020({ strict: false, logger: false, addUsedSchema: false });
      let acceptedCount = 0;
      const holds = (main: JsonValue, definitions: Record<string, JsonValue>, values: JsonValue[]): void => {
        const original = unlessEndless(() =>
          ajv.compile({ $defs: standard(definitions), properties: { a: standard(main) } }),
        );
        const schemas = new ArgumentSchemas(new SpecDocument(definitions), jsonSchemaDialect, maxBytes);
        let made: ToolParameters;
        try {
          made = schemas.parameters([{ name: 'a', schema: main, required: true }]);
        } catch (error) {
          expect(String(error)).to.match(/leads to itself/);
          return;
        }
        const { schema: parameters, names: wireNames } = made;
        expect(modelFaults(parameters)).to.deep.equal([]);
        expect(
          parameters['additionalProperties'] === true || JSON.stringify(parameters).length <= maxBytes,
        ).to.equal(true);
        const accepts = ajv.compile(parameters);
        for (const one of values) {
          if (unlessEndless(() => original?.({ a: one })) !== true) continue;
          acceptedCount++;
          expect(accepts({ a: given(one) }), JSON.stringify({ one, parameters })).to.equal(true);
          // Only names change on the way back; spec/openspec/names-round-trip.long.spec.ts checks which names.
          const restored = wireNames.restore({ a: given(one) }, parameters);
          expect(given(restored)).to.deep.equal(given({ a: one }));
        }
      };
      fc.assert(
        fc.property(
          schema,
          fc.record({ one: schema, two: schema, three: schema }),
          fc.array(value, { minLength: 5, maxLength: 20 }),
          holds,
        ),
        { numRuns: 300, seed: 7 },
      );
      expect(acceptedCount).to.be.above(500);
    });
  }
});

/** Undefined where there is no answer: a schema is itself for the same value, or the validator trips over its own code. */
function unlessEndless<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}
