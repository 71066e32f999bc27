/**
 * A text without these characters at its end. A regular expression such as `/x+$/` takes quadratic time for a long run of
 * them in the middle.
 */
export function withoutEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}
