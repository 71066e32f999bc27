import { parse, type ParseError } from 'jsonc-parser';

/** The valid beginning of a string or a number [RFC 8259 6, 7]. */
const STRING_START = /"(?:[ !#-[\]-\u{10ffff}]+|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*/uy;
const NUMBER_START = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

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
  const [first] = errors;
  return first === undefined ? text.length : faultInToken(text, first.offset);
}

/** The parser names the token at fault. A string or a number may begin well, and be broken further on. */
function faultInToken(text: string, offset: number): number {
  const start = text[offset] === '"' ? STRING_START : NUMBER_START;
  start.lastIndex = offset;
  const end = start.test(text) ? start.lastIndex : offset;
  const complete = text[offset] === '"' ? text[end] === '"' : !/[\w.+-]/.test(text[end] ?? '');
  return complete ? offset : end; // a complete token is at fault as a whole
}
