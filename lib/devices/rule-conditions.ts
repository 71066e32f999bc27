import { formatExactly } from '../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { memberAt, parsePointer } from '../common/json-pointer.ts';
import { linearPattern, type LinearPattern } from '../common/linear-pattern.ts';
import type { ArgumentTest } from './rule-schema.ts';

/**
 * Whether arguments meet a condition. `unclear` is the answer for a value that cannot be compared, such as the text "hot" with a
 * number: the rule then counts where it is the stricter answer, and does not count where it is the milder one.
 */
export type Match = 'yes' | 'no' | 'unclear';

/** A condition over the arguments of a call. An argument that is missing does not meet it. */
export type Condition = (args: JsonObject) => Match;

/** The keys of an argument that is given by its top-level name, or by a JSON pointer. */
export function keysOf(argument: string): readonly string[] {
  return argument.startsWith('/') ? parsePointer(argument)! : [argument];
}

/** The value of an argument; undefined when it is missing. */
export function argumentAt(args: JsonObject, keys: readonly string[]): JsonValue | undefined {
  return memberAt(args, keys);
}

/** A value as a number, also when it is a text of digits, as some models write; undefined for any other value. */
export function readNumber(value: JsonValue | undefined): number | bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value))
    return undefined;
  const number = Number(value);
  // A whole number that no JavaScript number holds exactly.
  if (/^\s*-?\d+\s*$/.test(value) && !Number.isSafeInteger(number)) return BigInt(value.trim());
  return Number.isFinite(number) ? number : undefined;
}

/** As `readNumber`; a bigint is rounded to the nearest number. */
export function numberOf(value: JsonValue | undefined): number | undefined {
  const number = readNumber(value);
  return number === undefined ? undefined : Number(number);
}

/** All tests of all arguments as one condition. */
export function conditionOf(when: Readonly<Record<string, ArgumentTest>> = {}): Condition {
  const conditions = Object.entries(when).map(([argument, test]) => {
    const keys = keysOf(argument);
    const tests = testsOf(test);
    return (args: JsonObject): Match => {
      const value = argumentAt(args, keys);
      return value === undefined ? 'no' : every(tests, (each) => each(value));
    };
  });
  return (args) => every(conditions, (condition) => condition(args));
}

/** One `no` decides; without any, one `unclear` does. */
function every<T>(items: readonly T[], matchOf: (item: T) => Match): Match {
  let all: Match = 'yes';
  for (const item of items) {
    const match = matchOf(item);
    if (match === 'no') return 'no';
    if (match === 'unclear') all = 'unclear';
  }
  return all;
}

type ValueTest = (value: JsonValue) => Match;

function testsOf({ above, below, equals, in: choices, matches }: ArgumentTest): ValueTest[] {
  const tests: ValueTest[] = [];
  if (above !== undefined) tests.push(compared((value) => value > above));
  if (below !== undefined) tests.push(compared((value) => value < below));
  if (equals !== undefined) tests.push((value) => yesOrNo(isSame(value, equals)));
  if (choices !== undefined) tests.push((value) => yesOrNo(choices.some((choice) => isSame(value, choice))));
  const pattern = matches === undefined ? undefined : linearPattern(matches);
  if (pattern !== undefined) tests.push((value) => matchText(pattern, value));
  return tests;
}

/** A test by a comparison. JavaScript compares a bigint with a number exactly. */
function compared(holds: (value: number | bigint) => boolean): ValueTest {
  return (value) => {
    const number = readNumber(value);
    return number === undefined ? 'unclear' : yesOrNo(holds(number));
  };
}

/** A number or a boolean is tested as JSON writes it. A text that is too long for its pattern is `unclear`. */
function matchText(pattern: LinearPattern, value: JsonValue): Match {
  if (typeof value === 'object') return 'unclear';
  const text = typeof value === 'string' ? value : formatExactly(value);
  return pattern.reads(text) ? yesOrNo(pattern.test(text)) : 'unclear';
}

function yesOrNo(holds: boolean): Match {
  return holds ? 'yes' : 'no';
}

/** Whether two values are the same. A text is the same as the number, or as true or false, that it spells. */
function isSame(one: JsonValue, other: JsonValue): boolean {
  if (one === other) return true;
  if (Array.isArray(one))
    return (
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((item, index) => isSame(item, other[index]!))
    );
  if (isObject(one)) {
    if (!isObject(other)) return false;
    const keys = Object.keys(one);
    return (
      keys.length === Object.keys(other).length &&
      keys.every((key) => Object.hasOwn(other, key) && isSame(one[key]!, other[key]!))
    );
  }
  if (typeof one === 'object' || typeof other === 'object') return false;
  if (typeof one === 'boolean' || typeof other === 'boolean') return String(one) === String(other);
  if (typeof one === 'string' && typeof other === 'string') return false;
  const [a, b] = [readNumber(one), readNumber(other)];
  // `===` never holds between a bigint and a number.
  return a !== undefined && b !== undefined && !(a < b) && !(a > b);
}
