import { isObject } from '../../common/json.ts';
import { escapePart } from '../../common/json-pointer.ts';
import { sizeOf, valueRange, type ValueFormat } from '../../drivers/modbus/codec.ts';
import { compareDecimals, parseDecimal, type Decimal } from '../../drivers/modbus/decimal.ts';
import { numberTypes, type NumberType, type ValueType } from '../../drivers/modbus/registers.ts';
import { createScaling, unscaled } from '../../drivers/modbus/scaling.ts';
import type { Fields } from './fields.ts';

/** A parameter or a return value: its format, and how people speak of it. */
export interface Value {
  readonly name: string;
  /** Words for people and for the model; empty when the document has none. */
  readonly description: string;
  /** The unit of measure, such as `℃`. */
  readonly uom: string | undefined;
  /** The distance between two values that are worth writing. It is a hint: the driver does not check it. */
  readonly step: number | undefined;
  /** The place of the value in registers or coils, and how it is computed. */
  readonly format: ValueFormat;
}

/** The types of a value. 1.0.0 has the first five and `string`; the others are extensions [contract OpenModbus]. */
const types = [
  'bool',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
  'string',
] as const;
/** The orders of a value's bytes, as A for the highest byte of the number. */
const orders = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
const one: Decimal = { digits: 1n, scale: 0 };
const zero: Decimal = { digits: 0n, scale: 0 };

/** Reads `parameter` or `return` for a place of `count` coils or registers; undefined when a fault was noted. */
export function readValue(fields: Fields, path: Fields, inCoils: boolean): Value | undefined {
  const name = fields.text('name');
  if (name === undefined || name.trim() === '')
    fields.coded('name', 'must_be', { wanted: 'a text that is not empty' });
  const type = fields.choice('type', types);
  if (!fields.has('type')) fields.coded('type', 'missing_wanted', { wanted: `one of ${types.join(', ')}` });
  const description = fields.text('description') ?? '';
  const uom = fields.text('uom');
  const byteOrder = fields.choice('byteOrder', orders) ?? 'ABCD';
  const encoding = fields.choice('encoding', ['utf8', 'ascii', 'latin1']) ?? 'utf8';
  const bit = fields.integer('bit', { min: 0, max: 15 });
  const multiplier = decimalOf(fields, 'multiplier', type) ?? one;
  const offset = decimalOf(fields, 'offset', type) ?? zero;
  const min = decimalOf(fields, 'min', type);
  const max = decimalOf(fields, 'max', type);
  const step = decimalOf(fields, 'step', type);
  const nullValue = decimalOf(fields, 'nullValue', type);
  if (multiplier.digits === 0n) fields.fault('multiplier', 'must not be 0');
  if (step !== undefined && step.digits <= 0n) fields.coded('step', 'must_be', { wanted: 'above 0' });
  if (min !== undefined && max !== undefined && compareDecimals(min, max) > 0) {
    fields.fault('min', 'is above max');
  }
  const texts = type === undefined ? undefined : readTexts(fields, type);
  fields.finish();
  // Without these the checks below would only repeat the fault.
  if (type === undefined || name === undefined || multiplier.digits === 0n) return undefined;

  const numeric = type !== 'bool' && type !== 'string';
  if (!numeric && (multiplier !== one || offset !== zero)) {
    fields.warn(`a ${type} has no multiplier and no offset: they are ignored`);
  }
  if (bit !== undefined && (type !== 'bool' || inCoils)) {
    fields.fault('bit', 'is for a bool in a register');
  }
  const place = readCount(fields, path, type, inCoils);
  if (place === undefined) return undefined;
  // A text or a bool is never scaled, whatever the document says.
  const scaling = numeric ? createScaling(multiplier, offset) : unscaled;
  if (numeric) checkRange(fields, type, { scaling, min, max });
  const format: ValueFormat = {
    type,
    byteOrder,
    scaling,
    ...place,
    bit,
    texts,
    encoding,
    nullValue: nullValue === undefined ? undefined : nullText(nullValue),
    min: numeric ? min : undefined,
    max: numeric ? max : undefined,
  };
  // The step was checked above. The model gets it as the author wrote it.
  const stepNumber = fields.get('step');
  return { name, description, uom, step: typeof stepNumber === 'number' ? stepNumber : undefined, format };
}

