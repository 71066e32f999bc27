import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { own } from '../read.ts';
import { viewIn } from './defaults.ts';
import { propertyOf, schemasFor, type View } from './schemas-for.ts';
import { typesOf } from './types.ts';

/** The texts that a model may give for a whole number of 64 bits [RFC 8259 6]. */
const DIGITS = /^-?(0|[1-9][0-9]{0,19})$/;

/**
 * Makes a schema of a whole number of 64 bits also take its digits as a text: many models round a long number, and a text
 * arrives whole. Returns the number of bytes that this adds to the schema.
 */
export function allowDigits(schema: JsonSchema): number {
  const types = typesOf(schema) ?? [];
  if (!isWideNumber(schema) || types.includes('string')) return 0;
  schema['type'] = [...types, 'string'];
  schema['pattern'] = DIGITS.source;
  return DIGITS.source.length + 24;
}

function isWideNumber(schema: JsonSchema): boolean {
  const { format } = schema;
  const isWide = format === 'int64' || format === 'uint64';
  return isWide && schema['enum'] === undefined && typesOf(schema)?.includes('integer') === true;
}

/**
 * The arguments with numbers in the place of digits that were given as texts for whole numbers of 64 bits; a bigint where a
 * JavaScript number cannot hold the digits. A text stays where the parameters also take other texts. The same object comes
 * back when nothing changes.
 */
export function withWideNumbers(args: JsonObject, parameters: JsonSchema): JsonObject {
  if (!hasDigits(args)) return args;
  return convertObject(args, [parameters], (inner) => viewIn(parameters, inner));
}

function hasDigits(value: JsonValue | undefined): boolean {
  if (typeof value === 'string') return value.length <= MAX_LENGTH && DIGITS.test(value);
  if (Array.isArray(value)) return value.some(hasDigits);
  return isObject(value) && Object.values(value).some(hasDigits);
}

/** A sign and the twenty digits of 2^64. */
const MAX_LENGTH = 21;

function convert(value: JsonValue, schemas: readonly JsonSchema[], view: View): JsonValue {
  if (schemas.length === 0) return value;
  if (isObject(value)) return convertObject(value, schemas, view);
  const whole = schemas.flatMap((schema) => schemasFor(value, schema, view));
  if (Array.isArray(value)) {
    const items = whole.map((schema) => schema['items']).filter(isObject);
    const converted = value.map((item) => convert(item, items, view));
    return converted.some((item, index) => item !== value[index]) ? converted : value;
  }
  if (typeof value !== 'string' || !DIGITS.test(value)) return value;
  const isWide = whole.some(isWideNumber);
  const isText = whole.some(
    (schema) => !isWideNumber(schema) && typesOf(schema)?.includes('string') === true,
  );
  return isWide && !isText ? numberOf(value) : value;
}

function convertObject(object: JsonObject, schemas: readonly JsonSchema[], view: View): JsonObject {
  const whole = schemas.flatMap((schema) => schemasFor(object, schema, view));
  const changed: [string, JsonValue][] = [];
  for (const [key, inner] of Object.entries(object)) {
    if (!hasDigits(inner)) continue;
    const members = whole.map((schema) => propertyOf(schema, key) ?? own(schema, 'additionalProperties'));
    const converted = convert(inner!, members.filter(isObject), view);
    if (converted !== inner) changed.push([key, converted]);
  }
  return changed.length === 0 ? object : { ...object, ...Object.fromEntries(changed) };
}

function numberOf(digits: string): number | bigint {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}
