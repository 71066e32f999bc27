import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { SpecDocument } from './document.ts';
import { listAt, objectAt, own, textAt, textsAt } from './read.ts';

/** One schema of a merge, with the file it stands in. */
export interface Layer {
  node: JsonObject;
  home: JsonObject;
}

/** A schema with its `$ref`s followed and its `allOf`s laid side by side; what is written first wins. */
export interface Layers {
  layers: Layer[];
  /** The schema's own node: it stands for the whole where a cycle comes back to it. */
  identity: JsonObject;
  /** What the `$ref` called it. */
  name?: string;
}

/** What an object may hold. */
export interface Shape {
  /** By the wire's name. */
  properties: Map<string, Layers>;
  required: Set<string>;
  /** `additionalProperties`; undefined when nothing is said. */
  additional?: { value: JsonValue; home: JsonObject };
}

const TYPES = new Map<string, string>([
  ...['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'].map(
    (type) => [type, type] as const,
  ),
  ...['int', 'int32', 'int64', 'long', 'short'].map((type) => [type, 'integer'] as const),
  ...['float', 'double', 'decimal'].map((type) => [type, 'number'] as const),
  ...['file', 'date', 'datetime', 'date-time', 'uuid', 'text', 'str'].map(
    (type) => [type, 'string'] as const,
  ),
  ...['map', 'dict', 'hash', 'struct'].map((type) => [type, 'object'] as const),
  ['bool', 'boolean'],
  ['list', 'array'],
]);

/** Follows a schema. `$ref`s that lead nowhere are told in `faults` and hold nothing. */
export function layersOf(
  document: SpecDocument,
  value: JsonObject,
  home: JsonObject,
  faults: Set<string>,
): Layers {
  const layers: Layer[] = [];
  const seen = new Set<JsonObject>();
  const located = document.follow(value, home);
  collect(value, home);
  const name = located.key?.slice(located.key.lastIndexOf('/') + 1);
  return {
    layers,
    identity: isObject(located.value) ? located.value : value,
    ...(name === undefined ? {} : { name }),
  };

  function collect(node: JsonObject, nodeHome: JsonObject): void {
    if (seen.has(node)) return;
    seen.add(node);
    const ref = node['$ref'] ?? node['$dynamicRef'];
    if (typeof ref !== 'string') layers.push({ node, home: nodeHome });
    else {
      // Before 3.1 what stands beside a `$ref` does not count; authors mean it all the same.
      if (Object.keys(node).length > 1) layers.push({ node, home: nodeHome });
      const target = document.follow(node, nodeHome);
      if (isObject(target.value)) collect(target.value, target.home);
      else if (target.value === undefined) faults.add(`$ref "${ref}" leads nowhere; anything goes there`);
    }
    for (const member of listAt(node, 'allOf')) if (isObject(member)) collect(member, nodeHome);
  }
}

/** The properties of all layers together, without those that are only ever read. */
export function shapeOf(document: SpecDocument, layers: readonly Layer[], faults: Set<string>): Shape {
  const properties = new Map<string, Layers>();
  const required = new Set<string>();
  const readOnly = new Set<string>();
  let additional: Shape['additional'];
  for (const { node, home } of layers) {
    for (const [name, value] of Object.entries(objectAt(node, 'properties') ?? {})) {
      if (value === false || value === undefined) continue;
      const property = layersOf(document, isObject(value) ? value : {}, home, faults);
      if (property.layers.some((layer) => layer.node['readOnly'] === true)) readOnly.add(name);
      const before = properties.get(name);
      if (before === undefined) properties.set(name, property);
      else if (before.identity !== property.identity) before.layers.push(...property.layers);
    }
    for (const name of textsAt(node, 'required')) required.add(name);
    const more = own(node, 'additionalProperties') ?? own(node, 'unevaluatedProperties');
    if (more === false && own(node, 'patternProperties') !== undefined) continue;
    if (more !== undefined && additional === undefined) additional = { value: more, home };
    // Layers that each close themselves would refuse each other's properties.
    else if (additional?.value === false && layers.length > 1) additional = undefined;
  }
  if (additional?.value === false && layers.length > 1) additional = undefined;
  // Its kinds have properties of their own, which only they name.
  const [first] = layers;
  if (first !== undefined && layers.some(({ node }) => node['discriminator'] !== undefined)) {
    if (additional === undefined || additional.value === false)
      additional = { value: true, home: first.home };
  }
  for (const name of readOnly) {
    properties.delete(name);
    required.delete(name);
  }
  return { properties, required, ...(additional === undefined ? {} : { additional }) };
}

/** The types a schema names, in JSON Schema's words; undefined for any. */
export function typesOf({ type }: JsonObject): string[] | undefined {
  if (type === undefined) return undefined;
  const names = (Array.isArray(type) ? type : [type]).map((name) =>
    typeof name === 'string' ? TYPES.get(name.toLowerCase()) : undefined,
  );
  const known = names.filter((name) => name !== undefined);
  return known.length < names.length || known.length === 0 ? undefined : [...new Set(known)];
}

/** Whether one of the layers says, by type or by what it holds, that it is an object. */
export function isObjectLike(layers: readonly Layer[]): boolean {
  const types = layers.map(({ node }) => typesOf(node)).find((found) => found !== undefined);
  if (types !== undefined) return types.includes('object');
  return layers.some(({ node }) => isObject(node['properties']) || isObject(node['additionalProperties']));
}

/** Whether a schema stands for raw bytes: an uploaded file, an image. */
export function isBinary(layers: readonly Layer[]): boolean {
  return layers.some(
    ({ node }) =>
      node['format'] === 'binary' ||
      node['type'] === 'file' ||
      (textAt(node, 'contentMediaType') !== undefined && textAt(node, 'contentEncoding') === undefined),
  );
}

/** The first description of the layers, at most `limit` characters. */
export function describe(layers: readonly Layer[], limit: number): string | undefined {
  if (limit === 0) return undefined;
  const text = layers.map(({ node }) => textAt(node, 'description')).find((found) => found !== undefined);
  const whole = isBinary(layers) ? `${text ?? 'A file'} (its bytes in base64)` : text;
  return whole === undefined ? undefined : trimmed(whole, limit);
}

/** A text of at most `limit` characters, with `…` where it was cut. */
export function trimmed(text: string, limit: number): string {
  const plain = text.trim();
  if (plain.length <= limit) return plain;
  // Half of a surrogate pair is no character.
  return `${plain
    .slice(0, limit - 1)
    .replace(/[\uD800-\uDBFF]$/, '')
    .trimEnd()}…`;
}
