import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';

// Real documents hold anything anywhere. These functions read a value of the right type and ignore any other.

/** The object under a key. */
export function objectAt(node: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = own(node, key);
  return isObject(value) ? value : undefined;
}

/** The non-empty text under a key. */
export function textAt(node: JsonObject | undefined, key: string): string | undefined {
  const value = own(node, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The words under a key, without white space around them; undefined for a text of white space. */
export function saidAt(node: JsonObject | undefined, key: string): string | undefined {
  const text = textAt(node, key)?.trim();
  return text === '' ? undefined : text;
}

/** The list under a key; empty when there is none. */
export function listAt(node: JsonObject | undefined, key: string): JsonValue[] {
  const value = own(node, key);
  return Array.isArray(value) ? value : [];
}

/** The texts of the list under a key. */
export function textsAt(node: JsonObject | undefined, key: string): string[] {
  return listAt(node, key).filter((item) => typeof item === 'string');
}

/** The boolean under a key. */
export function flagAt(node: JsonObject | undefined, key: string): boolean | undefined {
  const value = own(node, key);
  return typeof value === 'boolean' ? value : undefined;
}

/** The value under a key of the object itself, never one inherited. */
export function own(node: JsonObject | undefined, key: string): JsonValue | undefined {
  return node !== undefined && Object.hasOwn(node, key) ? node[key] : undefined;
}
