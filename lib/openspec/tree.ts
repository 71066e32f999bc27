import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { createPauses } from '../common/pauses.ts';
import { childPointer } from '../common/json-pointer.ts';
import { SpecError } from '../errors.ts';
import { parseYaml } from './yaml.ts';

/** The object in a document's text; `warnings` in plain words. */
export interface ParsedText {
  document: JsonObject;
  warnings: string[];
}

/** No real document comes near. A deeper one overflows the stack of the functions that walk it. */
export const DEPTH_LIMIT = 500;

/** The object that a YAML text holds, as a finite tree. Holds the thread for 2 s a megabyte. Throws a SpecError. */
export async function treeOfYaml(source: string): Promise<ParsedText> {
  const { value, warnings } = await parseYaml(source, DEPTH_LIMIT);
  const document = rootOf(value);
  return { document, warnings: [...warnings, ...(await cleanTree(document))] };
}

/** The root of a document; a SpecError when it is no object. */
export function rootOf(value: JsonValue): JsonObject {
  if (isObject(value)) return value;
  const what = Array.isArray(value) ? 'a list' : typeof value === 'string' ? 'plain text' : String(value);
  throw new SpecError(`The document is ${what}, not an object.`);
}

/** The error for a document that is nested too deeply. */
export function tooDeep(): SpecError {
  return new SpecError(`The document is nested too deeply (over ${DEPTH_LIMIT} levels).`);
}

/** A YAML document may hold at most this many values, aliases written out. */
const NODE_LIMIT = 5_000_000;
/** A document has at most so many characters, aliases written out: as many as a body. */
const LENGTH_LIMIT = 64 * 1024 * 1024;

/**
 * Removes `__proto__` keys, and refuses cycles and values that grow without end. Resolves with warnings; other work runs in between.
 */
export async function cleanTree(value: JsonValue): Promise<string[]> {
  const path = new Set<object>();
  const warnings: string[] = [];
  let nodes = 0;
  let length = 0;
  const pause = createPauses();
  const walk = async (node: object, pointer: string): Promise<void> => {
    await pause();
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
      nodes += 1;
      length += key.length + (typeof child === 'string' ? child.length : 0);
      if (nodes > NODE_LIMIT || length > LENGTH_LIMIT) {
        throw new SpecError('The document has too many values, its YAML aliases written out.');
      }
      if (typeof child === 'object' && child !== null) {
        await walk(child, childPointer(pointer, key));
      }
    }
    path.delete(node);
  };
  if (typeof value === 'object' && value !== null) await walk(value, '');
  return warnings;
}
