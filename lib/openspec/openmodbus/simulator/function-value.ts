import type { JsonValue } from '../../../common/json.ts';
import { decodeBits, decodeRegisters, encodeBits, encodeRegisters } from '../../../drivers/modbus/codec.ts';
import { formatDecimal } from '../../../drivers/modbus/decimal.ts';
import { scaleExactly } from '../../../drivers/modbus/scaling.ts';
import { AppError } from '../../../errors.ts';
import type { ModbusFunction } from '../read-document.ts';

/** Whether the function's values are single bits. */
function inCoils({ storage }: ModbusFunction): boolean {
  return storage === 'coils' || storage === 'discreteInput';
}

/** The registers or coils for a value; `before` is the first register as it is. Throws an AppError for a value that does not fit. */
export function encodeWords(entry: ModbusFunction, value: JsonValue, before: number): number[] {
  const { format } = entry.value;
  if (inCoils(entry)) return encodeBits(format, value).map(Number);
  return encodeRegisters(format, value, before);
}

/** The value in registers or coils. */
export function decodeWords(entry: ModbusFunction, words: readonly number[]): JsonValue {
  const { format } = entry.value;
  if (!inCoils(entry)) return decodeRegisters(format, words);
  return decodeBits(format, words.map(Boolean));
}

/** Whether registers or coils hold a value that the function may write. */
export function fitsFunction(entry: ModbusFunction, words: readonly number[]): boolean {
  try {
    encodeWords(entry, decodeWords(entry, words), words[0] ?? 0);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** The first value of a simulated function: the middle of its range, or the first of its texts. Undefined: it starts at 0. */
export function startValue({ value: { format } }: ModbusFunction): JsonValue | undefined {
  const { min, max, texts, length } = format;
  const limits = [min, max]
    .filter((limit) => limit !== undefined)
    .map((limit) => Number(formatDecimal(limit)));
  const [first] = texts?.values() ?? [];
  const middle = limits.reduce((sum, limit) => sum + limit, 0) / limits.length;
  const single =
    first ?? (limits.length === 0 ? undefined : format.scaling.identity ? Math.round(middle) : middle);
  // A list begins with the same value in each place.
  return single === undefined || length === undefined ? single : Array.from({ length }, () => single);
}

/** Raw steps that a value wanders over where its document gives no range. */
const USUAL_SPAN = 100n;

/** The next value of a function that can only be read; undefined where its values are no single numbers, or have names. */
export function driftedValue(
  { value: { step, format } }: ModbusFunction,
  now: JsonValue,
  random: number,
): number | undefined {
  if (typeof now !== 'number' || format.texts !== undefined) return undefined;
  const { scaling, type } = format;
  const [low, high] = driftRange(format);
  const isWhole = scaling.identity && type !== 'float32' && type !== 'float64';
  // A step up or down, or a fiftieth of the range: a room does not change faster. Less than a raw step would be no change.
  const resolution = Math.abs(Number(scaling.factor)) / 10 ** scaling.places;
  const widest = step ?? Math.max((high - low) / 50, isWhole || !scaling.identity ? resolution : 0);
  const next = now + (random - 0.5) * widest * 2;
  return Math.min(high, Math.max(low, isWhole ? Math.round(next) : next));
}

/** The range in which a value wanders: that of the document; without it the values of the raw numbers from 0 to 100. */
function driftRange({ min, max, scaling }: ModbusFunction['value']['format']): [number, number] {
  const ends = [0n, USUAL_SPAN].map((raw) => Number(formatDecimal(scaleExactly(scaling, raw))));
  const [first, last] = [Math.min(...ends), Math.max(...ends)];
  const low = min === undefined ? first : Number(formatDecimal(min));
  const high = max === undefined ? Math.max(last, low + last - first) : Number(formatDecimal(max));
  return [Math.min(low, high), high];
}
