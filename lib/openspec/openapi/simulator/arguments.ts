import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import type { Fault } from '../../../errors.ts';
import type { SpecDocument } from '../../spec-document.ts';
import { typesOf } from '../../schema/types.ts';
import { listAt, objectAt } from '../../read.ts';
import type { OperationParameter } from '../request-shape.ts';
import { styleOf, type Style } from '../styles.ts';
import { faultsOf } from '../../schema/value-faults.ts';
import { viewOf, type SchemaView } from '../../schema/schema-view.ts';

/** Where a request's parameters are found, as they came. */
interface ArgumentSource {
  variables: Readonly<Record<string, string>>;
  query: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A request's parameters as values, and their faults. */
interface ReadArguments {
  /** By `in`, then by name. */
  values: Record<OperationParameter['in'], JsonObject>;
  /** Pointers are `/path/id`, `/query/limit`. */
  faults: Fault[];
}

/** How far choices are followed that may lead back to themselves. */
const depthMax = 16;

/** A name and its value, which is still encoded. */
type Pair = readonly [name: string, value: string];

/** Reads parameters as the document says that they are written [OpenAPI 3.1.1 4.8.12.6], and holds them against their schemas. */
export function readArguments(
  document: SpecDocument,
  parameters: readonly OperationParameter[],
  source: ArgumentSource,
): ReadArguments {
  const values: ReadArguments['values'] = { path: {}, query: {}, header: {}, cookie: {}, querystring: {} };
  const faults: Fault[] = [];
  // In a query a plus is a space.
  const query = pairsOf(source.query.replaceAll('+', '%20'), '&');
  const cookies = pairsOf(String(source.headers['cookie'] ?? ''), ';');
  for (const parameter of parameters) {
    const { name, node, home, required } = parameter;
    const place = parameter.in;
    const pointer = `/${place}/${name}`;
    const style = styleOf(document, parameter);
    const [content] = Object.values(objectAt(node, 'content') ?? {});
    const said = node['schema'] ?? (isObject(content) ? content['schema'] : undefined);
    const schema = viewOf(document, said ?? (document.isSwagger2 ? node : {}), home);
    let value: JsonValue | undefined;
    if (place === 'querystring') value = source.query === '' ? undefined : decoded(source.query);
    else if (place === 'query') value = pairsValue(name, query, style, schema);
    else if (place === 'cookie') value = pairsValue(name, cookies, style, schema);
    else {
      const text = place === 'path' ? source.variables[name] : source.headers[name.toLowerCase()];
      if (text !== undefined) value = textValue(name, String(text), style, schema, place === 'path');
    }
    if (value === undefined) {
      if (required) faults.push({ pointer, detail: 'is missing' });
      continue;
    }
    values[place][name] = value;
    if (place === 'querystring') continue;
    for (const fault of faultsOf(value, schema)) faults.push({ ...fault, pointer: pointer + fault.pointer });
  }
  return { values, faults };
}

/** A text as the value that its schema means: 5 where the schema allows a number, "5" where it allows only a text. */
export function valueOfText(text: string, schema: SchemaView): JsonValue {
  const json = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/.test(text)
    ? (JSON.parse(text) as JsonValue)
    : undefined;
  const types = isObject(schema.value) ? typesOf(schema.value) : undefined;
  const candidates = types?.includes('string') === true ? [text, json] : [json, text];
  const fitting = candidates.find(
    (candidate) => candidate !== undefined && faultsOf(candidate, schema).length === 0,
  );
  return fitting ?? candidates.find((candidate) => candidate !== undefined) ?? text;
}

/** The `name=value` pairs of a query or a Cookie header; values stay encoded. */
function pairsOf(text: string, between: string): Pair[] {
  return text
    .split(between)
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...rest] = pair.split('=');
      return [decoded(name), rest.join('=')];
    });
}

/** `name=value` pairs of a query or a cookie that are this parameter; values are still encoded. */
function pairsValue(
  name: string,
  pairs: readonly Pair[],
  style: Style,
  schema: SchemaView,
): JsonValue | undefined {
  const own = pairs.filter(([key]) => key === name || key === `${name}[]`).map(([, value]) => value);
  if (style.mediaType !== undefined)
    return own[0] === undefined ? undefined : contentValue(decoded(own[0]), schema);
  if (style.style === 'deepObject') return deepValue(name, pairs, schema) ?? scalar(own[0], schema);
  const kind = kindOf(schema);
  if (kind === 'object' && style.explode) {
    const properties = propertiesOf(schema);
    const found = pairs.filter(([key]) => Object.hasOwn(properties, key));
    return found.length === 0 ? undefined : objectOf(found, schema);
  }
  const [first] = own;
  if (first === undefined) return undefined;
  if (kind === 'array') {
    const items = own.length > 1 || style.explode ? own : split(first, style);
    return items.length === 1 && items[0] === '' ? [] : items.map((item) => itemValue(item, schema));
  }
  if (kind === 'object') return objectOf(evenPairs(split(first, style)), schema);
  return valueOfText(decoded(first), schema);
}