/** The registers or coils of a value, and how many values they are. */
function readCount(
  fields: Fields,
  path: Fields,
  type: ValueType,
  inCoils: boolean,
): { count: number; length: number | undefined } | undefined {
  const count = path.integer('count', { min: 1, max: 65536 });
  if (path.has('count') && count === undefined) return undefined;
  if (inCoils) {
    // A coil is one bit [Modbus Application Protocol 1.1b3, 4.3].
    if (type !== 'bool') {
      fields.fault('type', `${type} cannot be in coils or discrete inputs: they hold bool`);
      return undefined;
    }
    return { count: count ?? 1, length: count === undefined || count === 1 ? undefined : count };
  }
  if (type === 'string') {
    if (count === undefined) path.coded('count', 'missing_wanted', { wanted: 'the registers of the string' });
    return count === undefined ? undefined : { count, length: undefined };
  }
  const size = sizeOf(type);
  const given = count ?? size;
  if (type === 'bool' && given > 1) {
    path.fault('count', `a bool takes one register, not ${given}`);
    return undefined;
  }
  // Published documents count values, not registers: a too small count is safe to mend, since no neighbour is touched.
  if (given < size) {
    path.warn(`count: ${type} takes ${size} registers: ${size} are used instead of ${given}`);
    return { count: size, length: undefined };
  }
  if (given % size !== 0) {
    path.fault('count', `${type} takes ${size} registers: count must be ${size} or a multiple of it`);
    return undefined;
  }
  return { count: given, length: given === size ? undefined : given / size };
}

/** Reads `enum`: raw value (as decimal text) to its text. Each text is there once, so that it can be written. */
function readTexts(fields: Fields, type: ValueType): ReadonlyMap<string, string> | undefined {
  const given = fields.get('enum');
  if (given === undefined) return undefined;
  const range = type === 'bool' || type === 'string' ? undefined : numberTypes[type].range;
  if (range === undefined) {
    fields.fault('enum', `is for integers, not for ${type}`);
    return undefined;
  }
  if (!isObject(given) || Object.keys(given).length === 0) {
    fields.coded('enum', 'must_be', { wanted: 'an object of raw value: text' });
    return undefined;
  }
  const texts = new Map<string, string>();
  for (const [raw, text] of Object.entries(given)) {
    const place = `enum/${escapePart(raw)}`;
    // Raw values may be beyond 2^53−1, so they never become JavaScript numbers.
    const integer = /^-?\d{1,20}$/.test(raw) ? BigInt(raw) : undefined;
    if (integer === undefined || integer < range[0] || integer > range[1]) {
      fields.fault(place, `is not a raw value of ${type}`);
    } else if (typeof text !== 'string' || text === '') fields.coded(place, 'must_be', { wanted: 'a text' });
    else if ([...texts.values()].includes(text)) fields.fault(place, `${JSON.stringify(text)} stands twice`);
    else texts.set(integer.toString(), text);
  }
  return texts;
}

/** A number of the document, or its decimal text. */
function decimalOf(fields: Fields, name: string, type: ValueType | undefined): Decimal | undefined {
  const value = fields.get(name);
  if (value === undefined || (name === 'nullValue' && value === null)) return undefined;
  const decimal = typeof value === 'number' || typeof value === 'string' ? parseDecimal(value) : undefined;
  if (decimal === undefined) fields.coded(name, 'must_be', { wanted: 'a number' });
  else if ((type === 'int64' || type === 'uint64') && Math.abs(Number(value)) > Number.MAX_SAFE_INTEGER) {
    // JSON numbers lose digits there.
    if (typeof value === 'number') fields.fault(name, 'is beyond 2^53−1: write it as a decimal text');
  }
  return decimal;
}

/** Notes a fault for limits that no raw value can reach. */
function checkRange(
  fields: Fields,
  type: NumberType,
  { scaling, min, max }: Pick<ValueFormat, 'scaling' | 'min' | 'max'>,
): void {
  const { range } = numberTypes[type];
  if (range === undefined) return;
  const [low, high] = valueRange(scaling, range);
  if (min !== undefined && compareDecimals(min, high) > 0)
    fields.fault('min', `is above what ${type} can hold`);
  if (max !== undefined && compareDecimals(max, low) < 0)
    fields.fault('max', `is below what ${type} can hold`);
}

/** A null value as the codec compares it: the text of a number. */
function nullText({ digits, scale }: Decimal): string {
  return scale === 0 ? digits.toString() : String(Number(`${digits}e-${scale}`));
}
