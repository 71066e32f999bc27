import { cutWords } from '../../common/cut-words.ts';
import type { JsonValue } from '../../common/json.ts';
import { AppError } from '../../errors.ts';
import { compareDecimals, formatDecimal, parseDecimal, type Decimal } from './decimal.ts';
import {
  numberTypes,
  orderRegisters,
  readRaw,
  shortestFloat32,
  writeRaw,
  type ByteOrder,
  type NumberType,
  type Raw,
  type ValueType,
} from './registers.ts';
import {
  scaleExactly,
  scaleFloat,
  scaleInteger,
  unscaleFloat,
  unscaleInteger,
  type Scaling,
} from './scaling.ts';

/** The format of a value in registers or coils, and its limits. Made once, when a document is loaded. */
export interface ValueFormat {
  readonly type: ValueType;
  readonly byteOrder: ByteOrder;
  readonly scaling: Scaling;
  /** Registers, or coils. */
  readonly count: number;
  /** Values in an array; undefined for a single value. */
  readonly length: number | undefined;
  /** The bit of a register that is the bool, 0 the lowest. */
  readonly bit: number | undefined;
  /** Raw value (as decimal text) → the text for people. */
  readonly texts: ReadonlyMap<string, string> | undefined;
  readonly encoding: 'utf8' | 'ascii' | 'latin1';
  /** The raw value (as decimal text) that means "no value". */
  readonly nullValue: string | undefined;
  readonly min: Decimal | undefined;
  readonly max: Decimal | undefined;
}

/** Registers a value of a type takes; a string's are its document's to say. */
export function sizeOf(type: ValueType): number {
  return type === 'bool' || type === 'string' ? 1 : numberTypes[type].size;
}

/** The value in registers. NaN, infinities and the null value are null; integers over 2^53−1 are decimal text. */
export function decodeRegisters(format: ValueFormat, registers: readonly number[]): JsonValue {
  const { type, byteOrder, length } = format;
  if (type === 'string') return decodeText(format, registers);
  if (type === 'bool') {
    const [word = 0] = orderRegisters(registers, byteOrder);
    return format.bit === undefined ? word !== 0 : ((word >> format.bit) & 1) === 1;
  }
  if (length === undefined) return decodeNumber(format, type, registers);
  const { size } = numberTypes[type];
  return Array.from({ length }, (_, index) =>
    decodeNumber(format, type, registers.slice(index * size, (index + 1) * size)),
  );
}

/** The value in coils or discrete inputs. */
export function decodeBits(format: ValueFormat, bits: readonly boolean[]): JsonValue {
  return format.length === undefined ? bits[0] === true : bits.slice(0, format.length);
}

/**
 * The registers for a value; a refused value is an AppError `invalid_request` that says why. `before` is what the
 * register holds, of which a value that is one bit changes only that bit.
 */
export function encodeRegisters(format: ValueFormat, value: JsonValue, before = 0): number[] {
  const { type, length, bit } = format;
  if (type === 'string') return encodeText(format, value);
  if (type === 'bool') {
    const on = booleanOf(value);
    if (bit === undefined) return [...orderRegisters([on ? 1 : 0], format.byteOrder)];
    const [word = 0] = orderRegisters([before], format.byteOrder);
    return [...orderRegisters([on ? word | (1 << bit) : word & ~(1 << bit)], format.byteOrder)];
  }
  if (length === undefined) return encodeNumber(format, type, value);
  return elementsOf(value, length).flatMap((element) => encodeNumber(format, type, element));
}

/** The coils for a value; a refused value is an AppError `invalid_request`. */
export function encodeBits(format: ValueFormat, value: JsonValue): boolean[] {
  if (format.length === undefined) return [booleanOf(value)];
  return elementsOf(value, format.length).map(booleanOf);
}

/** One number: the registers in order, the raw value, the text or the scaled value. */
function decodeNumber(format: ValueFormat, type: NumberType, registers: readonly number[]): JsonValue {
  const raw = readRaw(type, orderRegisters(registers, format.byteOrder));
  if (typeof raw === 'number' && !Number.isFinite(raw)) return null;
  const shown = type === 'float32' ? shortestFloat32(Number(raw)) : raw;
  if (format.nullValue !== undefined && String(shown) === format.nullValue) return null;
  if (numberTypes[type].integer) {
    return format.texts?.get(String(raw)) ?? scaleInteger(format.scaling, raw);
  }
  const value = scaleFloat(format.scaling, Number(shown));
  return Number.isFinite(value) ? value : null;
}

function encodeNumber(format: ValueFormat, type: NumberType, value: JsonValue): number[] {
  const raw = rawOf(format, type, value);
  return [...orderRegisters(writeRaw(type, raw), format.byteOrder)];
}

/** The raw value for a number or text; throws when it is out of range. */
function rawOf(format: ValueFormat, type: NumberType, value: JsonValue): Raw {
  if (format.texts !== undefined) {
    for (const [raw, text] of format.texts) if (text === value) return BigInt(raw);
    throw refusal(`${show(value)} is not one of ${[...format.texts.values()].map(show).join(', ')}`);
  }
  const decimal = decimalOf(format, type, value);
  checkLimits(format, decimal, value);
  const { range, integer } = numberTypes[type];
  if (!integer) return floatOf(format, type, decimal, value);
  const raw = unscaleInteger(format.scaling, decimal);
  if (range !== undefined && (raw < range[0] || raw > range[1])) {
    throw refusal(`${show(value)} does not fit ${type} (${rangeText(format, range)})`);
  }
  checkLimits(format, scaleExactly(format.scaling, raw), value);
  return raw;
}

