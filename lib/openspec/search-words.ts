import { stemOf } from '../common/word-stem.ts';

/** Words that do not tell one tool from another. */
const EMPTY_WORDS = new Set(
  'a an and are as at be by can could do does for from has have how i in into is it its make me my now of on or please that the their them then there this to want was what when where which will with would you your'.split(
    ' ',
  ),
);
const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+/gu;

/**
 * The words of a sentence or name, for searching: lower case, `camelCase` and `snake_case` parted, English endings cut
 * off, Chinese, Japanese and Korean as pairs of characters.
 */
export function searchWordsOf(text: string): string[] {
  const words: string[] = [];
  const latin = text.replaceAll(CJK, (run) => {
    const characters = Array.from(run);
    if (characters.length === 1) words.push(run);
    for (let i = 0; i + 1 < characters.length; i++) words.push(`${characters[i]}${characters[i + 1]}`);
    return ' ';
  });
  const parted = latin
    .replaceAll(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2');
  for (const word of parted.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    if (!EMPTY_WORDS.has(word)) words.push(stemOf(word));
  }
  return words;
}
