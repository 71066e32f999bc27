import { character } from './json-scanner.ts';

/**
 * Whether a JSON text has more values than this, an empty list or object counted twice: a look of a few ms at a megabyte, while
 * `JSON.parse` may take a quarter of a second for a text that is full of keys and lists. For a text that is not JSON the answer means
 * nothing.
 */
export function hasMoreValues(text: string, most: number): boolean {
  let count = 1;
  for (let at = 0; at < text.length && count <= most; at += 1) {
    const code = text.charCodeAt(at);
    if (code === character.quote) at = endOfText(text, at);
    else if (code === character.comma || code === character.openList || code === character.openObject)
      count += 1;
  }
  return count > most;
}

/** The place of the quotation mark that ends a text; the length of the whole where none does. */
function endOfText(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slash = at;
    while (text[slash - 1] === '\\') slash -= 1;
    if ((at - slash) % 2 === 0) return at;
  }
  return text.length;
}