/** A value as an exact decimal; throws for a value of another type. */
function decimalOf(format: ValueFormat, type: NumberType, value: JsonValue): Decimal {
  const wide = type === 'int64' || type === 'uint64';
  const whole = numberTypes[type].integer && format.scaling.identity;
  const meant = whole ? 'an integer' : 'a number';
  if (typeof value === 'string' && wide) {
    const decimal = /^-?\d{1,40}(\.\d{1,40})?$/.test(value) ? parseDecimal(value) : undefined;
    if (decimal !== undefined && (!whole || !value.includes('.'))) return decimal;
    throw refusal(`${show(value)} is not ${meant} in decimal digits`);
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw refusal(`${show(value)} is not ${meant}${wide ? ' or a decimal string' : ''}`);
  }
  if (whole && !Number.isInteger(value)) throw refusal(`${value} is not an integer`);
  if ((whole || wide) && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw refusal(`${value} is beyond 2^53−1, its digits may be lost: send it as a decimal string`);
  }
  const decimal = parseDecimal(value);
  if (decimal === undefined) throw refusal(`${show(value)} is not ${meant}`);
  return decimal;
}

/** The nearest raw value of a floating type. */
function floatOf(format: ValueFormat, type: NumberType, decimal: Decimal, value: JsonValue): number {
  const exact = unscaleFloat(format.scaling, decimal);
  const raw = type === 'float32' ? Math.fround(exact) : exact;
  if (!Number.isFinite(raw)) throw refusal(`${show(value)} does not fit ${type}`);
  return raw;
}

/** Throws for a value outside `min` and `max`. */
function checkLimits({ min, max }: ValueFormat, decimal: Decimal, value: JsonValue): void {
  if (min !== undefined && compareDecimals(decimal, min) < 0) {
    throw refusal(`${show(value)} is below the minimum ${formatDecimal(min)}`);
  }
  if (max !== undefined && compareDecimals(decimal, max) > 0) {
    throw refusal(`${show(value)} is above the maximum ${formatDecimal(max)}`);
  }
}

/** The value range of raw integers, low to high (a negative multiplier turns them round). */
export function valueRange(scaling: Scaling, range: readonly [bigint, bigint]): [Decimal, Decimal] {
  const ends: [Decimal, Decimal] = [scaleExactly(scaling, range[0]), scaleExactly(scaling, range[1])];
  return compareDecimals(...ends) <= 0 ? ends : [ends[1], ends[0]];
}

function rangeText(format: ValueFormat, range: readonly [bigint, bigint]): string {
  return valueRange(format.scaling, range).map(formatDecimal).join(' to ');
}

/** The text to the first 0, which ends it. */
function decodeText(format: ValueFormat, registers: readonly number[]): string {
  const bytes = bytesOf(registers, format.byteOrder);
  const end = bytes.indexOf(0);
  // Node's ascii decoder drops the top bit, which would show another character than the one that is there.
  const encoding = format.encoding === 'ascii' ? 'latin1' : format.encoding;
  return bytes.toString(encoding, 0, end === -1 ? bytes.length : end);
}

/** The registers of a text, padded with 0. A text that is too long is refused, never cut. */
function encodeText(format: ValueFormat, value: JsonValue): number[] {
  if (typeof value !== 'string') throw refusal(`${show(value)} is not a text`);
  const bytes = Buffer.from(value, format.encoding);
  if (bytes.toString(format.encoding) !== value) {
    throw refusal(`${show(value)} has characters that ${format.encoding} cannot hold`);
  }
  if (bytes.includes(0)) throw refusal('a text cannot hold the character 0, which ends it');
  if (bytes.length > format.count * 2) {
    throw refusal(`${show(value)} takes ${bytes.length} bytes, there is room for ${format.count * 2}`);
  }
  const padded = Buffer.concat([bytes], format.count * 2);
  const words = Array.from({ length: format.count }, (_, index) => padded.readUInt16BE(index * 2));
  return words.flatMap((word) => orderRegisters([word], format.byteOrder));
}

/** Text has no word order: only the two bytes of each register may be swapped. */
function bytesOf(registers: readonly number[], order: ByteOrder): Buffer {
  const bytes = Buffer.alloc(registers.length * 2);
  registers.forEach((word, index) => bytes.writeUInt16BE(orderRegisters([word], order)[0] ?? 0, index * 2));
  return bytes;
}

function booleanOf(value: JsonValue): boolean {
  if (typeof value !== 'boolean') throw refusal(`${show(value)} is neither true nor false`);
  return value;
}

/** The values of an array that has to have this length. */
function elementsOf(value: JsonValue, length: number): JsonValue[] {
  if (!Array.isArray(value) || value.length !== length) {
    throw refusal(`${show(value)} is not an array of ${length} values`);
  }
  return value;
}

function show(value: JsonValue): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return cutWords(text, 80);
}

function refusal(message: string): AppError {
  return new AppError('invalid_request', message);
}
