import { unknownKey } from '../../common/coded-fault.ts';
import { parsePointer } from '../../common/json-pointer.ts';
import type { RouteSchema } from '../../server/mount.ts';

/** Nobody reads more warnings, and a body may have many thousands of unknown fields. */
const WARNINGS_MAX_COUNT = 20;

/** A sentence for each ignored field of a body: its JSON pointer, and the field that was meant. */
export function ignoredFieldWarnings(schema: RouteSchema, ignored: readonly string[]): string[] {
  return ignored.slice(0, WARNINGS_MAX_COUNT).map((pointer) => {
    const keys = parsePointer(pointer) ?? [];
    return `${pointer} ${unknownKey(keys.at(-1) ?? '', fieldsAt(schema, keys.slice(0, -1)))}`;
  });
}

/** The names of the fields that the schema knows at a place. */
function fieldsAt(schema: RouteSchema, keys: readonly string[]): string[] {
  let node: RouteSchema = schema;
  for (const key of keys) {
    const properties = (node['properties'] ?? {}) as Record<string, RouteSchema>;
    // A list has one schema for all of its items, and a map (`credentials`) one for all of its values.
    const inner = node['items'] ?? properties[key] ?? node['additionalProperties'] ?? {};
    node = inner as RouteSchema;
  }
  return Object.keys(node['properties'] ?? {});
}
