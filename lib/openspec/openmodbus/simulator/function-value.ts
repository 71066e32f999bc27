import type { JsonValue } from '../../../common/json.ts';
import { decodeBits, decodeRegisters, encodeBits, encodeRegisters } from '../../../drivers/modbus/codec.ts';
import { formatDecimal } from '../../../drivers/modbus/decimal.ts';
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
  return single === undefined || length === undefined ? single : Array.from({ length }, () => single);
}

/** The next value of a function that can only be read and has a range; undefined for any other function. */
export function driftedValue(
  { storage, value }: ModbusFunction,
  now: JsonValue,
  random: number,
): number | undefined {
  const { min, max, scaling } = value.format;
  if (storage !== 'inputRegisters' || typeof now !== 'number' || min === undefined || max === undefined) {
    return undefined;
  }
  const [low, high] = [Number(formatDecimal(min)), Number(formatDecimal(max))];
  // A step up or down, or a fiftieth of the range: a room does not change faster.
  const next = now + (random - 0.5) * (value.step ?? (high - low) / 50) * 2;
  const whole = scaling.identity ? Math.round(next) : next;
  return Math.min(high, Math.max(low, whole));
}
