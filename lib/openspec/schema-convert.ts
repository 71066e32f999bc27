import type { JsonObject, JsonValue } from '../common/json.ts';
import { isObject } from '../common/json.ts';
import { mergeSchemas } from './schema-merge.ts';
import { DEFS, nameOfRef, shorten } from './schema-walk.ts';

/** What the conversion of one schema needs to know of its document. */
export interface SchemaPlace {
  warn(text: string): void;
  /** The definition that a $ref leads to, through refs that are nothing but refs; undefined when it leads nowhere. */
  define(ref: string, base: string): string | undefined;
  /** The key that stands for a member's name. */
  key(name: string): string;
  /** A definition's converted content; undefined while it is being made (it contains itself) or too far down. */
  content(name: string): JsonObject | undefined;
}

const TYPES = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean', 'null']);
/** What people write instead. */
const TYPE_MEANT: Record<string, string> = {
  int: 'integer',
  int32: 'integer',
  int64: 'integer',
  long: 'integer',
  float: 'number',
  double: 'number',
  decimal: 'number',
  bool: 'boolean',
  str: 'string',
  text: 'string',
  date: 'string',
  datetime: 'string',
  uuid: 'string',
  file: 'string',
  list: 'array',
  dict: 'object',
  map: 'object',
};
const NUMBERS = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
];

/**
 * A schema of any draft or OpenAPI version in the words that model APIs know: type, properties, required,
 * additionalProperties, items, enum, anyOf, allOf, description, default, format, pattern and limits. Refs become
 * `#/$defs/<name>`. It accepts what the original accepts, and perhaps more, but for read-only members.
 */
export function convertSchema(
  node: JsonValue | undefined,
  base: string,
  place: SchemaPlace,
  isMember = false,
): JsonObject {
  if (!isObject(node)) return {};
  const readOnly: string[] = [];
  let schema = convertOwn(node, readOnly, base, place);
  const members = [refTo(node, base, place), ...listed(node['allOf'], base, place, true)];
  for (const key of ['anyOf', 'oneOf']) {
    const branches = listed(node[key], base, place);
    if (branches.length === 1) members.push(branches[0]);
    else if (branches.length > 1) members.push({ anyOf: branches });
  }
  const asked = members.filter(
    (member) => member !== undefined && Object.keys(member).length > 0,
  ) as JsonObject[];
  const { description, default: initial, ...structure } = schema;
  const words = {
    ...(description === undefined ? {} : { description }),
    ...(initial === undefined ? {} : { default: initial }),
  };
  const [only] = asked;
  if (asked.length === 1 && only !== undefined && addsNothing(structure, only)) {
    // A ref stays a ref, with these words beside it.
    readOnly.push(...(readOnlyNames.get(only) ?? []));
    schema = { ...only, ...words };
  } else if (asked.length > 0) {
    const contents = asked.map((member) => contentOf(member, place));
    for (const content of contents) readOnly.push(...(readOnlyNames.get(content) ?? []));
    schema = { ...mergeSchemas(contents.reduce(mergeSchemas), structure), ...words };
  }
  if (!isMember) schema = withType(schema);
  if (readOnly.length > 0) schema = withoutRequired(schema, readOnly);
  return node['nullable'] === true || node['x-nullable'] === true ? nullable(schema) : schema;
}

/** What has members is meant to be an object, what has items a list, where nothing says otherwise. */
function withType(schema: JsonObject): JsonObject {
  for (const key of ['type', '$ref', 'enum', 'anyOf', 'allOf']) if (schema[key] !== undefined) return schema;
  const isObjectLike = schema['properties'] !== undefined || isObject(schema['additionalProperties']);
  const isListLike = schema['items'] !== undefined;
  return isObjectLike === isListLike ? schema : { type: isListLike ? 'array' : 'object', ...schema };
}

/** Members left out as read-only, by the converted object they are missing in: a neighbour in an allOf may require them. */
const readOnlyNames = new WeakMap<JsonObject, readonly string[]>();

