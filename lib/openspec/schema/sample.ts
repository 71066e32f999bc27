import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { isObjectLike } from './layers.ts';
import { typesOf } from './types.ts';
import { flagAt, listAt, objectAt, own, textAt, textsAt } from '../read.ts';
import { faultsOf } from './value-faults.ts';
import { sampleNumber, sampleText } from './sample-scalar.ts';
import type { SchemaView } from './schema-view.ts';

/** Beyond so many values, and so deep inside a value, only required members are made. */
const enoughCount = 300;
const enoughDepth = 6;

/**
 * A value that fits a schema, the same every time: the value that the document gives (`const`, `example`, `default`, the
 * first of `enum`), else the middle of a range or a text of the format. `name` is the text where nothing else is known.
 *
 * Written by hand and not with `openapi-sampler`: its values do not fit their schemas. It takes an example of a wrong type,
 * leaves out required members that are not described, passes over patterns, and takes `null` members for the whole choice.
 * `json-schema-faker` gives random values, which say nothing to the people who look at a simulated device.
 */
export function sampleOf(schema: SchemaView, name = 'text'): JsonValue {
  return sample(schema, name, { trail: [], made: { count: 0 } }) ?? null;
}

interface Making {
  /** The schemas on the way here. A member that leads back to one of them is left out. */
  trail: readonly (JsonValue | undefined)[];
  /** How many values were made; one count for the whole sample. */
  made: { count: number };
  /** True for a part of an `allOf`: another part may hold the members that it requires. */
  isPart?: boolean;
}

/** Undefined where only an endless value would fit. */
function sample(schema: SchemaView, name: string, making: Making): JsonValue | undefined {
  const { value: node } = schema;
  if (!isObject(node)) return node === undefined || node === true ? name : null;
  if (making.trail.includes(node)) return undefined;
  making.made.count++;
  const given = givenBy(schema, node);
  if (given !== undefined) return given;
  const inner: Making = { made: making.made, trail: [...making.trail, node] };
  const whole = combined(schema, node, name, inner);
  const type =
    typesOf(node)?.find((one) => one !== 'null') ?? (whole === undefined ? guess(node) : undefined);
  if (type === 'object' || (isObject(whole) && isObject(node['properties']))) {
    const own = objectFor(schema, node, inner, making.isPart === true);
    return own === undefined ? undefined : isObject(whole) ? { ...whole, ...own } : own;
  }
  if (whole !== undefined) return whole;
  if (type === 'array') return listFor(schema, node, name, inner);
  if (type === 'string') return sampleText(node, name);
  if (type === 'number' || type === 'integer') return sampleNumber(node, type === 'integer');
  if (type === 'boolean') return false;
  if (typesOf(node)?.includes('null') === true) return null;
  return name;
}

/** The value that the document itself gives, as far as it fits. */
function givenBy(schema: SchemaView, node: JsonObject): JsonValue | undefined {
  const examples = own(node, 'examples');
  const candidates = [
    own(node, 'const'),
    own(node, 'example'),
    own(node, 'x-example'),
    Array.isArray(examples) ? examples[0] : undefined,
    own(node, 'default'),
    ...listAt(node, 'enum'),
  ];
  return candidates.find(
    (candidate) => candidate !== undefined && faultsOf(candidate, schema, 'reply').length === 0,
  );
}

/** All of `allOf` together, and the first of the alternatives that can be made. */
function combined(schema: SchemaView, node: JsonObject, name: string, making: Making): JsonValue | undefined {
  let whole: JsonValue | undefined;
  const add = (part: JsonValue | undefined): void => {
    if (part === undefined) return;
    if (whole === undefined) whole = part;
    else if (isObject(whole) && isObject(part)) whole = { ...whole, ...part };
  };
  const demanded = new Set<string>();
  for (const part of listAt(node, 'allOf')) {
    const view = schema.at(part);
    if (isObject(view.value)) {
      for (const one of textsAt(view.value, 'required')) demanded.add(one);
      // A part that only requires members, or names no type, makes no value.
      const makes = typesOf(view.value) !== undefined || guess(view.value) !== undefined;
      if (onlyDemands(view.value) || (!makes && !hasChoices(view.value))) continue;
    }
    add(sample(view, name, { ...making, isPart: true }));
  }
  for (const one of demanded) {
    const here = isObject(whole) && !Object.hasOwn(node, 'properties') ? whole : undefined;
    if (here !== undefined && !Object.hasOwn(here, one)) whole = { ...here, [one]: one };
  }
  for (const key of ['oneOf', 'anyOf']) {
    for (const choice of listAt(node, key)) {
      const view = schema.at(choice);
      if (isObject(view.value) && (view.value['type'] === 'null' || onlyDemands(view.value))) continue;
      const made = sample(view, name, making);
      if (made === undefined) continue;
      add(made);
      break;
    }
  }
  return whole;
}

