const SPACE = /[ \t\n\r]*/y;
const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

/**
 * Where a text that JSON.parse refuses stops being JSON [RFC 8259]: the index of the first character that cannot stand
 * there, or the text's length when it ends too early. (V8 tells the place of some faults only.)
 */
export function jsonFaultAt(text: string): number {
  const open: ('{' | '[')[] = [];
  let expected: 'value' | 'key' | 'colon' | 'next' = 'value';
  /** Right after an opening bracket its closing one may stand too. */
  let fresh = false;
  for (let at = skip(SPACE, text, 0); at < text.length; at = skip(SPACE, text, at)) {
    const char = text.charAt(at);
    const inside = open.at(-1);
    const closes = (char === '}' && inside === '{') || (char === ']' && inside === '[');
    if (closes && (expected === 'next' || fresh)) {
      open.pop();
      at += 1;
      expected = 'next';
    } else if (expected === 'next') {
      if (char !== ',' || !inside) return at;
      at += 1;
      expected = inside === '{' ? 'key' : 'value';
    } else if (expected === 'colon') {
      if (char !== ':') return at;
      at += 1;
      expected = 'value';
    } else if (char === '"') {
      const end = endOfString(text, at);
      if (end < 0) return -end;
      at = end;
      expected = expected === 'key' ? 'colon' : 'next';
    } else if (expected === 'key') {
      return at;
    } else if (char === '{' || char === '[') {
      open.push(char);
      at += 1;
      expected = char === '{' ? 'key' : 'value';
      fresh = true;
      continue;
    } else {
      const end = skip(LITERAL, text, at);
      if (end === at) return at;
      at = end;
      expected = 'next';
    }
    fresh = false;
  }
  return text.length;
}

/** The index after the closing quote; for a fault its index, negated (a string never starts a fault at 0). */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return -at;
    if (code !== 0x5c) {
      at += 1;
      continue;
    }
    const end = skip(ESCAPE, text, at);
    if (end === at) return -at;
    at = end;
  }
  return -text.length;
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
