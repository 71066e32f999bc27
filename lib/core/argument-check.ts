import type { ValidateFunction } from 'ajv';
import { hasBigint, inexactNumbers, mapBigints } from '../common/exact-numbers.ts';
import { linearPattern } from '../common/linear-pattern.ts';
import { runWithin } from '../common/run-within.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { JsonSchema } from './tool.ts';

/** How many faults one message lists. More would only cost the model tokens. */
const FAULTS_SHOWN = 20;
/** How much of text that is no JSON is shown. */
const RAW_TEXT_SHOWN = 200;

/** Some schemas make a small value cost the time of 2^30 checks. A usual check takes less than 1 ms. */
const CHECK_MAX_MS = 100;

/** A compiled schema. */
interface Validator {
  validate: ValidateFunction;
  /** Whether a check takes a time that grows with the arguments only: nothing leads to itself, and no items are compared. */
  isLinear: boolean;
}

const validators = new WeakMap<JsonSchema, Validator>();
let compiler: Promise<(schema: JsonSchema) => ValidateFunction> | undefined;

/** A call's arguments as an object that fits the tool's schema, or a message that names every fault. */
export async function checkArguments(
  schema: JsonSchema,
  args: JsonValue,
): Promise<{ fits: JsonObject } | { faults: string }> {
  if (typeof args === 'string') return { faults: textFaults(args) };
  if (!isObject(args)) return { faults: 'The arguments must be a JSON object.' };
  const { validate, isLinear } = validators.get(schema) ?? (await compile(schema));
  // Ajv knows no bigints: it checks the nearest number.
  const checked = hasBigint(args) ? mapBigints(args, Number) : args;
  const fits = isLinear ? validate(checked) : runWithin(CHECK_MAX_MS, () => validate(checked));
  if (fits === undefined)
    return {
      faults: `The arguments could not be checked within ${CHECK_MAX_MS} ms: send fewer or simpler values.`,
    };
  return fits ? { fits: args } : { faults: describe(validate) };
}

/** Why arguments are a text: a model may not guess that a number was refused for its size. */
function textFaults(args: string): string {
  const numbers = inexactNumbers(args).filter((number) => !Number.isFinite(Number(number)));
  if (numbers.length === 0) return `The arguments are not valid JSON: ${args.slice(0, RAW_TEXT_SHOWN)}`;
  const named = numbers.slice(0, FAULTS_SHOWN).map((number) => number.slice(0, RAW_TEXT_SHOWN));
  return (
    `The arguments hold numbers that cannot be sent exactly: ${named.join(', ')}. Nothing was sent. ` +
    `Give them as texts in double quotes where the tool takes texts.`
  );
}

async function compile(schema: JsonSchema): Promise<Validator> {
  const compileSchema = await (compiler ??= loadCompiler());
  const isLinear = !/"(?:\$ref|uniqueItems)"/.test(JSON.stringify(schema));
  const validator = { validate: compileSchema(schema), isLinear };
  validators.set(schema, validator);
  return validator;
}

function describe({ errors }: ValidateFunction): string {
  const faults = (errors ?? []).map(({ instancePath, message, params }) => {
    const extra = isObject(params) ? (params['additionalProperty'] ?? params['allowedValues']) : undefined;
    return `${instancePath || '/'} ${message ?? 'is invalid'}${extra === undefined ? '' : `: ${JSON.stringify(extra)}`}`;
  });
  return `The arguments do not fit the tool: ${faults.slice(0, FAULTS_SHOWN).join('; ')}.`;
}

/** Loads Ajv at the first call: a server that only starts does not pay for it. */
async function loadCompiler(): Promise<(schema: JsonSchema) => ValidateFunction> {
  const [ajvs, formats] = await Promise.all([import('ajv/dist/2020.js'), import('ajv-formats')]);
  const ajv = new ajvs.default.Ajv2020({
    meta: false, // a schema of schemas takes longer to compile than all schemas of a small document
    validateSchema: false,
    strict: false,
    allErrors: true,
    logger: false,
    addUsedSchema: false,
    code: {
      optimize: false, // the optimization takes longer than it saves
      regExp: Object.assign(patternEngine, { code: 'linearPattern' }),
    },
  });
  formats.default.default(ajv);
  return (schema) => ajv.compile(schema);
}

/** The regular expressions of schemas for Ajv. One that cannot be run in linear time checks nothing. */
function patternEngine(pattern: string): { test(text: string): boolean } {
  // Ajv knows a regular expression by its text. The pattern is looked up for each test, so that unused ones leave the memory.
  return { test: (text) => linearPattern(pattern)?.test(text) ?? true, toString: () => pattern } as {
    test(text: string): boolean;
  };
}
