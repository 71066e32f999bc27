/** The types a register value may have; `bool` is here for a register as a whole or one of its bits. */
export type NumberType = 'int16' | 'uint16' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'float32' | 'float64';
/** Every type that a document may name. */
export type ValueType = NumberType | 'bool' | 'string';

/** The order of a value's bytes ABCD in its registers, as they are on the wire. */
export type ByteOrder = 'ABCD' | 'CDAB' | 'BADC' | 'DCBA';

/** A number as the device holds it: a bigint for 64-bit integers. */
export type Raw = number | bigint;

/** Registers a value takes, and the range of its raw integers. */
export const numberTypes: Record<
  NumberType,
  { size: 1 | 2 | 4; integer: boolean; range: readonly [bigint, bigint] | undefined }
> = {
  int16: { size: 1, integer: true, range: [-(1n << 15n), (1n << 15n) - 1n] },
  uint16: { size: 1, integer: true, range: [0n, (1n << 16n) - 1n] },
  int32: { size: 2, integer: true, range: [-(1n << 31n), (1n << 31n) - 1n] },
  uint32: { size: 2, integer: true, range: [0n, (1n << 32n) - 1n] },
  int64: { size: 4, integer: true, range: [-(1n << 63n), (1n << 63n) - 1n] },
  uint64: { size: 4, integer: true, range: [0n, (1n << 64n) - 1n] },
  float32: { size: 2, integer: false, range: undefined },
  float64: { size: 4, integer: false, range: undefined },
};

/** Registers in the other order: undoes itself, so it serves both ways. */
export function orderRegisters(registers: readonly number[], order: ByteOrder): readonly number[] {
  if (order === 'ABCD') return registers;
  const swapped = order === 'CDAB' ? registers : registers.map((word) => ((word & 0xff) << 8) | (word >> 8));
  return order === 'BADC' ? swapped : swapped.toReversed();
}

/** The raw number in the registers of one value, high word first. */
export function readRaw(type: NumberType, words: readonly number[]): Raw {
  const [a = 0, b = 0, c = 0, d = 0] = words;
  switch (type) {
    case 'uint16':
      return a;
    case 'int16':
      return (a << 16) >> 16;
    case 'uint32':
      return a * 65536 + b;
    case 'int32':
      return (a << 16) | b;
    case 'uint64':
      return (BigInt(a * 65536 + b) << 32n) | BigInt(c * 65536 + d);
    case 'int64':
      return BigInt.asIntN(64, (BigInt(a * 65536 + b) << 32n) | BigInt(c * 65536 + d));
    case 'float32':
      return viewOf(words).getFloat32(0);
    case 'float64':
    default:
      return viewOf(words).getFloat64(0);
  }
}

function viewOf(words: readonly number[]): DataView {
  const view = new DataView(new ArrayBuffer(8));
  words.forEach((word, index) => view.setUint16(index * 2, word));
  return view;
}

/** The registers of one raw number that is in the type's range, high word first. */
export function writeRaw(type: NumberType, raw: Raw): number[] {
  const { size, integer } = numberTypes[type];
  const view = new DataView(new ArrayBuffer(8));
  if (integer) view.setBigInt64(0, BigInt.asIntN(64, BigInt(raw) << BigInt(64 - size * 16)));
  else if (type === 'float32') view.setFloat32(0, Number(raw));
  else view.setFloat64(0, Number(raw));
  return Array.from({ length: size }, (_, index) => view.getUint16(index * 2));
}

/** The shortest decimal that rounds back to a float32: 0.1, not 0.10000000149011612. */
export function shortestFloat32(value: number): number {
  if (Math.fround(Number(value.toPrecision(6))) !== value || Math.abs(value) < 1.2e-38) {
    for (let digits = 1; digits <= 9; digits++) {
      const short = Number(value.toPrecision(digits));
      if (Math.fround(short) === value) return short;
    }
  }
  return Number(value.toPrecision(6));
}
