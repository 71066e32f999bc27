import { parse, type ParseError } from 'jsonc-parser';

/**
 * Where a text that `JSON.parse` refuses stops being JSON [RFC 8259]: the index of the first character that does not
 * belong, or the text's length when it ends too early. Undefined for a text that is nested too deeply to be read again.
 */
export function jsonFaultAt(text: string): number | undefined {
  const errors: ParseError[] = [];
  try {
    parse(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  } catch (error) {
    if (error instanceof RangeError) return undefined; // the parser's own recursion
    throw error;
  }
  return errors[0]?.offset ?? text.length;
}
