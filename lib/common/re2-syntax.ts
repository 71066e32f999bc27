import type { AST } from '@eslint-community/regexpp';

/** A part of a pattern in the syntax of RE2, and about how many instructions it becomes. */
export interface Re2Text {
  text: string;
  size: number;
}

/** The white space of ECMAScript, as ranges [ECMA-262 22.2.2.9]; that of RE2 is ASCII only. */
const SPACES =
  '\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}';
const NO_SPACES =
  '\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}' +
  '\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}';
/** The characters that `.` stands for are all but these [ECMA-262 22.2.2.8]. */
const LINE_ENDS = '\\x{a}\\x{d}\\x{2028}\\x{2029}';
const ANY = '\\x{0}-\\x{10ffff}';
/** The most repetitions that RE2 takes. */
const REPEAT_MAX_COUNT = 1000;
/** The long names of general categories; RE2 has the short ones. */
const CATEGORIES: Readonly<Record<string, string>> = {
  Letter: 'L',
  Uppercase_Letter: 'Lu',
  Lowercase_Letter: 'Ll',
  Mark: 'M',
  Number: 'N',
  Decimal_Number: 'Nd',
  Punctuation: 'P',
  Symbol: 'S',
  Separator: 'Z',
  Other: 'C',
};

/** Thrown for a part of a pattern that RE2 has not: look-around, back references, and repetitions above its limit. */
export class NotLinear extends Error {}

/** A list of elements in the syntax of RE2. Throws `NotLinear`. Groups capture nothing: only whether a text matches is asked. */
export function re2Of(elements: readonly AST.Element[]): Re2Text {
  const parts = elements.map(elementOf);
  return {
    text: parts.map(({ text }) => text).join(''),
    size: parts.reduce((sum, { size }) => sum + size, 0),
  };
}

/** Alternatives as one group. */
export function re2GroupOf(alternatives: readonly AST.Alternative[]): Re2Text {
  const parts = alternatives.map(({ elements }) => re2Of(elements));
  return {
    text: `(?:${parts.map(({ text }) => text).join('|')})`,
    size: parts.reduce((sum, { size }) => sum + size + 1, 0),
  };
}

/** Whether an element is one character of the text, whichever it may be. */
export function isOneCharacter(element: AST.Element): boolean {
  return ['Character', 'CharacterSet', 'CharacterClass'].includes(element.type);
}

function elementOf(element: AST.Element): Re2Text {
  switch (element.type) {
    case 'Character':
      return { text: characterOf(element.value), size: 1 };
    case 'CharacterSet':
      return { text: `[${setOf(element)}]`, size: 1 };
    case 'CharacterClass':
      return { text: classOf(element), size: 1 };
    case 'CapturingGroup':
      return re2GroupOf(element.alternatives);
    case 'Group':
      if (element.modifiers) throw new NotLinear();
      return re2GroupOf(element.alternatives);
    case 'Quantifier':
      return repeatOf(element);
    case 'Assertion':
      return assertionOf(element);
    case 'Backreference':
    case 'ExpressionCharacterClass':
      throw new NotLinear();
  }
}

function assertionOf(assertion: AST.Assertion): Re2Text {
  switch (assertion.kind) {
    case 'start':
      return { text: '\\A', size: 1 };
    case 'end':
      return { text: '\\z', size: 1 };
    case 'word':
      return { text: assertion.negate ? '\\B' : '\\b', size: 1 };
    case 'lookahead':
    case 'lookbehind':
      throw new NotLinear();
  }
}

function repeatOf({ element, min, max }: AST.Quantifier): Re2Text {
  const isEndless = max === Number.POSITIVE_INFINITY;
  if (min > REPEAT_MAX_COUNT || (!isEndless && max > REPEAT_MAX_COUNT)) throw new NotLinear();
  const inner = elementOf(element);
  const times = isEndless ? (min === 0 ? '*' : `{${min},}`) : `{${min},${max}}`;
  return { text: `(?:${inner.text})${times}`, size: inner.size * (isEndless ? min + 1 : max) + 1 };
}

function classOf({ negate, elements }: AST.CharacterClass): string {
  if (elements.length === 0) return negate ? `[${ANY}]` : `[^${ANY}]`;
  const parts = elements.map((part) => {
    if (part.type === 'Character') return characterOf(part.value);
    if (part.type === 'CharacterClassRange')
      return `${characterOf(part.min.value)}-${characterOf(part.max.value)}`;
    if (part.type === 'CharacterSet') return setOf(part);
    throw new NotLinear();
  });
  return `[${negate ? '^' : ''}${parts.join('')}]`;
}

/** A set of characters, as it stands inside a class. */
function setOf(set: AST.CharacterSet): string {
  switch (set.kind) {
    case 'any':
      return `^${LINE_ENDS}`;
    case 'digit':
      return set.negate ? '\\D' : '\\d';
    case 'word':
      return set.negate ? '\\W' : '\\w';
    case 'space':
      return set.negate ? NO_SPACES : SPACES;
    case 'property': {
      const name = set.value ?? CATEGORIES[set.key] ?? set.key;
      return `\\${set.negate ? 'P' : 'p'}{${CATEGORIES[name] ?? name}}`;
    }
  }
}

function characterOf(value: number): string {
  return `\\x{${value.toString(16)}}`;
}
