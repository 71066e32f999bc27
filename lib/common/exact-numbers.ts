import { parse, stringify } from 'lossless-json';
import { isObject, type JsonValue } from './json.ts';

/** A string or a number of a JSON text [RFC 8259 6, 7]. A string without an end takes the rest: the search never goes back. */
const TOKEN = /"[^"\\]*(?:\\.?[^"\\]*)*"?|-?\d[\d.eE+-]*/gs;
/** A text without any of these has only numbers that a JavaScript number holds. It spares most texts the search. */
const MAY_BE_INEXACT = /\d{16}|[eE]\+?\d{3}/;
/** A longer integer is past the range of numbers, and slow to compare. */
const DIGITS_MAX_COUNT = 310;

/**
 * The numbers of a JSON text that change when they are read and written again: integers that lose digits (beyond 2^53−1), and
 * numbers past the range. Fractions are rounded as everywhere, and are not among them.
 */
export function inexactNumbers(text: string): string[] {
  return MAY_BE_INEXACT.test(text) ? (text.match(TOKEN) ?? []).filter(isInexact) : [];
}

/**
 * The value of a JSON text with each digit of its whole numbers: those that a JavaScript number cannot hold are bigints.
 * Undefined for a text that is no JSON, and for one with a number past the range.
 */
export function parseExactly(text: string): JsonValue | undefined {
  if (!inexactNumbers(text).every(isWhole)) return undefined;
  try {
    return parse(text, undefined, numberOf) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The JSON text of a value, indented by `spaces`. A bigint is written as a number, where JSON.stringify would throw. */
export function formatExactly(value: JsonValue, spaces = 0): string {
  try {
    return JSON.stringify(value, null, spaces); // it throws at a bigint, which spares all other values a search
  } catch (error) {
    if (!hasBigint(value)) throw error;
    return stringify(value, undefined, spaces)!;
  }
}

/** The value of a text that `formatExactly` has written. As fast as `JSON.parse` where each number is a JavaScript number. */
export function parseFormatted(text: string): JsonValue {
  const exact = inexactNumbers(text).length > 0 ? parseExactly(text) : undefined;
  return exact ?? (JSON.parse(text) as JsonValue);
}

/** Whether a value holds a bigint at any depth. */
export function hasBigint(value: JsonValue | undefined): boolean {
  if (typeof value === 'bigint') return true;
  if (Array.isArray(value)) return value.some(hasBigint);
  return isObject(value) && Object.values(value).some(hasBigint);
}

/** The same value with `convert` in the place of each bigint. */
export function mapBigints(value: JsonValue, convert: (bigint: bigint) => JsonValue): JsonValue {
  if (typeof value === 'bigint') return convert(value);
  if (Array.isArray(value)) return value.map((item) => mapBigints(item, convert));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      inner === undefined ? inner : mapBigints(inner, convert),
    ]),
  );
}

function numberOf(token: string): number | bigint {
  return isWhole(token) && isInexact(token) ? BigInt(token) : Number(token);
}

function isWhole(token: string): boolean {
  return token.length <= DIGITS_MAX_COUNT && /^-?\d+$/.test(token);
}

function isInexact(token: string): boolean {
  if (token.startsWith('"')) return false;
  const value = Number(token);
  if (!isWhole(token)) return value === Infinity || value === -Infinity;
  // A number may hold the value and still be written with other digits: 30023997515803312 becomes 30023997515803310.
  return !Number.isSafeInteger(value) && String(value) !== token;
}
