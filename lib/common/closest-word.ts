import { closest, distance } from 'fastest-levenshtein';

/** More wrong letters than this share of a word make another word of it. */
const WRONG_MAX_SHARE = 0.4;

/** The word that somebody meant who wrote `written`; undefined when none of the words is near. */
export function closestWord(written: string, words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  const lower = written.toLowerCase();
  const found = closest(lower, [...words]);
  const wrong = distance(lower, found.toLowerCase());
  return wrong <= Math.max(1, found.length * WRONG_MAX_SHARE) ? found : undefined;
}
