/** A string or a number of a JSON text [RFC 8259 6, 7]. A string without an end takes the rest: the search never goes back. */
const TOKEN = /"[^"\\]*(?:\\.?[^"\\]*)*"?|-?\d[\d.eE+-]*/gs;
/** A text without any of these has only numbers that a JavaScript number holds. It spares most texts the search. */
const MAY_BE_INEXACT = /\d{16}|[eE]\+?\d{3}/;
/** A longer integer is past the range of numbers, and slow to compare. */
const DIGITS_MAX_COUNT = 310;

/**
 * The numbers of a JSON text that change when JSON.parse reads them: integers that lose digits (beyond 2^53−1), and numbers
 * past the range. Fractions are rounded as everywhere, and are not among them.
 */
export function inexactNumbers(text: string): string[] {
  return MAY_BE_INEXACT.test(text) ? (text.match(TOKEN) ?? []).filter(isInexact) : [];
}

function isInexact(token: string): boolean {
  if (token.startsWith('"')) return false;
  const value = Number(token);
  if (!/^-?\d+$/.test(token)) return value === Infinity || value === -Infinity;
  if (Number.isSafeInteger(value)) return false;
  return token.length > DIGITS_MAX_COUNT || BigInt(value) !== BigInt(token);
}
