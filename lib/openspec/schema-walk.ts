import type { JsonObject, JsonValue } from '../common/json.ts';
import { isObject } from '../common/json.ts';

/** What a ref to one of a tool's own definitions begins with. */
export const DEFS = '#/$defs/';

/** The definition that a converted schema refers to. */
export function nameOfRef(schema: JsonObject): string | undefined {
  const { $ref } = schema;
  return typeof $ref === 'string' ? $ref.slice(DEFS.length) : undefined;
}

/**
 * A converted schema with `change` applied to each schema directly inside it; the same object when nothing changed.
 * Only these keywords of a converted schema hold schemas, so that data in `enum` and `default` is never touched.
 */
export function mapInner(schema: JsonObject, change: (inner: JsonObject) => JsonObject): JsonObject {
  const fresh: JsonObject = {};
  const one = (key: string): void => {
    const inner = schema[key];
    if (!isObject(inner)) return;
    const changed = change(inner);
    if (changed !== inner) fresh[key] = changed;
  };
  one('items');
  one('additionalProperties');
  for (const key of ['anyOf', 'allOf']) {
    const list = schema[key];
    if (!Array.isArray(list)) continue;
    const changed = list.map((inner) => change(inner as JsonObject));
    if (changed.some((inner, index) => inner !== list[index])) fresh[key] = changed;
  }
  const { properties } = schema;
  if (isObject(properties)) {
    let changed: JsonObject | undefined;
    for (const [name, inner] of Object.entries(properties)) {
      const made = change(inner as JsonObject);
      if (made === inner) continue;
      changed ??= { ...properties };
      changed[name] = made;
    }
    if (changed !== undefined) fresh['properties'] = changed;
  }
  for (const _ in fresh) return { ...schema, ...fresh };
  return schema;
}

/** The names of the definitions that a converted schema refers to, each once, in order. */
export function usesOf(schema: JsonObject): string[] {
  const names = new Set<string>();
  const visit = (inner: JsonObject): JsonObject => {
    const name = nameOfRef(inner);
    if (name !== undefined) names.add(name);
    return mapInner(inner, visit);
  };
  visit(schema);
  return [...names];
}

/** The names that a converted schema refers to for the same value: not one inside it. */
export function usesInPlace(schema: JsonObject): string[] {
  const names: string[] = [];
  const name = nameOfRef(schema);
  if (name !== undefined) names.push(name);
  for (const key of ['anyOf', 'allOf']) {
    const list = schema[key];
    if (Array.isArray(list)) for (const inner of list) names.push(...usesInPlace(inner as JsonObject));
  }
  return names;
}

/** Writes definitions out where they are used, where `content` has one; what stands beside the ref wins. */
export function writeOut(schema: JsonObject, content: (name: string) => JsonObject | undefined): JsonObject {
  const visit = (inner: JsonObject): JsonObject => {
    const name = nameOfRef(inner);
    const found = name === undefined ? undefined : content(name);
    if (found === undefined) return mapInner(inner, visit);
    const { $ref: _, ...beside } = inner;
    return { ...found, ...beside };
  };
  return visit(schema);
}

/** The length of a value's JSON text in UTF-8. */
export function bytesOf(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** A text of at most `max` characters, cut between words with an ellipsis. */
export function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max - 1);
  const space = cut.search(/\s+\S*$/);
  // Half of a surrogate pair is no character.
  return `${(space > max * 0.6 ? cut.slice(0, space) : cut).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
