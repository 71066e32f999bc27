/** Foreign words of at most so many characters. The mark shows where they were cut, so that no half of a secret stays (secrets.ts). */
export function cutWords(words: string, maxChars: number): string {
  return words.length > maxChars ? `${words.slice(0, maxChars)}…` : words;
}
