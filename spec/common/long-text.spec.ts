import { expect } from 'chai';
import fc from 'fast-check';
import { LongText } from '../../lib/common/long-text.ts';

/** Parts whose text has some pieces. */
const parts = fc.array(
  fc
    .tuple(fc.constantFrom('a', '"', '語', '🙂'), fc.constantFrom(0, 1, 7, 30_000, 70_000))
    .map(([sign, count]) => sign.repeat(count)),
  { maxLength: 8 },
);

describe('a text in pieces', () => {
  it('has the characters and the slices of the text', () => {
    fc.assert(
      fc.property(parts, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 20 }), (given, places) => {
        const text = given.join('');
        const pieces = LongText.of(given);
        expect([pieces.length, pieces.toString() === text]).to.deep.equal([text.length, true]);
        for (const [one, other] of places) {
          const [from = 0, to = 0] = [one, other].map((n) => n % (text.length + 2)).toSorted((a, b) => a - b);
          expect(pieces.slice(from, to) === text.slice(from, to), `${from} to ${to}`).to.equal(true);
          expect(pieces.charCodeAt(from)).to.deep.equal(text.charCodeAt(from));
          const window = pieces.windowAt(to);
          expect(text.startsWith(window, to), `the window at ${to}`).to.equal(true);
          expect(window === '').to.equal(to >= text.length);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is read in windows of at most 64 Ki characters, from any place', () => {
    const text = `${'a'.repeat(100_000)}${'b'.repeat(200_000)}`;
    const pieces = LongText.of([text.slice(0, 3), text.slice(3)]);
    const windows = [...pieces.windows(10)];
    expect(windows.join('') === text.slice(10)).to.equal(true);
    expect(windows.every(({ length }) => length > 0 && length <= 65_536)).to.equal(true);
  });

  it('grows after it was read', () => {
    const pieces = LongText.of(['ab']);
    expect(pieces.windowAt(2)).to.equal('');
    pieces.push('cd');
    expect([pieces.windowAt(2), pieces.charCodeAt(3), pieces.toString()]).to.deep.equal(['cd', 100, 'abcd']);
  });
});