function withoutRequired(schema: JsonObject, names: readonly string[]): JsonObject {
  const rest = { ...schema };
  if (Array.isArray(rest['required'])) {
    const required = rest['required'].filter((name) => typeof name !== 'string' || !names.includes(name));
    if (required.length > 0) rest['required'] = required;
    else delete rest['required'];
  }
  readOnlyNames.set(rest, names);
  return rest;
}

function addsNothing(structure: JsonObject, only: JsonObject): boolean {
  const keys = Object.keys(structure);
  return keys.length === 0 || (only['$ref'] !== undefined && keys.length === 1 && keys[0] === 'type');
}

function listed(
  value: JsonValue | undefined,
  base: string,
  place: SchemaPlace,
  areMembers = false,
): JsonObject[] {
  if (!Array.isArray(value)) return [];
  return value
    .filter((member) => member !== false)
    .map((member) => convertSchema(member, base, place, areMembers));
}

function refTo(node: JsonObject, base: string, place: SchemaPlace): JsonObject | undefined {
  const ref = node['$ref'] ?? node['$dynamicRef'] ?? node['$recursiveRef'];
  if (typeof ref !== 'string') return undefined;
  const name = place.define(ref, base);
  if (name !== undefined) return { $ref: DEFS + name };
  place.warn(`The $ref "${ref}" leads nowhere: any value is taken there.`);
  return undefined;
}

/**
 * A ref's content, so that it can be merged; what stands beside it wins. The ref itself where it cannot be had, nothing
 * where it leads back to itself.
 */
function contentOf(member: JsonObject, place: SchemaPlace, seen: readonly string[] = []): JsonObject {
  const name = nameOfRef(member);
  if (name === undefined) return member;
  const { $ref: _, ...beside } = member;
  if (seen.includes(name)) return beside;
  const content = place.content(name);
  if (content === undefined) return member;
  const whole = { ...contentOf(content, place, [...seen, name]), ...beside };
  readOnlyNames.set(whole, readOnlyNames.get(content) ?? []);
  return whole;
}

/** Everything but refs and combinators. */
function convertOwn(node: JsonObject, readOnly: string[], base: string, place: SchemaPlace): JsonObject {
  const schema: JsonObject = {};
  const types = typesOf(node, place);
  if (types.length > 0) schema['type'] = types.length === 1 ? types[0] : types;
  const text = node['description'] ?? node['title'];
  if (typeof text === 'string' && text.trim() !== '') schema['description'] = shorten(text.trim(), 1024);
  if (Array.isArray(node['enum']) && node['enum'].length > 0) schema['enum'] = unique(node['enum']);
  else if (node['const'] !== undefined) schema['enum'] = [node['const']];
  if (node['default'] !== undefined) schema['default'] = node['default'];
  for (const key of ['format', 'contentEncoding', 'contentMediaType']) {
    if (typeof node[key] === 'string' && node[key] !== '') schema[key] = node[key];
  }
  if (node['type'] === 'file') schema['format'] = 'binary';
  if (node['uniqueItems'] === true) schema['uniqueItems'] = true;
  for (const key of NUMBERS) if (typeof node[key] === 'number') schema[key] = node[key];
  exclusive(node, schema, 'minimum', 'exclusiveMinimum');
  exclusive(node, schema, 'maximum', 'exclusiveMaximum');
  if (typeof node['pattern'] === 'string') {
    if (isPattern(node['pattern'])) schema['pattern'] = node['pattern'];
    else
      place.warn(
        `The pattern ${JSON.stringify(shorten(node['pattern'], 80))} is none of JavaScript: not checked.`,
      );
  }
  if (types.includes('object') || types.length === 0) convertMembers(node, schema, readOnly, base, place);
  const isList = types.length === 0 && (node['items'] ?? node['prefixItems']) !== undefined;
  if (isList || types.includes('array')) schema['items'] = convertItems(node, schema, base, place);
  return schema;
}

