/** A JSON value. Only the arguments of a call and a seed may hold a bigint: a whole number that a JavaScript number cannot hold (`exact-numbers`). */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonObject;

/** A JSON object; a property may be absent, never a function or a symbol. */
export interface JsonObject {
  [key: string]: JsonValue | undefined;
}

/** True for a plain JSON object (no array, no null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
