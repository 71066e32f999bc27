import { expect } from 'chai';
import fc from 'fast-check';
import { formatExactly, inexactNumbers, parseExactly } from '../../lib/common/exact-numbers.ts';

describe('common/exact-numbers', () => {
  it('finds the integers that lose digits, and the numbers past the range', () => {
    const text =
      '{"a":2512292042121000001,"b":[-9007199254740993,9007199254740991],"c":{"d":1e400},"e":123456789012345678901234567890}';
    expect(inexactNumbers(text)).to.deep.equal([
      '2512292042121000001',
      '-9007199254740993',
      '1e400',
      '123456789012345678901234567890',
    ]);
    expect(inexactNumbers(`[${'9'.repeat(500)}]`)).to.deep.equal(['9'.repeat(500)]);
  });

  it('leaves numbers that are exact, fractions, and digits inside texts', () => {
    const text =
      '[1000000000000000000,9007199254740992,0.1234567890123456789,1e21,"2512292042121000001","\\"9007199254740993"]';
    expect(inexactNumbers(text)).to.deep.equal([]);
  });

  it('finds just the integers that are written with other digits, whatever stands around them', () => {
    const item = fc.oneof(
      fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
      fc.string().map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const read = JSON.parse(`[${items.join(', ')}]`) as unknown[];
        const changed = items.filter((_, index) => {
          const value = read[index];
          return typeof value === 'number' && String(value) !== items[index];
        });
        expect(inexactNumbers(`[${items.join(', ')}]`)).to.deep.equal(changed);
      }),
    );
  });

  it('passes over a string that does not end', () => {
    // A search that starts again at every quote would take seconds here.
    expect(inexactNumbers(`[9007199254740993,${'"\\'.repeat(50_000)}9007199254740993`)).to.deep.equal([
      '9007199254740993',
    ]);
    expect(inexactNumbers(`"${'1234567890123456'.repeat(50_000)}\\`)).to.deep.equal([]);
  });

  it('keeps every digit of whole numbers from text to text', () => {
    const number = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String);
    const item = fc.oneof(
      number,
      fc.string().map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const text = `{"list":[${items.join(',')}]}`;
        expect(formatExactly(parseExactly(text)!)).to.equal(text);
      }),
    );
  });

  it('makes a bigint only of a number that a JavaScript number cannot hold', () => {
    expect(parseExactly('[9007199254740993,9007199254740992,1.5,1e21,-2]')).to.deep.equal([
      9007199254740993n,
      9007199254740992,
      1.5,
      1e21,
      -2,
    ]);
  });

  it('refuses a text that is no JSON, and a number past the range', () => {
    const texts = ['{"a":9007199254740993', '[1e400]', `[${'9'.repeat(500)}]`];
    expect(texts.map(parseExactly)).to.deep.equal([undefined, undefined, undefined]);
  });
});