function typesOf(node: JsonObject, place: SchemaPlace): string[] {
  const named = Array.isArray(node['type']) ? node['type'] : node['type'] === undefined ? [] : [node['type']];
  const types = new Set<string>();
  for (const type of named) {
    if (typeof type !== 'string') continue;
    const plain = type.toLowerCase();
    const meant = TYPES.has(plain) ? plain : Object.hasOwn(TYPE_MEANT, plain) ? TYPE_MEANT[plain] : undefined;
    if (meant !== type && type !== 'file') {
      place.warn(`The type "${shorten(type, 40)}" is none of JSON Schema: taken as ${meant ?? 'any value'}.`);
    }
    if (meant === undefined) return [];
    types.add(meant);
  }
  return [...types];
}

function convertMembers(
  node: JsonObject,
  schema: JsonObject,
  readOnly: string[],
  base: string,
  place: SchemaPlace,
): void {
  if (isObject(node['properties'])) {
    const properties: JsonObject = {};
    for (const [name, member] of Object.entries(node['properties'])) {
      const key = place.key(name);
      if (isObject(member) && member['readOnly'] === true) readOnly.push(key);
      else if (member !== false) properties[key] = convertSchema(member, base, place);
    }
    schema['properties'] = properties;
  }
  if (Array.isArray(node['required'])) {
    const names = new Set(node['required'].filter((name) => typeof name === 'string'));
    if (names.size > 0) schema['required'] = [...names].map((name) => place.key(name));
  }
  const more = node['additionalProperties'];
  // What stands under a name that a pattern allows must not be refused.
  if (isObject(node['patternProperties'])) return;
  if (typeof more === 'boolean') schema['additionalProperties'] = more;
  else if (isObject(more)) schema['additionalProperties'] = convertSchema(more, base, place);
}

/** A list's `items`, which every model API wants; a tuple's places become one choice. */
function convertItems(node: JsonObject, schema: JsonObject, base: string, place: SchemaPlace): JsonObject {
  const { items } = node;
  const places = Array.isArray(node['prefixItems'])
    ? node['prefixItems']
    : Array.isArray(items)
      ? items
      : undefined;
  if (places === undefined) return convertSchema(items, base, place);
  const rest = Array.isArray(items) ? node['additionalItems'] : items;
  if (rest === false) schema['maxItems'] ??= places.length;
  const choices = places.map((part) => convertSchema(part, base, place));
  if (rest !== false) choices.push(convertSchema(rest, base, place));
  const different = unique(choices) as JsonObject[];
  if (different.length === 0 || different.some((choice) => Object.keys(choice).length === 0)) return {};
  return different.length === 1 ? (different[0] ?? {}) : { anyOf: different };
}

/** Draft 4 says `exclusiveMinimum: true` beside `minimum`. */
function exclusive(node: JsonObject, schema: JsonObject, limit: string, key: string): void {
  if (node[key] !== true || typeof node[limit] !== 'number') return;
  schema[key] = node[limit];
  delete schema[limit];
}

/** The same schema, null allowed as well. */
function nullable(schema: JsonObject): JsonObject {
  const { type } = schema;
  const types = Array.isArray(type) ? type : type === undefined ? [] : [type];
  if (types.length > 0 && schema['anyOf'] === undefined && schema['allOf'] === undefined) {
    const values = schema['enum'];
    return {
      ...schema,
      type: types.includes('null') ? type : [...types, 'null'],
      ...(Array.isArray(values) && !values.includes(null) ? { enum: [...values, null] } : {}),
    };
  }
  const { description, default: initial, ...structure } = schema;
  if (Object.keys(structure).length === 0) return schema;
  return {
    anyOf: [structure, { type: 'null' }],
    ...(description === undefined ? {} : { description }),
    ...(initial === undefined ? {} : { default: initial }),
  };
}

function unique(values: JsonValue[]): JsonValue[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function isPattern(pattern: string): boolean {
  try {
    return pattern.length <= 2000 && new RegExp(pattern, 'u') instanceof RegExp;
  } catch {
    // Another dialect's: the caller says so.
    return false;
  }
}