/** A path variable or a header, still encoded. */
function textValue(name: string, raw: string, style: Style, schema: SchemaView, encoded: boolean): JsonValue {
  if (style.mediaType !== undefined) return contentValue(encoded ? decoded(raw) : raw, schema);
  const isMatrix = style.style === 'matrix';
  let text = raw;
  if (style.style === 'label') text = raw.replace(/^\./, '');
  if (isMatrix) text = raw.replace(/^;/, '');
  const kind = kindOf(schema);
  const between = style.explode && isMatrix ? ';' : style.explode && style.style === 'label' ? '.' : ',';
  const named = new RegExp(`^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}=`);
  if (kind === 'array') {
    const whole = isMatrix && !style.explode ? text.replace(named, '') : text;
    return whole.split(between).map((item) => itemValue(isMatrix ? item.replace(named, '') : item, schema));
  }
  if (kind === 'object') {
    const whole = isMatrix && !style.explode ? text.replace(named, '') : text;
    const parts = whole.split(between);
    return objectOf(style.explode ? parts.map(pairOf) : evenPairs(parts), schema);
  }
  const plain = isMatrix ? text.replace(named, '') : text;
  return valueOfText(encoded ? decoded(plain) : plain, schema);
}

/** The object in `name[a][b]=value` pairs; undefined when there is no such pair. */
function deepValue(name: string, pairs: readonly Pair[], schema: SchemaView): JsonObject | undefined {
  const result: JsonObject = {};
  let found = false;
  for (const [key, value] of pairs) {
    if (!key.startsWith(`${name}[`)) continue;
    found = true;
    const steps = [...key.slice(name.length).matchAll(/\[([^\]]*)\]/g)].map(([, step = '']) => step);
    let at = result;
    let view = schema;
    for (const [index, step] of steps.entries()) {
      view = view.at(propertiesOf(view)[step]);
      if (index === steps.length - 1) at[step] = valueOfText(decoded(value), view);
      else {
        const next = Object.hasOwn(at, step) ? at[step] : undefined;
        at = isObject(next) ? next : (at[step] = {});
      }
    }
  }
  return found ? result : undefined;
}

/** The value of a parameter that is written whole as a media type. */
function contentValue(text: string, schema: SchemaView): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // The text is no JSON: the check against the schema reports it.
    return valueOfText(text, schema);
  }
}

/** The delimiters as clients write them, encoded or not. */
const delimiters: Partial<Record<Style['style'], RegExp>> = {
  spaceDelimited: /%20| /,
  pipeDelimited: /%7C|\|/i,
  tabDelimited: /%09|\t/,
};

function split(text: string, { style }: Style): string[] {
  // Some clients encode the comma as well.
  return text.split(delimiters[style] ?? (text.includes(',') ? ',' : /%2C/i));
}

/** The value of a parameter that is neither list nor object; undefined when it is missing. */
function scalar(text: string | undefined, schema: SchemaView): JsonValue | undefined {
  return text === undefined ? undefined : valueOfText(decoded(text), schema);
}

/** An item of a list, as the schema of its items means it. */
function itemValue(text: string, schema: SchemaView): JsonValue {
  const { items } = isObject(schema.value) ? schema.value : {};
  return valueOfText(decoded(text), schema.at(items ?? {}));
}

/** The object in pairs, each value as its property's schema means it. */
function objectOf(pairs: readonly Pair[], schema: SchemaView): JsonObject {
  const properties = propertiesOf(schema);
  return Object.fromEntries(
    pairs.map(([name, value]) => [
      decoded(name),
      valueOfText(decoded(value), schema.at(properties[decoded(name)])),
    ]),
  );
}

function pairOf(text: string): Pair {
  const [name = '', ...rest] = text.split('=');
  return [name, rest.join('=')];
}

/** The pairs in `name,value,name,value`. */
function evenPairs(parts: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  for (let index = 0; index < parts.length; index += 2)
    pairs.push([parts[index] ?? '', parts[index + 1] ?? '']);
  return pairs;
}

/** The properties of a schema and of its parts, by the wire's name. */
export function propertiesOf(schema: SchemaView, depth = 0): JsonObject {
  const { value } = schema;
  if (!isObject(value) || depth > depthMax) return {};
  const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((key) => listAt(value, key));
  return Object.assign(
    {},
    ...parts.map((part) => propertiesOf(schema.at(part), depth + 1)),
    objectAt(value, 'properties'),
  ) as JsonObject;
}

/** Whether a parameter is written as a list or as an object; of several types the first that is neither text nor null counts. */
export function kindOf(schema: SchemaView, depth = 0): 'array' | 'object' | 'scalar' {
  const { value } = schema;
  if (!isObject(value) || depth > depthMax) return 'scalar';
  const types = typesOf(value);
  if (types?.includes('array') === true) return 'array';
  if (types?.includes('object') === true || (types === undefined && isObject(value['properties'])))
    return 'object';
  if (types !== undefined) return 'scalar';
  const kinds = ['allOf', 'anyOf', 'oneOf'].flatMap((key) =>
    listAt(value, key).map((part) => kindOf(schema.at(part), depth + 1)),
  );
  return kinds.find((kind) => kind !== 'scalar') ?? 'scalar';
}

/** A percent-decoded text, or the text itself when it is not encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // The text is not percent-encoded.
    return text;
  }
}
