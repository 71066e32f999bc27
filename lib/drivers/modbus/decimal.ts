/** An exact decimal: `digits` / 10^`scale`, with `scale` >= 0. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

const SHAPE = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/** The decimal that a number prints as, or that a text means; undefined for any other text (NaN, "5 V", ""). */
export function parseDecimal(value: number | string): Decimal | undefined {
  const match = SHAPE.exec(String(value));
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const magnitude = BigInt(whole + fraction);
  const digits = sign === '-' ? -magnitude : magnitude;
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

/** Negative, zero or positive, as `a` is below, at or above `b`. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const left = a.digits * 10n ** BigInt(b.scale);
  const right = b.digits * 10n ** BigInt(a.scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The plain text of a decimal, without exponent or trailing zeros: 32.8, -0.05, 18446744073709551615. */
export function formatDecimal({ digits, scale }: Decimal): string {
  if (scale === 0) return digits.toString();
  const magnitude = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const fraction = magnitude.slice(-scale).replace(/0+$/, '');
  const text = magnitude.slice(0, -scale) + (fraction === '' ? '' : `.${fraction}`);
  return digits < 0n ? `-${text}` : text;
}

/** A value as JSON carries it: a number, or the decimal text when a number would lose digits (over 2^53−1). */
export function decimalToJson(value: Decimal): number | string {
  const text = formatDecimal(value);
  const significant = BigInt(text.replace('.', ''));
  const safe = significant <= 9007199254740991n && significant >= -9007199254740991n;
  return safe ? Number(text) : text;
}

/** a / b to the nearest integer, half away from zero. `b` is not 0. */
export function divideRounded(a: bigint, b: bigint): bigint {
  const negative = a < 0n !== b < 0n;
  const dividend = a < 0n ? -a : a;
  const divisor = b < 0n ? -b : b;
  const quotient = (2n * dividend + divisor) / (2n * divisor);
  return negative ? -quotient : quotient;
}

/** a / b as the nearest double (to 40 significant digits before the last rounding). `b` is not 0. */
export function divideToDouble(a: bigint, b: bigint): number {
  if (a === 0n) return 0;
  const lengthOf = (x: bigint): number => x.toString().replace('-', '').length;
  const shift = Math.max(0, 40 - lengthOf(a) + lengthOf(b));
  return Number(`${divideRounded(a * 10n ** BigInt(shift), b)}e-${shift}`);
}
