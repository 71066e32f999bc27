import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';

/** A JSON merge patch applied to a document: null takes a member away, objects are merged, anything else replaces [RFC 7396]. */
export function mergePatch(document: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = { ...document };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete merged[name];
    else merged[name] = patched(merged[name], value);
  }
  return merged;
}

function patched(before: JsonValue | undefined, value: JsonValue): JsonValue {
  return isObject(value) ? mergePatch(isObject(before) ? before : {}, value) : value;
}
