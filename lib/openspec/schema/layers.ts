import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { listAt, objectAt, own, textAt, textsAt } from '../read.ts';
import type { MissingRef, SpecDocument } from '../spec-document.ts';
import { typesOf } from './types.ts';

/** One schema of a merge, with the file in which it stands. */
export interface Layer {
  node: JsonObject;
  home: JsonObject;
}

/** A schema with its `$ref`s resolved and its `allOf`s laid side by side. Where two layers disagree, the first one counts. */
export interface Layers {
  layers: readonly Layer[];
  /** The nodes that say something about the value: two schemas with the same nodes are the same schema. */
  identity: string;
  /** The name by which the `$ref` calls the schema; missing without a `$ref`. */
  name?: string;
  /** The `$ref`s that lead nowhere. Such a `$ref` allows any value. */
  missing: readonly MissingRef[];
}

/** The members of an object. */
export interface ObjectShape {
  /** By the name on the wire. */
  properties: ReadonlyMap<string, Layers>;
  required: ReadonlySet<string>;
  /** `additionalProperties`; undefined when the schema does not say it. */
  additional?: { value: JsonValue; home: JsonObject };
}

/** How a schema is taken apart. */
interface LayerOptions {
  /** Whether the only member of an `anyOf` or `oneOf` is a layer, as a member of `allOf` is. */
  flattensSingleChoice?: boolean;
}

/** Keys that describe a value and do not restrict it: a `$ref` with only such keys beside it is no other schema. */
const WORDS = new Set(['description', 'summary', 'title', 'example', 'examples', 'default', 'deprecated']);

/** A schema that allows any value. */
export const ANYTHING: Layers = { layers: [], identity: '', missing: [] };

/** Numbers for the objects of documents, by which layers are compared. */
const nodeIds = new WeakMap<JsonObject, number>();
let lastNodeId = 0;

function idOf(node: JsonObject): number {
  let id = nodeIds.get(node);
  if (id === undefined) nodeIds.set(node, (id = ++lastNodeId));
  return id;
}

/** The identity of a list of layers. */
function identityOf(layers: readonly Layer[]): string {
  const ruling = layers.filter(({ node }) => !isOnlyWords(node));
  return (ruling.length === 0 ? layers : ruling).map(({ node }) => idOf(node)).join(' ');
}

/** Whether a schema says nothing but a `$ref` that leads nowhere. */
export function isOnlyMissingRef({ layers, missing }: Layers): boolean {
  // The members of an `allOf` are layers, too.
  return missing.length > 0 && layers.every(({ node }) => isOnlyWords(node, ['allOf']));
}

/** Whether a schema has nothing but words about the value, a `$ref`, and these other keys. */
function isOnlyWords(node: JsonObject, others: readonly string[] = []): boolean {
  return Object.keys(node).every((key) => WORDS.has(key) || key === '$ref' || others.includes(key));
}

/** The schemas of a document that were taken apart: each is looked at once, however many tools use it. */
const known = new WeakMap<SpecDocument, WeakMap<JsonObject, Layers>>();
const knownShapes = new WeakMap<SpecDocument, Map<string, ObjectShape>>();

/** Takes a schema apart. The result is shared: do not change it. */
export function layersOf(
  document: SpecDocument,
  value: JsonObject,
  home: JsonObject,
  options: LayerOptions = {},
): Layers {
  let ofDocument = known.get(document);
  if (ofDocument === undefined) known.set(document, (ofDocument = new WeakMap()));
  let layers = ofDocument.get(value);
  if (layers === undefined) ofDocument.set(value, (layers = takeApart(document, value, home, options)));
  return layers;
}

/** Collects the layers: the schema itself, the target of its `$ref`, and the members of its `allOf`, each once. */
function takeApart(
  document: SpecDocument,
  value: JsonObject,
  home: JsonObject,
  { flattensSingleChoice = false }: LayerOptions,
): Layers {
  const layers: Layer[] = [];
  const missing: MissingRef[] = [];
  const seen = new Set<JsonObject>();
  const collect = (node: JsonObject, nodeHome: JsonObject): void => {
    if (seen.has(node)) return;
    seen.add(node);
    const ref = node['$ref'] ?? node['$dynamicRef'] ?? node['$recursiveRef'];
    if (typeof ref !== 'string') layers.push({ node, home: nodeHome });
    else {
      // Before OpenAPI 3.1 the keys beside a `$ref` do not count. Authors mean them all the same.
      if (Object.keys(node).length > 1) layers.push({ node, home: nodeHome });
      const target = document.resolve(node, nodeHome);
      if (isObject(target.value)) collect(target.value, target.home);
      else if (target.value === undefined) {
        const { missing: lost = ref, holder = node, home: holderHome } = target;
        missing.push({ ref: lost, holder, home: holderHome });
      }
    }
    for (const member of listAt(node, 'allOf')) if (isObject(member)) collect(member, nodeHome);
    if (!flattensSingleChoice) return;
    for (const key of ['anyOf', 'oneOf']) {
      const only = onlyChoice(listAt(node, key));
      if (only !== undefined) collect(only, nodeHome);
    }
  };
  // The name is the last part of the place to which the `$ref` leads.
  const { key } = document.resolve(value, home);
  collect(value, home);
  const name = key?.slice(Math.max(key.lastIndexOf('/'), key.lastIndexOf('#')) + 1);
  return { layers, identity: identityOf(layers), missing, ...(name === undefined ? {} : { name }) };
}

