import type { JsonObject, JsonValue } from '../common/json.ts';
import { isObject } from '../common/json.ts';

const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];

/**
 * One converted schema for what both ask (allOf), the second's words where both describe. What two schemas cannot say
 * together in one stays as `allOf`; closed objects are opened, since neither knows the other's members.
 */
export function mergeSchemas(a: JsonObject, b: JsonObject): JsonObject {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  const merged: JsonObject = { ...a, ...b };
  const apart: JsonValue[] = [];

  if (a['$ref'] !== undefined || b['$ref'] !== undefined) return keepApart(a, b);
  if (a['type'] !== undefined && b['type'] !== undefined) {
    const types = commonTypes(listOf(a['type']), listOf(b['type']));
    if (types.length === 0) delete merged['type'];
    else merged['type'] = types.length === 1 ? types[0] : types;
  }
  if (isObject(a['properties']) && isObject(b['properties'])) {
    const properties: JsonObject = { ...a['properties'] };
    for (const [name, schema] of Object.entries(b['properties'])) {
      const first = Object.hasOwn(properties, name) ? properties[name] : undefined;
      properties[name] = isObject(first) && isObject(schema) ? mergeSchemas(first, schema) : schema;
    }
    merged['properties'] = properties;
  }
  if (Array.isArray(a['required']) && Array.isArray(b['required'])) {
    merged['required'] = [...new Set([...a['required'], ...b['required']])];
  }
  if (a['additionalProperties'] === false || b['additionalProperties'] === false) {
    delete merged['additionalProperties'];
  }
  if (isObject(a['items']) && isObject(b['items'])) merged['items'] = mergeSchemas(a['items'], b['items']);
  if (Array.isArray(a['enum']) && Array.isArray(b['enum'])) {
    const known = new Set(b['enum'].map((value) => JSON.stringify(value)));
    const both = a['enum'].filter((value) => known.has(JSON.stringify(value)));
    if (both.length > 0) merged['enum'] = both;
  }
  for (const key of UPPER) tighten(merged, a, b, key, Math.min);
  for (const key of LOWER) tighten(merged, a, b, key, Math.max);
  if (Array.isArray(a['anyOf']) && Array.isArray(b['anyOf'])) {
    merged['anyOf'] = a['anyOf'];
    apart.push({ anyOf: b['anyOf'] });
  }
  const allOf = [...listOf(a['allOf']), ...listOf(b['allOf']), ...apart];
  if (allOf.length > 0) merged['allOf'] = allOf;
  return merged;
}

function keepApart(a: JsonObject, b: JsonObject): JsonObject {
  if (JSON.stringify(a) === JSON.stringify(b)) return a;
  return { allOf: [...asMembers(a), ...asMembers(b)] };
}

function asMembers(schema: JsonObject): JsonValue[] {
  const { allOf } = schema;
  return Array.isArray(allOf) && Object.keys(schema).length === 1 ? allOf : [schema];
}

function isEmpty(schema: JsonObject): boolean {
  return Object.keys(schema).length === 0;
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

function commonTypes(a: JsonValue[], b: JsonValue[]): JsonValue[] {
  const both = a.filter((type) => b.includes(type));
  if ((a.includes('integer') && b.includes('number')) || (a.includes('number') && b.includes('integer'))) {
    if (!both.includes('integer') && !both.includes('number')) both.push('integer');
  }
  return both;
}

function tighten(
  merged: JsonObject,
  first: JsonObject,
  second: JsonObject,
  key: string,
  pick: (a: number, b: number) => number,
): void {
  const a = first[key];
  const b = second[key];
  if (typeof a === 'number' && typeof b === 'number') merged[key] = pick(a, b);
}
