import fc from 'fast-check';

type Schema = Readonly<Record<string, unknown>>;

/** Texts that programs stumble over, among ordinary ones. */
const texts = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '../../etc/passwd',
    '%00',
    '__proto__',
    '\ud800',
    "' or 1=1 --",
    '${7*7}',
  ),
  fc.nat().map(String),
  fc.constant('x'.repeat(5000)),
);

/** Values that a JSON Schema of ours describes, more or less: patterns and bounds are not kept, so that some are refused. */
export function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema['const']);
  const { enum: choices, anyOf, type, properties, items, additionalProperties: others } = schema;
  if (Array.isArray(choices)) return fc.constantFrom(...(choices as unknown[]));
  if (Array.isArray(anyOf)) return fc.oneof(...(anyOf as Schema[]).map(valuesOf));
  if (Array.isArray(type))
    return fc.oneof(...(type as string[]).map((one) => valuesOf({ ...schema, type: one })));
  switch (type) {
    case 'string':
      return texts;
    case 'integer':
      return fc.oneof(fc.integer(), fc.nat(100), fc.maxSafeInteger());
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(valuesOf((items ?? {}) as Schema), { maxLength: 4 });
    case 'object':
      return objectsOf(schema, (properties ?? {}) as Record<string, Schema>, others as Schema | undefined);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objectsOf(
  schema: Schema,
  properties: Record<string, Schema>,
  others: Schema | undefined,
): fc.Arbitrary<unknown> {
  const known = Object.fromEntries(
    Object.entries(properties).map(([name, inner]) => [name, valuesOf(inner)]),
  );
  const required = ((schema['required'] ?? []) as string[]).filter((name) => name in known);
  const fields = fc.record(known, { requiredKeys: required, noNullPrototype: true });
  if (!others) return fields;
  const more = fc.dictionary(texts, valuesOf(others), { maxKeys: 3, noNullPrototype: true });
  return fc.tuple(fields, more).map(([one, two]) => ({ ...two, ...one }));
}

/** The same, with something else here and there. */
export function almostValuesOf(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 4, arbitrary: valuesOf(schema) }, { weight: 1, arbitrary: fc.jsonValue() });
}

export { texts as anyText };
