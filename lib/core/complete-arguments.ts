import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { valueAtFragment } from '../common/json-pointer.ts';
import type { JsonSchema } from './tool.ts';

/** A schema may lead to itself; arguments that are nested more deeply are left as they are. */
const DEPTH_MAX = 32;

/**
 * The arguments of a call as the model meant them, at every depth of the schema:
 * - `null` for an optional property whose schema does not allow null means "not given": the property is left out.
 * - A required property that is missing and has a `default` gets it.
 *
 * Everything else stays as it is, for the check to refuse. The same object comes back when nothing changes.
 */
export function completeArguments(schema: JsonSchema, args: JsonObject): JsonObject {
  return completeObject({ root: schema, depth: 0 }, schema, args);
}

interface Place {
  /** The whole schema, in which `$ref` leads to a place. */
  root: JsonSchema;
  depth: number;
}

function complete(place: Place, schema: JsonValue | undefined, value: JsonValue): JsonValue {
  const node = resolve(place, schema);
  if (!node || place.depth > DEPTH_MAX) return value;
  const inner = { ...place, depth: place.depth + 1 };
  if (isObject(value)) return completeObject(inner, node, value);
  if (!Array.isArray(value)) return value;
  const items = value.map((item) => complete(inner, node['items'], item));
  return items.some((item, index) => item !== value[index]) ? items : value;
}

function completeObject(place: Place, schema: JsonObject, object: JsonObject): JsonObject {
  const parts = [...partsOf(place, schema)];
  const required = new Set(
    parts.flatMap((part) => (Array.isArray(part['required']) ? part['required'] : [])),
  );
  const changed: JsonObject = { ...object };
  let isChanged = false;
  for (const part of parts)
    for (const [name, property] of Object.entries(isObject(part['properties']) ? part['properties'] : {})) {
      const value = Object.hasOwn(changed, name) ? changed[name] : undefined;
      const next = completeProperty(place, property, value, required.has(name));
      if (next === value) continue;
      isChanged = true;
      if (next === undefined) delete changed[name];
      else changed[name] = next;
    }
  return isChanged ? changed : object;
}

/** A schema, and every schema that holds beside it by `allOf`. Each is in the set once, also where it leads to itself. */
function partsOf(place: Place, schema: JsonObject, parts = new Set<JsonObject>()): Set<JsonObject> {
  if (parts.has(schema)) return parts;
  parts.add(schema);
  for (const part of Array.isArray(schema['allOf']) ? schema['allOf'] : []) {
    const node = resolve(place, part);
    if (node) partsOf(place, node, parts);
  }
  return parts;
}

function completeProperty(
  place: Place,
  schema: JsonValue | undefined,
  value: JsonValue | undefined,
  isRequired: boolean,
): JsonValue | undefined {
  if (value === undefined) return isRequired ? resolve(place, schema)?.['default'] : undefined;
  if (value === null) return isRequired || allowsNull(place, schema) ? null : undefined;
  return complete(place, schema, value);
}

/** Whether null fits a schema. A schema that says nothing about types allows everything. `known`: the schemas that were looked at. */
function allowsNull(
  place: Place,
  schema: JsonValue | undefined,
  known = new Map<JsonObject, boolean>(),
): boolean {
  const node = resolve(place, schema);
  if (!node) return true;
  const before = known.get(node);
  if (before !== undefined) return before;
  known.set(node, true); // a schema that leads to itself says nothing more there
  const allows = fitsNull(node, (part) => allowsNull(place, part, known));
  known.set(node, allows);
  return allows;
}

function fitsNull(node: JsonObject, allows: (part: JsonValue) => boolean): boolean {
  const { type, nullable } = node;
  if (nullable === true) return true;
  if (type !== undefined && type !== 'null' && !(Array.isArray(type) && type.includes('null'))) return false;
  if (Array.isArray(node['enum']) && !node['enum'].includes(null)) return false;
  if (node['const'] !== undefined && node['const'] !== null) return false;
  const choices = [node['anyOf'], node['oneOf']].filter((list) => Array.isArray(list));
  if (choices.some((list) => !list.some(allows))) return false;
  const parts = Array.isArray(node['allOf']) ? node['allOf'] : [];
  return parts.every(allows);
}

/** The schema object behind a `$ref` into the same schema; undefined for `true`, `false` and a `$ref` that leads nowhere. */
function resolve({ root }: Place, schema: JsonValue | undefined): JsonObject | undefined {
  let node = schema;
  for (let hops = 0; isObject(node) && typeof node['$ref'] === 'string'; hops += 1) {
    if (hops > DEPTH_MAX || !node['$ref'].startsWith('#')) return undefined;
    node = valueAtFragment(root, node['$ref'].slice(1));
  }
  return isObject(node) ? node : undefined;
}
