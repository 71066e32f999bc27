import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import type { SpecDocument } from './document.ts';
import { describe, isObjectLike, layersOf, shapeOf, typesOf, type Layer, type Layers } from './layers.ts';
import { argumentKeyOf, uniqueNames } from '../names.ts';
import { listAt, own, textAt } from './read.ts';

/** How much detail a schema may have. */
export interface Detail {
  /** Levels of objects and lists; what is deeper becomes an opaque object. */
  depth: number;
  /** Characters of a description: of the arguments themselves, and of what is inside them. */
  description: number;
  innerDescription: number;
  /** Bytes of one enum. */
  enumBytes: number;
}

/**
 * Writes the schemas of one tool: what OpenAPI and JSON Schema of any draft say, in the words that model APIs accept. What
 * cannot be said becomes looser, never stricter: an argument that the device takes always fits.
 */
export interface SchemaWriter {
  /** What one value may be. */
  write(value: JsonValue | undefined, home: JsonObject, inner?: boolean): JsonSchema;
  /** The same for a schema that was followed already. */
  writeLayers(layers: Layers, inner?: boolean): JsonSchema;
  /** The recursive schemas that `#/$defs/…` refers to. Called last. */
  definitions(): JsonObject;
  /** Inner property keys that had to be replaced: key to the wire's name. */
  readonly renamed: Map<string, string>;
  /** What is wrong with the schemas, in plain words. */
  readonly faults: Set<string>;
  /** Characters that an argument's own description may have. */
  readonly descriptionLimit: number;
  /** Takes bytes from the budget; true once there are none left. */
  spend(bytes: number): boolean;
}

const NUMBERS = ['minimum', 'maximum', 'multipleOf', 'exclusiveMinimum', 'exclusiveMaximum'] as const;
const COUNTS = ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'] as const;
const DEFAULT_MAX_BYTES = 256;

