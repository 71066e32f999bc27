import { isObject, type JsonObject, type JsonValue } from './json.ts';

/** A value after a JSON Merge Patch: null removes a member, objects are merged, anything else replaces [RFC 7396 2]. */
export function applyMergePatch(value: JsonValue, patch: JsonValue): JsonValue {
  return isObject(patch) ? applyObjectPatch(isObject(value) ? value : {}, patch) : patch;
}

/** The same for a patch that is an object, whose result is one too. */
export function applyObjectPatch(value: JsonObject, patch: JsonObject): JsonObject {
  const result: JsonObject = { ...value };
  for (const [key, change] of Object.entries(patch)) {
    if (change === undefined) continue;
    if (change === null) Reflect.deleteProperty(result, key);
    else result[key] = applyMergePatch(result[key] ?? null, change);
  }
  return result;
}