/** The only member of a choice that a value can fit; undefined when there are more. */
export function onlyChoice(members: readonly JsonValue[]): JsonObject | undefined {
  const [only, ...others] = members.filter((member) => member !== false);
  return others.length === 0 && isObject(only) ? only : undefined;
}

/** The properties of a schema, without the read-only ones: a request does not send those. The result is shared: do not change it. */
export function shapeOf(document: SpecDocument, schema: Layers, options?: LayerOptions): ObjectShape {
  let ofDocument = knownShapes.get(document);
  if (ofDocument === undefined) knownShapes.set(document, (ofDocument = new Map()));
  let shape = ofDocument.get(schema.identity);
  if (shape === undefined)
    ofDocument.set(schema.identity, (shape = readShape(document, schema.layers, options)));
  return shape;
}

/** Merges the properties of the layers. A property in two layers has the layers of both. */
function readShape(document: SpecDocument, layers: readonly Layer[], options?: LayerOptions): ObjectShape {
  const properties = new Map<string, Layers>();
  const required = new Set<string>();
  const readOnly = new Set<string>();
  for (const { node, home } of layers) {
    for (const [name, value] of Object.entries(objectAt(node, 'properties') ?? {})) {
      if (value === false || value === undefined) continue;
      const property = isObject(value) ? layersOf(document, value, home, options) : ANYTHING;
      // Read-only in one layer is read-only in all: they are about the same value.
      if (property.layers.some((layer) => layer.node['readOnly'] === true)) readOnly.add(name);
      const before = properties.get(name);
      if (before === undefined) properties.set(name, property);
      else if (before.identity !== property.identity) properties.set(name, together(before, property));
    }
    for (const name of textsAt(node, 'required')) required.add(name);
  }
  for (const name of readOnly) {
    properties.delete(name);
    required.delete(name);
  }
  const additional = additionalOf(layers);
  return { properties, required, ...(additional === undefined ? {} : { additional }) };
}

/** Two schemas that hold for the same value. */
function together(first: Layers, second: Layers): Layers {
  const layers = [...first.layers, ...second.layers];
  return { ...first, layers, identity: identityOf(layers), missing: [...first.missing, ...second.missing] };
}

/** The `additionalProperties` that hold for all layers together. */
function additionalOf(layers: readonly Layer[]): ObjectShape['additional'] {
  const [first] = layers;
  let additional: ObjectShape['additional'];
  for (const { node, home } of layers) {
    const more = own(node, 'additionalProperties') ?? own(node, 'unevaluatedProperties');
    // A name that a pattern allows must not be refused.
    if (more === undefined || own(node, 'patternProperties') !== undefined) continue;
    additional ??= { value: more, home };
  }
  // Layers that each close themselves would refuse each other's properties.
  if (additional?.value === false && layers.length > 1) additional = undefined;
  // The kinds of a discriminator have properties of their own, which only they name.
  const hasKinds = layers.some(({ node }) => node['discriminator'] !== undefined);
  if (first !== undefined && hasKinds && (additional === undefined || additional.value === false)) {
    return { value: true, home: first.home };
  }
  return additional;
}

/** The warning for a `$ref` that leads nowhere: where it stands, and where it should lead. */
export function missingRefWarning(document: SpecDocument, missing: MissingRef): string {
  const place = document.placeOf(missing);
  const at = place === undefined ? '' : ` at ${place}`;
  return `The $ref "${missing.ref}"${at} leads nowhere: any value is accepted there.`;
}

/** Whether one of the layers says, by its type or by its members, that the value is an object. */
export function isObjectLike(layers: readonly Layer[]): boolean {
  const types = layers.map(({ node }) => typesOf(node)).find((found) => found !== undefined);
  if (types !== undefined) return types.includes('object');
  return layers.some(({ node }) => isObject(node['properties']) || isObject(node['additionalProperties']));
}

/** Whether one of the layers has `items`. */
export function isListLike(layers: readonly Layer[]): boolean {
  return layers.some(({ node }) => node['items'] !== undefined || node['prefixItems'] !== undefined);
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

/** The places of a tuple, as any draft writes them; empty for a list of other items. */
export function tupleOf(node: JsonObject): JsonValue[] {
  const prefix = listAt(node, 'prefixItems');
  return prefix.length > 0 ? prefix : listAt(node, 'items');
}
