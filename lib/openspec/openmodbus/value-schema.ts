import type { JsonSchema } from '../../core/tool.ts';
import { valueRange } from '../../drivers/modbus/codec.ts';
import { compareDecimals, formatDecimal, type Decimal } from '../../drivers/modbus/decimal.ts';
import { numberTypes, type NumberType } from '../../drivers/modbus/registers.ts';
import type { Value } from './read-value.ts';

/** The JSON Schema of a value that the model sends. */
export function schemaOf(value: Value): JsonSchema {
  const { length } = value.format;
  const about = describeValue(value);
  const description = about === '' ? {} : { description: about };
  const single = singleSchema(value);
  if (length === undefined) return { ...single, ...description };
  return { type: 'array', items: single, minItems: length, maxItems: length, ...description };
}

/** A value in words: its description, its unit, its step and its texts. */
export function describeValue({ description, uom, step, format }: Value): string {
  const { length, texts } = format;
  return [
    description.trim().replace(/\.$/, ''),
    length === undefined ? '' : `${length} values in a row`,
    uom === undefined ? '' : `unit: ${uom}`,
    step === undefined ? '' : `step: ${step}`,
    texts === undefined ? '' : `one of: ${[...texts.values()].join(', ')}`,
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** The schema of one value. A 64-bit integer may also be a decimal text, since JSON numbers lose its digits. */
function singleSchema({ format }: Value): JsonSchema {
  const { type, texts, count, scaling } = format;
  if (type === 'bool') return { type: 'boolean' };
  // A register holds two bytes.
  if (type === 'string') return { type: 'string', maxLength: count * 2 };
  if (texts !== undefined) return { type: 'string', enum: [...texts.values()] };
  const [low, high] = limitsOf(type, format);
  // A scaled integer is a decimal number to the model: 26.5 for 265 tenths.
  const whole = numberTypes[type].integer && scaling.identity;
  const kind = whole ? 'integer' : 'number';
  if (type !== 'int64' && type !== 'uint64') {
    return { type: kind, ...bound('minimum', low), ...bound('maximum', high) };
  }
  // A number is safe up to 2^53−1; beyond that only the text keeps every digit.
  const safe: [Decimal, Decimal] = [
    { digits: BigInt(Number.MIN_SAFE_INTEGER), scale: 0 },
    { digits: BigInt(Number.MAX_SAFE_INTEGER), scale: 0 },
  ];
  const narrow = { ...bound('minimum', higher(low, safe[0])), ...bound('maximum', lower(high, safe[1])) };
  const pattern = whole ? '^-?[0-9]{1,20}$' : '^-?[0-9]{1,40}([.][0-9]{1,40})?$';
  return {
    anyOf: [
      { type: kind, ...narrow },
      { type: 'string', pattern },
    ],
  };
}

/** The type's range cut to `min` and `max`; float64 has none of its own. */
function limitsOf(type: NumberType, { scaling, min, max }: Value['format']): (Decimal | undefined)[] {
  const { range } = numberTypes[type];
  const [low, high] = range === undefined ? floatRange(type, scaling.identity) : valueRange(scaling, range);
  return [higher(low, min), lower(high, max)];
}

/** The range of a plain float32. A scaled float, and a float64, reach about as far as a JSON number: they get no limit. */
function floatRange(type: NumberType, plain: boolean): [Decimal | undefined, Decimal | undefined] {
  if (type !== 'float32' || !plain) return [undefined, undefined];
  const largest = BigInt(3.4028234663852886e38);
  return [
    { digits: -largest, scale: 0 },
    { digits: largest, scale: 0 },
  ];
}

/** The higher of two limits; the other one where one is missing. */
function higher(a: Decimal | undefined, b: Decimal | undefined): Decimal | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareDecimals(a, b) >= 0 ? a : b;
}

/** The lower of two limits; the other one where one is missing. */
function lower(a: Decimal | undefined, b: Decimal | undefined): Decimal | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareDecimals(a, b) <= 0 ? a : b;
}

/** One keyword of a schema, or nothing for a missing limit. */
function bound(name: 'minimum' | 'maximum', value: Decimal | undefined): JsonSchema {
  return value === undefined ? {} : { [name]: Number(formatDecimal(value)) };
}
