import { expect } from 'chai';
import fc from 'fast-check';
import { linearParts, linearPattern } from '../../lib/common/linear-pattern.ts';

/** Patterns as documents have them, and pieces of patterns. */
const patterns = [
  '^[a-z]+$',
  '^\\d{4}-\\d{2}-\\d{2}$',
  '^[a-f\\d]{2}(?:-[a-f\\d]{1,2}){0,3}$',
  '^(?=.*[A-Z])(?=.*\\d).{2,}$',
  '^(?!x).*',
  '^.{2,3}$',
  '^.{2,5000}$',
  '^[^]+$',
  '^[]$',
  '^\\s+$',
  '^\\S+$',
  '[^\\s\\w]',
  '^[\\w-]+$',
  '\\bfoo\\b',
  'a\\B',
  '^\\p{L}+$',
  '^\\P{L}+$',
  '^[\\p{L}\\p{N} _-]{1,64}$',
  '^\\p{Script=Greek}+$',
  '^\\p{sc=Han}$',
  '^\\p{General_Category=Uppercase_Letter}$',
  '^\\u{1F600}$',
  '^\\u0041|\\x42$',
  '^\\/x-y$',
  'a$',
  '^$',
  '',
  'a|b|^c',
  '(?<name>a)b*?',
  '^\\cA$',
  '^[\\b]$',
  '^[\\d\\-.]+$',
  '(?:a|b)+?c',
];

const pieces = 'a b A x foo 1 42 - _ . é α 漢 😀 Ä /x-y 2020-01-02'.split(' ');
const piece = fc.constantFrom(
  ...pieces,
  ...Array.from(' \n\r\t\u00a0\u2028\ufeff\u0001\b'), // white space and controls
  '\ud83d', // half of a character
);
const text = fc.array(piece, { maxLength: 6 }).map((some) => some.join(''));

describe('a linear pattern', () => {
  it('finds what ECMAScript finds', () => {
    for (const pattern of patterns) {
      const wanted = new RegExp(pattern, 'u');
      fc.assert(
        fc.property(text, (said) => {
          const found = linearPattern(pattern)?.test(said);
          if (found !== wanted.test(said)) throw new Error(`${pattern} in ${JSON.stringify(said)}: ${found}`);
        }),
        { numRuns: 200 },
      );
    }
  });

  it('takes the older syntax of browsers where it is asked for', () => {
    expect(linearPattern('^[\\w-.]+\\_$')).to.equal(undefined);
    const loose = linearPattern('^[\\w-.]+\\_$', 'loose');
    expect([loose?.test('a-._'), loose?.test('a b_')]).to.deep.equal([true, false]);
  });

  it('is undefined for a pattern without linear time, and for a text that is no pattern', () => {
    const refused = ['(a)\\1', 'a(?=b)', '(?<=a)b', 'a{1,1001}b', 'a{1000}'.repeat(10), 'a'.repeat(2001)];
    const wrong = ['(', '[b-a]', '(?i)a', 'a++', '\\p{Nothing}', '[[:alpha:]]'];
    expect([...refused, ...wrong].filter((pattern) => linearPattern(pattern))).to.deep.equal([]);
  });

  it('comes to an end where a backtracking engine takes years', () => {
    const evil: [string, string][] = [
      ['^(a+)+$', `${'a'.repeat(100_000)}!`],
      ['(x+x+)+y', 'x'.repeat(100_000)],
      ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(100_000)],
      ['^(.*?,){11}P', '1,'.repeat(5000)],
      ['(a|b)*a(a|b){200}$', 'ab'.repeat(1500)],
      ['^(?:a?){400}a{400}$', 'a'.repeat(400)],
      ['^(?=(a+)+$)b', `${'a'.repeat(50_000)}!`],
    ];
    for (const [pattern, said] of evil) {
      const compiled = linearPattern(pattern);
      const began = process.cpuUsage();
      compiled?.test(said);
      expect(process.cpuUsage(began).user / 1000, pattern).to.be.below(1000);
      expect(compiled, pattern).to.not.equal(undefined);
    }
  });

  it('does not match a text that is too long for it, and takes one of megabytes where it is small', () => {
    expect(linearPattern('^(?:ab|ba){200}c?$')?.test('ab'.repeat(200))).to.equal(true);
    expect(linearPattern('(?:ab|ba){200}c?$')?.test('ab'.repeat(20_000))).to.equal(false);
    expect(linearPattern('^[A-Za-z0-9+/]*={0,2}$')?.test('a'.repeat(1_900_000))).to.equal(true);
  });

  it('gives the texts of its groups', () => {
    const parts = linearParts('^/a/([^/]+?)([^/]+?)/(.+?)/?$');
    expect([parts('/a/bcd/e/f/'), parts('/a/b/c')]).to.deep.equal([['b', 'cd', 'e/f'], undefined]);
  });
});
