import { decimalToJson, divideRounded, divideToDouble, parseDecimal, type Decimal } from './decimal.ts';

/**
 * Decimals and no floating point: 328 × 0.1 has to be 32.8 and not 32.800000000000004, because people read it, and a
 * value that was read has to be the raw value again when it is written.
 *
 * value = raw × multiplier + offset, on integers over one power of ten: (raw × factor + shift) / 10^places
 * [contract: Values]. `identity` when raw and value are the same.
 */
export interface Scaling {
  readonly identity: boolean;
  readonly factor: bigint;
  readonly shift: bigint;
  readonly places: number;
  /** The same as plain numbers where every product of a 32-bit raw stays exact, else undefined. */
  readonly small: { factor: number; shift: number; power: number } | undefined;
}

const SAFE = 9007199254740991n;

/** The scaling of a multiplier (not 0) and an offset. */
export function createScaling(multiplier: Decimal, offset: Decimal): Scaling {
  const places = Math.max(multiplier.scale, offset.scale);
  const factor = multiplier.digits * 10n ** BigInt(places - multiplier.scale);
  const shift = offset.digits * 10n ** BigInt(places - offset.scale);
  const abs = (x: bigint): bigint => (x < 0n ? -x : x);
  const exact = places <= 22 && (abs(factor) << 32n) + abs(shift) <= SAFE;
  const small = exact ? { factor: Number(factor), shift: Number(shift), power: 10 ** places } : undefined;
  return { identity: factor === 10n ** BigInt(places) && shift === 0n, factor, shift, places, small };
}

/** No scaling. */
export const unscaled: Scaling = createScaling({ digits: 1n, scale: 0 }, { digits: 0n, scale: 0 });

/** The value of an integer raw. Both operands of the one division are exact, so it rounds once and correctly. */
export function scaleInteger(scaling: Scaling, raw: number | bigint): number | string {
  if (typeof raw === 'number') {
    if (scaling.identity) return raw;
    const { small } = scaling;
    if (small !== undefined) return (raw * small.factor + small.shift) / small.power + 0;
  }
  return decimalToJson(scaleExactly(scaling, BigInt(raw)));
}

/** The value of an integer raw, exactly. */
export function scaleExactly(scaling: Scaling, raw: bigint): Decimal {
  return { digits: raw * scaling.factor + scaling.shift, scale: scaling.places };
}

/** The raw integer nearest to a value, half away from zero. */
export function unscaleInteger(scaling: Scaling, value: Decimal): bigint {
  const [dividend, divisor] = unscaleFraction(scaling, value);
  return divideRounded(dividend, divisor);
}

/** The value of a finite floating raw (as its shortest decimal). */
export function scaleFloat(scaling: Scaling, raw: number): number {
  if (scaling.identity) return raw;
  const decimal = parseDecimal(raw);
  if (decimal === undefined) throw new RangeError(`${raw} has no decimal form`);
  const digits = decimal.digits * scaling.factor + scaling.shift * 10n ** BigInt(decimal.scale);
  return divideToDouble(digits, 10n ** BigInt(scaling.places + decimal.scale));
}

/** The floating raw nearest to a value. */
export function unscaleFloat(scaling: Scaling, value: Decimal): number {
  return divideToDouble(...unscaleFraction(scaling, value));
}

function unscaleFraction(scaling: Scaling, { digits, scale }: Decimal): [bigint, bigint] {
  const dividend = digits * 10n ** BigInt(scaling.places) - scaling.shift * 10n ** BigInt(scale);
  return [dividend, scaling.factor * 10n ** BigInt(scale)];
}
