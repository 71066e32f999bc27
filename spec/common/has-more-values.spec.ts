import { expect } from 'chai';
import { hasMoreValues } from '../../lib/common/has-more-values.ts';

describe('the count of the values of a JSON text', () => {
  /** At least the number of values that the look takes a text for. */
  const countOf = (value: unknown): number => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    let most = 0;
    while (hasMoreValues(text, most)) most += 1;
    return most;
  };

  it('is at most twice that of its values, however they are nested', () => {
    expect(
      [1, [], [1], [1, 2, 3], { a: 1, b: 2 }, [[[]]], [{ a: [1, { b: 2 }] }]].map(countOf),
    ).to.deep.equal([1, 2, 2, 4, 3, 4, 6]);
  });

  it('does not look into texts and keys', () => {
    const texts = ['a, b', '[{,', 'a "quoted", b', '\\', '\\", ', '\n,\n,'];
    for (const text of texts) expect(countOf({ [text]: text }), text).to.equal(2);
    expect(countOf('"a text without an end, [')).to.equal(1);
  });
});
