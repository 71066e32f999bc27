import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { childPointer } from '../common/json-pointer.ts';
import { messageOf, SpecError } from '../errors.ts';
import { parseYaml } from './yaml.ts';

/** The object in a document's text; `warnings` in plain words. */
interface ParsedText {
  document: JsonObject;
  warnings: string[];
}

/** No real document comes near. A deeper one overflows the stack of the functions that walk it. */
const DEPTH_LIMIT = 500;

/** The search for the place of a fault parses the text some twenty times. It is not done for a longer text. */
const POSITION_MAX_CHARS = 2 * 1024 * 1024;

/**
 * The object that a document's text holds, JSON or YAML. It is a finite tree of at most 500 levels without cycles and
 * without keys that reach a prototype. Throws a SpecError with line and column when the text is neither.
 */
export async function parseText(text: string): Promise<ParsedText> {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (source.trim() === '') throw new SpecError('The document is empty.');
  const json = parseJson(source);
  if (json.fault === undefined) {
    // The walk is only paid when the text can hold the one dangerous key.
    const warnings = /__proto__|\\u005f/i.test(source) ? clean(json.value) : [];
    return { document: root(json.value), warnings };
  }
  // A quoted first key is JSON, so its fault is the one to tell; a YAML parser would only hide it.
  if (/^\s*(\{\s*["}]|\[)/.test(source)) throw json.fault;
  const { value, warnings } = await parseYaml(source, DEPTH_LIMIT);
  const document = root(value);
  return { document, warnings: [...warnings, ...clean(document)] };
}

function root(value: JsonValue): JsonObject {
  if (isObject(value)) return value;
  const what = Array.isArray(value) ? 'a list' : typeof value === 'string' ? 'plain text' : String(value);
  throw new SpecError(`The document is ${what}, not an object.`);
}

/** Parses JSON; a fault has its line and column. */
function parseJson(source: string): { value: JsonValue; fault?: undefined } | { fault: SpecError } {
  let value: JsonValue;
  try {
    value = JSON.parse(source) as JsonValue;
  } catch (error) {
    const message = messageOf(error);
    const at = positionOf(source, message);
    const plain = message.replace(/ (in JSON )?at position.*$/s, '').replace(/, .* is not valid JSON$/s, '');
    const detail = at === undefined ? plain : `${place(source, at)}: ${plain}`;
    return {
      fault: new SpecError(`The document is not valid JSON: ${detail}`, [{ pointer: '', detail }], error),
    };
  }
  if (isDeep(source)) throw tooDeep();
  return { value };
}

/** The index at which the parser stopped. Node 20 does not give it for an unexpected character; it is the longest valid beginning then. */
function positionOf(source: string, message: string): number | undefined {
  const told = /at position (\d+)/.exec(message)?.[1];
  if (told !== undefined) return Number(told);
  if (!isUnexpected(message)) return source.length;
  if (source.length > POSITION_MAX_CHARS) return undefined;
  let good = 0;
  let bad = source.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      JSON.parse(source.slice(0, middle));
      good = middle;
    } catch (error) {
      if (isUnexpected(messageOf(error))) bad = middle;
      else good = middle;
    }
  }
  return good;
}

function isUnexpected(message: string): boolean {
  return message.startsWith("Unexpected token '") && !/at position/.test(message);
}

/** Whether valid JSON nests deeper than the limit; on the text, since a walk over the values costs more than parsing them. */
function isDeep(source: string): boolean {
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const char = source.charCodeAt(i);
    if (char === 0x22) i = endOfString(source, i);
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > DEPTH_LIMIT) return true;
    } else if (char === 0x7d || char === 0x5d) depth--;
  }
  return false;
}

/** The index of the quotation mark that ends a string; a mark behind an odd number of backslashes does not. */
function endOfString(source: string, start: number): number {
  for (let end = source.indexOf('"', start + 1); ; end = source.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (source.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}

/** The error for a document that is nested too deeply. */
function tooDeep(): SpecError {
  return new SpecError(`The document is nested too deeply (over ${DEPTH_LIMIT} levels).`);
}

function place(source: string, at: number): string {
  const before = source.slice(0, at);
  return `line ${before.split('\n').length}, column ${at - before.lastIndexOf('\n')}`;
}

/** A YAML document may hold at most this many values, aliases written out. */
const NODE_LIMIT = 5_000_000;

/** Removes `__proto__` keys, and refuses cycles and values that grow without end. Returns warnings. */
function clean(value: JsonValue): string[] {
  const path = new Set<object>();
  const warnings: string[] = [];
  let nodes = 0;
  const walk = (node: object, pointer: string): void => {
    if (path.size >= DEPTH_LIMIT) throw tooDeep();
    if (path.has(node)) {
      throw new SpecError('The document contains itself (a YAML alias inside its own anchor).', [
        { pointer, detail: 'refers to a value that it is part of' },
      ]);
    }
    path.add(node);
    if (Object.hasOwn(node, '__proto__')) {
      Reflect.deleteProperty(node, '__proto__');
      warnings.push(`The key "__proto__" at ${pointer === '' ? 'the root' : pointer} was left out.`);
    }
    for (const [key, child] of Object.entries(node) as [string, JsonValue][]) {
      if (++nodes > NODE_LIMIT) {
        throw new SpecError('The document has too many values, its YAML aliases written out.');
      }
      if (typeof child === 'object' && child !== null) {
        walk(child, childPointer(pointer, key));
      }
    }
    path.delete(node);
  };
  if (typeof value === 'object' && value !== null) walk(value, '');
  return warnings;
}
