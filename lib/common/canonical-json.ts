import { formatExactly } from './exact-numbers.ts';
import { isObject, type JsonValue } from './json.ts';

/** JSON text in which the keys of every object are sorted: the same value gives the same text. A bigint is written as its digits. */
export function canonicalJson(value: JsonValue): string {
  return formatExactly(sorted(value));
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).toSorted();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key]!)]));
}
