import type { ValidateFunction } from 'ajv';
import { hasBigint, inexactNumbers, mapBigints } from '../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { JsonSchema } from './tool.ts';

/** How many faults one message lists. More would only cost the model tokens. */
const FAULTS_SHOWN = 20;
/** How much of text that is no JSON is shown. */
const RAW_TEXT_SHOWN = 200;

const validators = new WeakMap<JsonSchema, ValidateFunction>();
let compiler: Promise<(schema: JsonSchema) => ValidateFunction> | undefined;

/** A call's arguments as an object that fits the tool's schema, or a message that names every fault. */
export async function checkArguments(
  schema: JsonSchema,
  args: JsonValue,
): Promise<{ fits: JsonObject } | { faults: string }> {
  if (typeof args === 'string') return { faults: textFaults(args) };
  if (!isObject(args)) return { faults: 'The arguments must be a JSON object.' };
  const validate = validators.get(schema) ?? (await compile(schema));
  // Ajv knows no bigints: it checks the nearest number.
  const checked = hasBigint(args) ? mapBigints(args, Number) : args;
  return validate(checked) ? { fits: args } : { faults: describe(validate) };
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

async function compile(schema: JsonSchema): Promise<ValidateFunction> {
  const compileSchema = await (compiler ??= loadCompiler());
  const validate = compileSchema(schema);
  validators.set(schema, validate);
  return validate;
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
    strict: false,
    allErrors: true,
    logger: false,
    addUsedSchema: false,
  });
  formats.default.default(ajv);
  return (schema) => ajv.compile(schema);
}
