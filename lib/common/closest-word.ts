import { closest, distance } from 'fastest-levenshtein';

/** More wrong letters than this share of a word make another word of it. */
const WRONG_MAX_SHARE = 0.4;

/** The word that somebody meant who wrote `written`, in any case of letters; undefined when none of the words is near. */
export function closestWord(written: string, words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  const lower = written.toLowerCase();
  const byLower = new Map(words.map((word) => [word.toLowerCase(), word]));
  const found = closest(lower, [...byLower.keys()]);
  const isNear = distance(lower, found) <= Math.max(1, found.length * WRONG_MAX_SHARE);
  const letters = lettersOf(lower);
  const meant = isNear ? found : [...byLower.keys()].find((word) => lettersOf(word) === letters);
  return meant === undefined ? undefined : byLower.get(meant);
}

/** The letters of a word without their order: letters that changed places are a common slip. */
function lettersOf(word: string): string {
  return word.split('').sort().join('');
}