/** Opens a writer for one tool with a budget of bytes. */
export function createSchemaWriter(
  document: SpecDocument,
  detail: Detail,
  budgetBytes: number,
): SchemaWriter {
  const renamed = new Map<string, string>();
  const faults = new Set<string>();
  const stack: JsonObject[] = [];
  const recursive = new Map<JsonObject, { key: string; layers: Layer[] }>();
  const definitionKey = uniqueNames();
  let left = budgetBytes;

  const spend = (bytes: number): boolean => {
    left -= bytes;
    return left < 0;
  };

  function write(value: JsonValue | undefined, home: JsonObject, inner = true): JsonSchema {
    if (!isObject(value) || left < 0) return {};
    return writeLayers(layersOf(document, value, home, faults), inner);
  }

  function writeLayers({ layers, identity, name }: Layers, inner = true): JsonSchema {
    if (left < 0) return {};
    if (recursive.has(identity) || stack.includes(identity)) {
      let definition = recursive.get(identity);
      if (definition === undefined) {
        definition = { key: definitionKey(argumentKeyOf(name ?? 'recursive')), layers };
        recursive.set(identity, definition);
      }
      spend(definition.key.length + 18);
      return { $ref: `#/$defs/${definition.key}` };
    }
    stack.push(identity);
    const schema = merged(layers, inner);
    stack.pop();
    return schema;
  }

  function merged(layers: Layer[], inner: boolean): JsonSchema {
    const schema: JsonSchema = {};
    const isTooDeep = stack.length > detail.depth;
    const nullable = layers.some(({ node }) => node['nullable'] === true || node['x-nullable'] === true);
    const types = commonTypes(layers);

    const description = describe(layers, inner ? detail.innerDescription : detail.description);
    if (description !== undefined) {
      schema['description'] = description;
      spend(Buffer.byteLength(description) + 18);
    }
    for (const { node } of layers) copyPlain(node, schema);
    writeChoices(layers, nullable, schema);
    if (!isTooDeep) writeUnions(layers, nullable, schema);

    const isObjectType = types === undefined ? isObjectLike(layers) : types.includes('object');
    const isListType = types === undefined ? !isObjectType && isListLike(layers) : types.includes('array');
    const named = types ?? (isObjectType ? ['object'] : isListType ? ['array'] : undefined);
    if (named !== undefined) {
      const all = nullable && !named.includes('null') ? [...named, 'null'] : named;
      schema['type'] = all.length === 1 ? (all[0] ?? 'object') : all;
      spend(19 + 4 * all.length);
    }
    if (isListType) {
      schema['items'] = isTooDeep ? {} : itemsOf(layers);
      spend(11);
    }
    if (isObjectType && !isTooDeep) writeProperties(layers, schema);
    return schema;
  }

  function writeChoices(layers: Layer[], nullable: boolean, schema: JsonSchema): void {
    let choices: JsonValue[] | undefined;
    for (const { node } of layers) {
      const listed = Object.hasOwn(node, 'const') ? [node['const'] ?? null] : listAt(node, 'enum');
      if (listed.length === 0) continue;
      choices = choices?.filter((one) => listed.includes(one)) ?? listed;
    }
    if (choices === undefined || choices.length === 0) return;
    const values = nullable && !choices.includes(null) ? [...choices, null] : choices;
    const texts = values.map((value) => JSON.stringify(value));
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
    if (bytes > detail.enumBytes) return;
    schema['enum'] = values.filter((_, at) => texts.indexOf(texts[at] ?? '') === at);
    spend(bytes + 9);
  }

  // `oneOf` becomes `anyOf`: a value that fits two looser copies of its members still fits.
  function writeUnions(layers: Layer[], nullable: boolean, schema: JsonSchema): void {
    const unions: JsonSchema[] = [];
    for (const { node, home } of layers) {
      for (const members of [listAt(node, 'anyOf'), listAt(node, 'oneOf')]) {
        if (members.length === 0) continue;
        const anyOf = members.map((member) => write(member, home));
        if (nullable) anyOf.push({ type: 'null' });
        unions.push({ anyOf });
        spend(12 + 3 * anyOf.length);
      }
    }
    if (unions.length === 1) Object.assign(schema, unions[0]);
    else if (unions.length > 1) schema['allOf'] = unions;
  }

  function itemsOf(layers: Layer[]): JsonSchema {
    for (const { node, home } of layers) {
      const prefix = listAt(node, 'prefixItems');
      const tuple = prefix.length > 0 ? prefix : listAt(node, 'items');
      const rest = isObject(node['items']) ? [node['items']] : [];
      if (tuple.length > 0) return { anyOf: [...tuple, ...rest].map((item) => write(item, home)) };
      if (rest.length > 0) return write(rest[0], home);
    }
    return {};
  }

  function writeProperties(layers: Layer[], schema: JsonSchema): void {
    const { properties, required, additional } = shapeOf(document, layers, faults);
    const target: JsonObject = {};
    const unique = uniqueNames();
    for (const [wireName, property] of properties) {
      const key = unique(argumentKeyOf(wireName));
      if (key !== wireName) {
        rename(key, wireName);
        if (required.delete(wireName)) required.add(key);
      }
      target[key] = writeLayers(property);
      if (spend(key.length + 6)) return;
    }
    if (properties.size > 0) schema['properties'] = target;
    if (required.size > 0) {
      schema['required'] = [...required];
      for (const name of required) spend(name.length + 3);
    }
    if (additional?.value === false) schema['additionalProperties'] = false;
    else if (isObject(additional?.value))
      schema['additionalProperties'] = write(additional.value, additional.home);
    spend(40);
  }

  function rename(key: string, wireName: string): void {
    const other = renamed.get(key);
    if (other === undefined) renamed.set(key, wireName);
    else if (other !== wireName)
      faults.add(`"${wireName}" and "${other}" are both called "${key}"; only the second is sent`);
  }

  function copyPlain(node: JsonObject, schema: JsonSchema): void {
    for (const name of NUMBERS) {
      const value = node[name];
      if (typeof value === 'number' && schema[name] === undefined) schema[name] = value;
    }
    // Until draft 4 (OpenAPI 3.0) `exclusiveMinimum: true` says how to read `minimum`.
    for (const [flag, bound] of [
      ['exclusiveMinimum', 'minimum'],
      ['exclusiveMaximum', 'maximum'],
    ] as const) {
      if (node[flag] !== true || typeof node[bound] !== 'number') continue;
      schema[flag] = node[bound];
      delete schema[bound];
    }
    if (typeof schema['multipleOf'] === 'number' && schema['multipleOf'] <= 0) delete schema['multipleOf'];
    for (const name of COUNTS) {
      const value = node[name];
      if (Number.isInteger(value) && Number(value) >= 0 && schema[name] === undefined) schema[name] = value;
    }
    if (node['uniqueItems'] === true) schema['uniqueItems'] = true;
    const pattern = textAt(node, 'pattern');
    if (pattern !== undefined && schema['pattern'] === undefined && isPattern(pattern)) {
      schema['pattern'] = pattern;
      spend(pattern.length + 13);
    }
    const format = textAt(node, 'format');
    if (format !== undefined && schema['format'] === undefined) {
      schema['format'] = format;
      spend(format.length + 12);
    }
    const standard = own(node, 'default');
    if (standard === undefined || standard === null || schema['default'] !== undefined) return;
    const bytes = Buffer.byteLength(JSON.stringify(standard));
    if (bytes > DEFAULT_MAX_BYTES) return;
    schema['default'] = standard;
    spend(bytes + 11);
  }

  return {
    write,
    writeLayers,
    renamed,
    faults,
    descriptionLimit: detail.description,
    spend,
    definitions() {
      const definitions: JsonObject = {};
      // Those found while writing are written too: a Map is walked with what is added on the way.
      for (const { key, layers } of recursive.values()) {
        definitions[key] = merged(layers, true);
        if (spend(key.length + 4)) break;
      }
      return definitions;
    },
  };
}

/** The types that all layers agree on; undefined for any, or when they agree on none. */
function commonTypes(layers: Layer[]): string[] | undefined {
  let common: string[] | undefined;
  for (const { node } of layers) {
    const types = typesOf(node);
    if (types !== undefined) common = common?.filter((type) => types.includes(type)) ?? types;
  }
  return common?.length === 0 ? undefined : common;
}

function isListLike(layers: Layer[]): boolean {
  return layers.some(({ node }) => node['items'] !== undefined || node['prefixItems'] !== undefined);
}

/** Whether JavaScript reads a pattern as JSON Schema validators do; other dialects of regular expressions are left out. */
function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u') instanceof RegExp;
  } catch {
    return false; // a looser schema is better than none
  }
}
