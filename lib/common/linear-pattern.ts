import { createRequire } from 'node:module';
import type { AST } from '@eslint-community/regexpp';
import { LRUCache } from 'lru-cache';
import { re2GroupOf, isOneCharacter, NotLinear, re2Of, type Re2Text } from './re2-syntax.ts';

/** A longer pattern is not run. */
const PATTERN_MAX_LENGTH = 2000;
/** Nor is one of more instructions, its repetitions written out. */
const SIZE_MAX = 2000;
/** Instructions × characters of one test: about 25 ms. A small pattern takes much less, so its limit is the text alone. */
const STEPS_MAX_COUNT = 2_000_000;
const SMALL_SIZE = 16;
const SMALL_TEXT_MAX_LENGTH = 2_000_000;
/** The memory of one pattern's states. */
const STATES_MAX_BYTES = 256 * 1024;
const KEPT_MAX_COUNT = 200;

/** A pattern out of a document or another foreign text. */
export interface LinearPattern {
  /**
   * Whether the pattern is found in a text, in a time that grows with the text's length only. A text that is too long for
   * its pattern does not match.
   */
  test(text: string): boolean;
  /** Whether a text is short enough for its pattern. */
  reads(text: string): boolean;
}

/** One test of a pattern: the text has to match, or must not. */
interface Step {
  size: number;
  wanted: boolean;
  match(text: string): boolean;
}

const kept = new LRUCache<string, LinearPattern | NotLinear>({ max: KEPT_MAX_COUNT });
const load = createRequire(import.meta.url);
let engine: typeof import('re2js') | undefined;
let syntax: typeof import('@eslint-community/regexpp') | undefined;

/**
 * A pattern of JSON Schema [ECMA-262 22.2] for foreign texts, on RE2. Undefined for a pattern that is wrong or has no linear
 * time: with back references, with look-around other than look-ahead at its beginning, or too large. `mode`: `unicode` is the
 * flag `u`; `loose` takes the older syntax of browsers, too.
 */
export function linearPattern(
  pattern: string,
  mode: 'unicode' | 'loose' = 'unicode',
): LinearPattern | undefined {
  const key = `${mode} ${pattern}`;
  let known = kept.get(key);
  if (known === undefined) kept.set(key, (known = compile(pattern, mode)));
  return known instanceof NotLinear ? undefined : known;
}

/** The texts of the groups of a pattern in a text; undefined when it does not match. */
export type LinearParts = (text: string) => (string | undefined)[] | undefined;

/** The groups of a pattern of our own that has foreign words in it. It has only what RE2 and ECMAScript read in one way. */
export function linearParts(pattern: string): LinearParts {
  engine ??= load('re2js') as typeof import('re2js');
  const compiled = engine.RE2JS.compile(pattern);
  return (text) => compiled.exec(text)?.slice(1);
}

function compile(pattern: string, mode: 'unicode' | 'loose'): LinearPattern | NotLinear {
  if (pattern.length > PATTERN_MAX_LENGTH) return new NotLinear();
  // Loaded with the first pattern: most programs never see one, and it takes 30 ms.
  syntax ??= load('@eslint-community/regexpp') as typeof import('@eslint-community/regexpp');
  engine ??= load('re2js') as typeof import('re2js');
  try {
    const parser = new syntax.RegExpParser({ strict: mode === 'unicode' });
    const { alternatives } = parser.parsePattern(pattern, undefined, undefined, {
      unicode: mode === 'unicode',
    });
    return ofSteps(stepsOf(alternatives));
  } catch (error) {
    if (error instanceof NotLinear) return error;
    if (error instanceof Error && /Syntax/.test(error.constructor.name)) return new NotLinear();
    throw error;
  }
}

function ofSteps(steps: readonly Step[]): LinearPattern {
  const reads = (text: string): boolean => steps.every(({ size }) => isShortEnough(text, size));
  return {
    reads,
    test: (text) => reads(text) && steps.every(({ wanted, match }) => match(text) === wanted),
  };
}

function isShortEnough({ length }: string, size: number): boolean {
  return size * length <= STEPS_MAX_COUNT || (size <= SMALL_SIZE && length <= SMALL_TEXT_MAX_LENGTH);
}

/** The tests that are the pattern together. A look-ahead at the beginning is a test of its own. */
function stepsOf(alternatives: readonly AST.Alternative[]): Step[] {
  const [only, ...others] = alternatives;
  if (!only || others.length > 0) return [stepOf(re2GroupOf(alternatives), true)];
  const [first, ...rest] = only.elements;
  if (first?.type !== 'Assertion' || first.kind !== 'start') return [stepOf(re2Of(only.elements), true)];
  const steps: Step[] = [];
  let at = 0;
  for (; at < rest.length; at += 1) {
    const ahead = rest[at];
    if (ahead?.type !== 'Assertion' || ahead.kind !== 'lookahead') break;
    const { text, size } = re2GroupOf(ahead.alternatives);
    steps.push(stepOf({ text: `\\A${text}`, size }, !ahead.negate));
  }
  return [...steps, ...bodyOf(first, rest.slice(at))];
}

/** The rest of a pattern after its `^`. One repeated character up to the end is counted, however often it may be repeated. */
function bodyOf(start: AST.Element, rest: readonly AST.Element[]): Step[] {
  const [repeated, end, more] = rest;
  const isWhole = end?.type === 'Assertion' && end.kind === 'end' && more === undefined;
  if (!isWhole || repeated?.type !== 'Quantifier' || !isOneCharacter(repeated.element))
    return [stepOf(re2Of([start, ...rest]), true)];
  const { min, max, element } = repeated;
  const { text } = re2Of([element]);
  const count = { size: 1, wanted: true, match: (said: string) => isBetween(countOf(said), min, max) };
  return [count, stepOf({ text: `\\A${text}*\\z`, size: 4 }, true)];
}

function isBetween(count: number, min: number, max: number): boolean {
  return count >= min && count <= max;
}

/** The characters of a text; one outside of the BMP counts once. */
function countOf(text: string): number {
  let count = 0;
  for (const char of text) count += char === '' ? 0 : 1;
  return count;
}

function stepOf({ text, size }: Re2Text, wanted: boolean): Step {
  if (size > SIZE_MAX || !engine) throw new NotLinear();
  const { RE2Set } = engine;
  const set = new RE2Set(RE2Set.UNANCHORED, 0, STATES_MAX_BYTES);
  set.add(text);
  set.compile();
  return { size, wanted, match: (said) => set.match(said).length > 0 };
}