/** Whether a schema says only which members there must be. */
function onlyDemands(node: JsonObject): boolean {
  return Object.keys(node).every((key) => key === 'required' || key === 'not' || key === 'title');
}

/** Whether a part makes a value although it names no type. */
function hasChoices(node: JsonObject): boolean {
  return ['allOf', 'anyOf', 'oneOf', 'enum', 'const', 'example', 'default'].some((key) =>
    Object.hasOwn(node, key),
  );
}

/**
 * An object with the described members, and the required ones that are not described; undefined when a required
 * member has no finite value.
 */
function objectFor(
  schema: SchemaView,
  node: JsonObject,
  making: Making,
  isPart: boolean,
): JsonObject | undefined {
  const properties = objectAt(node, 'properties') ?? {};
  const required = new Set(textsAt(node, 'required'));
  const result: JsonObject = {};
  for (const [name, value] of Object.entries(properties)) {
    const enough = making.made.count > enoughCount || making.trail.length > enoughDepth;
    if (enough && !required.has(name)) continue;
    const property = schema.at(value);
    if (property.value === false) continue;
    if (isObject(property.value) && flagAt(property.value, 'writeOnly') === true) continue;
    const made = sample(property, name, making);
    if (made !== undefined) put(result, name, made);
    else if (required.has(name)) {
      if (!property.nullable && faultsOf(null, property, 'reply').length > 0) return undefined;
      put(result, name, null);
    }
  }
  const others = own(node, 'additionalProperties');
  for (const name of required) {
    if (isPart || Object.hasOwn(result, name) || Object.hasOwn(properties, name)) continue;
    put(result, name, isObject(others) ? (sample(schema.at(others), name, making) ?? null) : name);
  }
  const least = node['minProperties'];
  for (let n = 1; typeof least === 'number' && Object.keys(result).length < least && n <= 16; n++) {
    if (others === false) break;
    put(result, `key${n}`, isObject(others) ? (sample(schema.at(others), 'text', making) ?? null) : 'text');
  }
  return result;
}

/** A key like "__proto__" is data here. */
function put(target: JsonObject, name: string, value: JsonValue): void {
  Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
}

/** A list of one item, or of as many as the schema asks for. */
function listFor(
  schema: SchemaView,
  node: JsonObject,
  name: string,
  making: Making,
): JsonValue[] | undefined {
  const least = typeof node['minItems'] === 'number' ? Math.min(node['minItems'], 1000) : 0;
  const most = typeof node['maxItems'] === 'number' ? node['maxItems'] : Number.POSITIVE_INFINITY;
  const first = listAt(node, 'prefixItems');
  const items = own(node, 'items');
  const enough = making.made.count > enoughCount || making.trail.length > enoughDepth;
  const wanted = Math.min(most, Math.max(least, first.length, enough ? 0 : 1));
  const values = isObject(items) ? listAt(schema.at(items).value as JsonObject, 'enum') : [];
  const result: JsonValue[] = [];
  for (let index = 0; index < wanted; index++) {
    const said = first[index] ?? (Array.isArray(items) ? items[index] : items);
    const made = values[index] ?? sample(schema.at(said), name.replace(/s$/, ''), making);
    if (made === undefined) return result.length >= least ? result : undefined;
    result.push(made);
  }
  return result;
}

/** The type of a schema that names none. */
function guess(node: JsonObject): string | undefined {
  if (isObjectLike([{ node, home: node }]) || node['required'] !== undefined) return 'object';
  if (node['items'] !== undefined || node['prefixItems'] !== undefined) return 'array';
  if (['minimum', 'maximum', 'multipleOf'].some((key) => typeof node[key] === 'number')) return 'number';
  const isText = ['pattern', 'minLength', 'maxLength', 'format'].some((key) => node[key] !== undefined);
  return isText && textAt(node, 'format') !== 'int32' ? 'string' : undefined;
}
