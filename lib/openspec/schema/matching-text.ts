/**
 * A text that a regular expression of the simple kind matches: literals, classes, groups, alternatives, repetitions.
 * Undefined for one with look-around or back references. Each repetition is done as often as it must, and `more` times
 * more where it may.
 */
export function matchingText(pattern: string, more = 0): string | undefined {
  const reader = { text: pattern, at: 0, more };
  const text = alternatives(reader);
  return reader.at === pattern.length ? text : undefined;
}

/** The place in the pattern. The functions below read on from it, also where there is no text, so that the end is found. */
interface Reader {
  readonly text: string;
  readonly more: number;
  at: number;
}

/** Reads `a|b|c`; the text is that of the first alternative. */
function alternatives(reader: Reader): string | undefined {
  const first = sequence(reader);
  while (reader.text[reader.at] === '|') {
    reader.at++;
    sequence(reader);
  }
  return first;
}

/** Reads atoms with their repetitions, to the end of an alternative. */
function sequence(reader: Reader): string | undefined {
  let whole: string | undefined = '';
  while (reader.at < reader.text.length && !'|)'.includes(reader.text[reader.at] ?? '')) {
    const part = atom(reader);
    const times = repetitions(reader);
    whole = whole === undefined || part === undefined ? undefined : whole + part.repeat(times);
  }
  return whole;
}

/** Reads one character, class, escape or group. */
function atom(reader: Reader): string | undefined {
  const char = reader.text[reader.at++] ?? '';
  if (char === '^' || char === '$') return '';
  if (char === '.') return 'a';
  if (char === '[') return oneOfClass(reader);
  if (char === '\\') return escaped(reader.text[reader.at++] ?? '', reader);
  if (char !== '(') return char;
  const lead = /^\?(?::|<[A-Za-z_]\w*>|([=!]|<[=!]))/.exec(reader.text.slice(reader.at));
  reader.at += lead?.[0].length ?? 0;
  const inner = alternatives(reader);
  reader.at++;
  return lead?.[1] === undefined ? inner : undefined;
}

/** Reads the rest of an escape after its first character; undefined for a back reference. */
function escaped(char: string, reader: Reader): string | undefined {
  if (char === 'd') return '1';
  if (char === 'w') return 'a';
  if (char === 's') return ' ';
  if (char === 'D' || char === 'S') return 'a';
  if (char === 'W') return '-';
  if (char === 'b' || char === 'B') return '';
  const code = char === 'x' ? 2 : char === 'u' ? 4 : 0;
  if (code > 0) {
    const digits = reader.text.slice(reader.at, reader.at + code);
    reader.at += code;
    return /^[\da-f]+$/i.test(digits) ? String.fromCharCode(Number.parseInt(digits, 16)) : undefined;
  }
  if (char === 'p' || char === 'P') {
    const braces = /^\{[^}]*\}/.exec(reader.text.slice(reader.at))?.[0] ?? '';
    reader.at += braces.length;
    return char === 'p' && braces.startsWith('{N') ? '1' : 'a';
  }
  if (/[1-9k]/.test(char)) return undefined;
  return ({ n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', 0: '\0' } as Record<string, string>)[char] ?? char;
}

/** The first character of a class; of a negated one, a common character that is not in it. */
function oneOfClass(reader: Reader): string | undefined {
  const from = reader.at - 1;
  const negated = reader.text[reader.at] === '^';
  if (negated) reader.at++;
  let first: string | undefined;
  // A `]` at the very beginning is read as a character, although JavaScript reads an empty class.
  for (let start = true; start || reader.text[reader.at] !== ']'; start = false) {
    const char = reader.text[reader.at++];
    if (char === undefined) return undefined;
    const one = char === '\\' ? escaped(reader.text[reader.at++] ?? '', reader) : char;
    first ??= one;
  }
  reader.at++;
  if (!negated) return first;
  try {
    const fits = new RegExp(reader.text.slice(from, reader.at));
    return Array.from('a1-_ .x').find((char) => fits.test(char));
  } catch {
    // A class that only the flag "v" or "u" knows.
    return undefined;
  }
}

/** Reads a quantifier; gives the number of repetitions to write. */
function repetitions(reader: Reader): number {
  const quantifier = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(reader.text.slice(reader.at));
  if (quantifier === null) return 1;
  reader.at += quantifier[0].length;
  const [, sign, low, range, high] = quantifier;
  const least = sign === undefined ? Number(low) : sign === '+' ? 1 : 0;
  const most =
    sign === '?'
      ? 1
      : sign !== undefined
        ? Number.POSITIVE_INFINITY
        : range === undefined
          ? least
          : Number(high || Number.POSITIVE_INFINITY);
  return Math.min(most, 10_000, least + reader.more);
}
