import { createRequire } from 'node:module';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { codedFault, unknownKeyFault } from '../common/coded-fault.ts';
import { closestWord } from '../common/closest-word.ts';
import { childPointer } from '../common/json-pointer.ts';
import type { Fault } from '../errors.ts';

/**
 * A schema whose faults are said in plain words. A `description` of each part says what it must be: "must be " is put before it.
 */
export type DescribedSchema = object;

/** `require` loads Ajv at its first use, as `import()` does, and without a promise: a check answers at once. */
const load = createRequire(import.meta.url);
const compiled = new WeakMap<DescribedSchema, ValidateFunction>();

/** The faults of a value by a schema, each at its JSON pointer. A key that the schema does not know is one, too. */
export function schemaFaults(schema: DescribedSchema, value: unknown): Fault[] {
  const validate = compiledOf(schema);
  if (validate(value)) return [];
  const faults = (validate.errors ?? []).flatMap(faultOf);
  const byText = new Map(faults.map((fault) => [`${fault.pointer} ${fault.detail}`, fault]));
  return [...byText.values()]; // 0.5 is no whole number, and below 1: one fault
}

function compiledOf(schema: DescribedSchema): ValidateFunction {
  const known = compiled.get(schema);
  if (known) return known;
  // Loaded with the first schema: a server without rules and devices never needs it here.
  const { Ajv2020 } = load('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js');
  const options = {
    meta: false,
    validateSchema: false,
    allErrors: true,
    // Each error has its schema and its data: the words are made of them.
    verbose: true,
    strict: false,
    strictNumbers: true,
    logger: false,
  } as const;
  const validate = new Ajv2020(options).compile(schema);
  compiled.set(schema, validate);
  return validate;
}

/** The fault for an error of Ajv; none for an error whose fault another error says. */
function faultOf(error: ErrorObject): Fault[] {
  const { keyword, params, instancePath, schema } = error;
  const parent = error.parentSchema as {
    description?: string;
    enum?: readonly unknown[];
    properties?: Record<string, { description?: string }>;
  };
  if (keyword === 'additionalProperties') {
    const key = String(params['additionalProperty']);
    return [unknownKeyFault(childPointer(instancePath, key), key, Object.keys(parent.properties ?? {}))];
  }
  if (keyword === 'required') {
    const key = String(params['missingProperty']);
    const wanted = parent.properties?.[key]?.description;
    return [codedFault(childPointer(instancePath, key), 'missing_wanted', { wanted: String(wanted) })];
  }
  if (keyword === 'if') return []; // its part says the fault
  // The fault of a name is in the list itself, and of several choices the fault of the whole says all of them.
  if (keyword === 'propertyNames' || error.schemaPath.includes('/anyOf/')) return [];
  const pointer =
    error.propertyName === undefined ? instancePath : childPointer(instancePath, error.propertyName);
  const wanted = parent.description ?? String(schema);
  const choices = keyword === 'enum' ? (parent.enum ?? []).map(String) : [];
  const meant = typeof error.data === 'string' ? closestWord(error.data, choices) : undefined;
  return [
    meant === undefined
      ? codedFault(pointer, 'must_be', { wanted })
      : codedFault(pointer, 'must_be_meant', { wanted, meant }),
  ];
}
