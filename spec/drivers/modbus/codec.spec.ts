import { expect } from 'chai';
import * as fc from 'fast-check';
import {
  decodeBits,
  decodeRegisters,
  encodeBits,
  encodeRegisters,
  type ValueFormat,
} from '../../../lib/drivers/modbus/codec.ts';
import { parseDecimal } from '../../../lib/drivers/modbus/decimal.ts';
import type { ByteOrder } from '../../../lib/drivers/modbus/registers.ts';
import { AppError } from '../../../lib/errors.ts';
import type { JsonValue } from '../../../lib/common/json.ts';
import { makeFormat } from '../../support/modbus-format.ts';

const orders: ByteOrder[] = ['ABCD', 'CDAB', 'BADC', 'DCBA'];

function words(hex: string): number[] {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(index * 2));
}

function refusalOf(format: ValueFormat, value: JsonValue): string {
  try {
    encodeRegisters(format, value);
  } catch (error) {
    expect(error).to.be.instanceOf(AppError).with.property('code', 'invalid_request');
    return (error as AppError).message;
  }
  throw new Error(`${JSON.stringify(value)} was not refused`);
}

describe('the Modbus codec', () => {
  describe('gives the bytes of every worked example, both ways', () => {
    const examples: [Parameters<typeof makeFormat>[0], number, (string | undefined)[]][] = [
      [{ type: 'int16' }, -5, ['FF FB', 'FF FB', 'FB FF', 'FB FF']],
      [{ type: 'uint16', multiplier: 0.1 }, 32.8, ['01 48']],
      [{ type: 'int16', multiplier: 0.1 }, 26.5, ['01 09']],
      [{ type: 'int16', multiplier: 0.1 }, -12.3, ['FF 85']],
      [{ type: 'uint16', multiplier: 0.5, offset: -40 }, 20, ['00 78']],
      [{ type: 'int32' }, -2, ['FF FF FF FE', 'FF FE FF FF', 'FF FF FE FF', 'FE FF FF FF']],
      [{ type: 'int32' }, 305419896, ['12 34 56 78', '56 78 12 34', '34 12 78 56', '78 56 34 12']],
      [{ type: 'float32' }, 25.5, ['41 CC 00 00', '00 00 41 CC', 'CC 41 00 00', '00 00 CC 41']],
      [{ type: 'float32' }, 0.1, ['3D CC CC CD', 'CC CD 3D CC', 'CC 3D CD CC', 'CD CC CC 3D']],
      [
        { type: 'float64' },
        25.5,
        [
          '40 39 80 00 00 00 00 00',
          '00 00 00 00 80 00 40 39',
          '39 40 00 80 00 00 00 00',
          '00 00 00 00 00 80 39 40',
        ],
      ],
    ];
    for (const [given, value, row] of examples) {
      row.forEach((hex, index) => {
        const byteOrder = orders[index] ?? 'ABCD';
        it(`${given?.type} ${value} ${given?.multiplier ?? ''} ${byteOrder} is ${hex}`, () => {
          const format = makeFormat({ ...given, byteOrder });
          expect(encodeRegisters(format, value)).to.deep.equal(words(hex ?? ''));
          expect(decodeRegisters(format, words(hex ?? ''))).to.equal(value);
        });
      });
    }

    it('"Hello Mod" fills five registers, padded with 00', () => {
      const format = makeFormat({ type: 'string', count: 5 });
      const registers = words('48 65 6C 6C 6F 20 4D 6F 64 00');
      expect(encodeRegisters(format, 'Hello Mod')).to.deep.equal(registers);
      expect(decodeRegisters(format, registers)).to.equal('Hello Mod');
    });
  });

  it('brings every int16 back through every multiplier, exactly', () => {
    const multipliers = [1, 0.1, 0.01, 0.001, 0.25, 0.3, 7, -0.1, 1e-7, 1.1];
    for (const multiplier of multipliers) {
      const format = makeFormat({ type: 'int16', multiplier, offset: multiplier === 0.3 ? -40 : 0 });
      const places = { '1': 0, '7': 0 }[String(multiplier)] ?? 9;
      for (let word = 0; word < 65536; word++) {
        const value = decodeRegisters(format, [word]) as number;
        if (encodeRegisters(format, value)[0] !== word)
          throw new Error(`${word} × ${multiplier} is ${value}`);
        // The value prints with the digits that decimal arithmetic gives: no …0000004 at the end.
        if (Number(value.toFixed(places)) !== value) throw new Error(`${value} has digits nobody sent`);
      }
    }
  });

  it('computes values as decimals do by hand', () => {
    const seen = [
      [328, 0.1, 32.8],
      [3, 0.1, 0.3],
      [1001, 0.001, 1.001],
      [65535, 1.1, 72088.5],
    ].map(([raw = 0, multiplier = 1]) => decodeRegisters(makeFormat({ multiplier }), [raw]));
    expect(seen).to.deep.equal([32.8, 0.3, 1.001, 72088.5]);
  });

  it('writes the nearest raw, half away from zero', () => {
    const format = makeFormat({ type: 'int16', multiplier: 0.1 });
    const raws = [2.04, 2.05, 2.06, -2.04, -2.05, -2.06].map(
      (value) => ((encodeRegisters(format, value)[0] ?? 0) << 16) >> 16,
    );
    expect(raws).to.deep.equal([20, 21, 21, -20, -21, -21]);
  });

  it('carries 64-bit integers beyond 2^53−1 as decimal text, both ways', () => {
    const unsigned = makeFormat({ type: 'uint64' });
    const signed = makeFormat({ type: 'int64' });
    expect(decodeRegisters(unsigned, [0xffff, 0xffff, 0xffff, 0xffff])).to.equal('18446744073709551615');
    expect(decodeRegisters(signed, [0xffff, 0xffff, 0xffff, 0xffff])).to.equal(-1);
    expect(decodeRegisters(signed, [0x8000, 0, 0, 0])).to.equal('-9223372036854775808');
    expect(decodeRegisters(unsigned, [0x001f, 0xffff, 0xffff, 0xffff])).to.equal(9007199254740991);
    expect(encodeRegisters(unsigned, '18446744073709551615')).to.deep.equal([65535, 65535, 65535, 65535]);
    expect(encodeRegisters(signed, '-9223372036854775808')).to.deep.equal([0x8000, 0, 0, 0]);
    expect(encodeRegisters(signed, 5)).to.deep.equal([0, 0, 0, 5]);
    const energy = makeFormat({ type: 'uint64', multiplier: 0.001 });
    expect(decodeRegisters(energy, [0xffff, 0xffff, 0xffff, 0xffff])).to.equal('18446744073709551.615');
    expect(encodeRegisters(energy, '18446744073709551.615')).to.deep.equal([65535, 65535, 65535, 65535]);
  });

  it('refuses values that do not fit, with the reason', () => {
    const whole = makeFormat();
    const tenths = makeFormat({ type: 'int16', multiplier: 0.1 });
    const wide = makeFormat({ type: 'int64' });
    const limited = makeFormat({ multiplier: 0.1, min: parseDecimal('16.04')!, max: parseDecimal(30)! });
    expect([
      refusalOf(whole, 1.5),
      refusalOf(whole, NaN),
      refusalOf(whole, Infinity),
      refusalOf(whole, '5'),
      refusalOf(whole, null),
      refusalOf(whole, true),
      refusalOf(whole, [1]),
      refusalOf(whole, 65536),
      refusalOf(whole, -1),
      refusalOf(tenths, 3276.8),
      refusalOf(wide, 9007199254740992),
      refusalOf(wide, '9223372036854775808'),
      refusalOf(wide, '1.5'),
      refusalOf(wide, '0x10'),
      refusalOf(limited, 16),
      refusalOf(limited, 16.04),
      refusalOf(limited, 30.01),
      refusalOf(makeFormat({ type: 'float32' }), 1e39),
      refusalOf(makeFormat({ type: 'string', count: 2 }), 'Hello'),
      refusalOf(makeFormat({ type: 'string', count: 2, encoding: 'ascii' }), 'é'),
      refusalOf(makeFormat({ type: 'string', count: 2 }), 'a\0b'),
      refusalOf(makeFormat({ type: 'string', count: 2 }), 5),
      refusalOf(makeFormat({ type: 'bool' }), 1),
      refusalOf(makeFormat({ length: 3 }), [1, 2]),
      refusalOf(
        makeFormat({
          texts: new Map([
            ['0', 'off'],
            ['2', 'auto'],
          ]),
        }),
        'on',
      ),
    ]).to.deep.equal([
      '1.5 is not an integer',
      'NaN is not an integer',
      'Infinity is not an integer',
      '"5" is not an integer',
      'null is not an integer',
      'true is not an integer',
      '[1] is not an integer',
      '65536 does not fit uint16 (0 to 65535)',
      '-1 does not fit uint16 (0 to 65535)',
      '3276.8 does not fit int16 (-3276.8 to 3276.7)',
      '9007199254740992 is beyond 2^53−1, its digits may be lost: send it as a decimal string',
      '"9223372036854775808" does not fit int64 (-9223372036854775808 to 9223372036854775807)',
      '"1.5" is not an integer in decimal digits',
      '"0x10" is not an integer in decimal digits',
      '16 is below the minimum 16.04',
      '16.04 is below the minimum 16.04',
      '30.01 is above the maximum 30',
      '1e+39 does not fit float32',
      '"Hello" takes 5 bytes, there is room for 4',
      '"é" has characters that ascii cannot hold',
      'a text cannot hold the character 0, which ends it',
      '5 is not a text',
      '1 is neither true nor false',
      '[1,2] is not an array of 3 values',
      '"on" is not one of "off", "auto"',
    ]);
  });

  it('shows NaN, infinities and the null value as null', () => {
    const float = makeFormat({ type: 'float32' });
    expect(decodeRegisters(float, [0x7fc0, 0])).to.equal(null);
    expect(decodeRegisters(float, [0xff80, 0])).to.equal(null);
    expect(decodeRegisters(makeFormat({ type: 'int16', nullValue: '-32768' }), [0x8000])).to.equal(null);
    expect(decodeRegisters(makeFormat({ type: 'float32', nullValue: '-9999' }), [0xc61c, 0x3c00])).to.equal(
      null,
    );
  });

  it('scales floats by decimals', () => {
    const format = makeFormat({ type: 'float32', multiplier: 0.1, offset: 3 });
    expect(decodeRegisters(format, [0x3dcc, 0xcccd])).to.equal(3.01);
    expect(encodeRegisters(format, 3.01)).to.deep.equal([0x3dcc, 0xcccd]);
  });

  it('gives enums their texts, and a raw value without one as it is', () => {
    const format = makeFormat({
      texts: new Map([
        ['0', 'off'],
        ['2', 'auto'],
      ]),
    });
    expect(decodeRegisters(format, [2])).to.equal('auto');
    expect(decodeRegisters(format, [7])).to.equal(7);
    expect(encodeRegisters(format, 'auto')).to.deep.equal([2]);
  });

  it('reads a bool from a register or one of its bits, and changes no other bit', () => {
    const register = makeFormat({ type: 'bool' });
    expect([0, 1, 2].map((word) => decodeRegisters(register, [word]))).to.deep.equal([false, true, true]);
    expect([true, false].map((value) => encodeRegisters(register, value, 0xffff))).to.deep.equal([[1], [0]]);
    const bit = makeFormat({ type: 'bool', bit: 15 });
    expect([0x8000, 0x7fff].map((word) => decodeRegisters(bit, [word]))).to.deep.equal([true, false]);
    expect(encodeRegisters(bit, true, 0x0102)).to.deep.equal([0x8102]);
    expect(encodeRegisters(bit, false, 0xffff)).to.deep.equal([0x7fff]);
    expect(encodeRegisters(makeFormat({ type: 'bool', bit: 0, byteOrder: 'BADC' }), true, 0)).to.deep.equal([
      256,
    ]);
  });

  it('carries arrays of numbers and of coils', () => {
    const format = makeFormat({ type: 'int32', length: 2, byteOrder: 'CDAB' });
    expect(encodeRegisters(format, [-2, 1])).to.deep.equal([0xfffe, 0xffff, 1, 0]);
    expect(decodeRegisters(format, [0xfffe, 0xffff, 1, 0])).to.deep.equal([-2, 1]);
    const coils = makeFormat({ type: 'bool', length: 3 });
    expect(encodeBits(coils, [true, false, true])).to.deep.equal([true, false, true]);
    // Replies come in whole bytes: the bits beyond the count mean nothing.
    expect(decodeBits(coils, [true, false, true, true])).to.deep.equal([true, false, true]);
    expect(decodeBits(makeFormat({ type: 'bool' }), [true])).to.equal(true);
    expect(encodeBits(makeFormat({ type: 'bool' }), false)).to.deep.equal([false]);
  });

  it('swaps the bytes of a text inside its registers, never its words', () => {
    const swapped = words('65 48 6C 6C 00 6F');
    for (const byteOrder of ['BADC', 'DCBA'] as const) {
      const format = makeFormat({ type: 'string', count: 3, byteOrder });
      expect(encodeRegisters(format, 'Hello')).to.deep.equal(swapped);
      expect(decodeRegisters(format, swapped)).to.equal('Hello');
    }
  });

  describe('for any value', () => {
    const order = fc.constantFrom(...orders);

    it('decodes an encoded value: 64-bit integers', () => {
      fc.assert(
        fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), order, (raw, byteOrder) => {
          const format = makeFormat({ type: 'int64', byteOrder });
          const value = decodeRegisters(format, encodeRegisters(format, raw.toString()));
          expect(`${value as string | number}`).to.equal(raw.toString());
        }),
      );
    });

    it('decodes an encoded value: floats', () => {
      fc.assert(
        fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), order, (raw, byteOrder) => {
          const format = makeFormat({ type: 'float32', byteOrder });
          const shown = decodeRegisters(format, encodeRegisters(format, raw)) as number;
          expect(Math.fround(shown) === raw).to.equal(true);
          expect(decodeRegisters(format, encodeRegisters(format, shown))).to.equal(shown);
        }),
      );
      fc.assert(
        fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), order, (raw, byteOrder) => {
          const format = makeFormat({ type: 'float64', byteOrder });
          expect(decodeRegisters(format, encodeRegisters(format, raw)) === raw).to.equal(true);
        }),
      );
    });

    it('never writes a value further from the given one than half a step, with any scaling', () => {
      const scale = fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 0, max: 4 }));
      fc.assert(
        fc.property(
          scale,
          fc.integer({ min: -100, max: 100 }),
          fc.integer({ min: -30000, max: 30000 }),
          fc.double({ min: -0.49, max: 0.49, noNaN: true }),
          ([digits, places], offset, raw, error) => {
            const multiplier = Number(`${digits}e-${places}`);
            const format = makeFormat({ type: 'int16', multiplier, offset });
            const written = encodeRegisters(format, (raw + error) * multiplier + offset);
            expect(written).to.deep.equal([raw & 0xffff]);
          },
        ),
      );
    });

    it('decodes an encoded value: texts', () => {
      fc.assert(
        fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (text) => {
          fc.pre(
            !text.includes('\0') && Buffer.from(text).toString() === text && Buffer.byteLength(text) <= 80,
          );
          const format = makeFormat({ type: 'string', count: 40 });
          expect(decodeRegisters(format, encodeRegisters(format, text))).to.equal(text);
        }),
      );
    });
  });
});
