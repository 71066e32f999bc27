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
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const changed: JsonObject = { ...object };
  let isChanged = false;
  for (const [name, property] of Object.entries(properties)) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    const next = completeProperty(place, property, value, required.includes(name));
    if (next === value) continue;
    isChanged = true;
    if (next === undefined) delete changed[name];
    else changed[name] = next;
  }
  return isChanged ? changed : object;
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

/** Whether null fits a schema. A schema that says nothing about types allows everything. */
function allowsNull(place: Place, schema: JsonValue | undefined): boolean {
  const node = resolve(place, schema);
  if (!node || place.depth > DEPTH_MAX) return true;
  const inner = { ...place, depth: place.depth + 1 };
  const { type, nullable } = node;
  if (nullable === true) return true;
  if (type !== undefined && type !== 'null' && !(Array.isArray(type) && type.includes('null'))) return false;
  if (Array.isArray(node['enum']) && !node['enum'].includes(null)) return false;
  if (node['const'] !== undefined && node['const'] !== null) return false;
  const choices = [node['anyOf'], node['oneOf']].filter((list) => Array.isArray(list));
  if (choices.some((list) => !list.some((one) => allowsNull(inner, one)))) return false;
  const parts = Array.isArray(node['allOf']) ? node['allOf'] : [];
  return parts.every((part) => allowsNull(inner, part));
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
