import { isDeepStrictEqual } from 'node:util';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { childPointer } from '../../common/json-pointer.ts';
import { linearPattern, type LinearPattern } from '../../common/linear-pattern.ts';
import type { Fault } from '../../errors.ts';
import { typesOf } from './types.ts';
import { flagAt, listAt, objectAt, own, textsAt } from '../read.ts';
import type { SchemaView } from './schema-view.ts';

/** More would not help the reader. */
const faultsMaxCount = 20;
/** The check follows a schema that leads to itself for the same value only this deep. */
const depthMax = 64;

/** Whether `readOnly` properties may be missing: they do not travel in requests. */
type Direction = 'request' | 'reply';

/**
 * The reasons why a value does not fit a schema, by JSON pointer; empty when it fits. JSON Schema as OpenAPI 2.0 to 3.2 and
 * OpenRPC write it. A part that a document leaves open (a `$ref` that leads nowhere, an unknown format) allows any value.
 *
 * Written by hand and not with Ajv. Ajv compiles everything that a schema reaches before it checks the first value: 2.2 s
 * for one answer of Stripe's document, where this takes 0.03 s. It also refuses schemas that real documents have
 * (`nullable` without a type), and it reports the faults of all members of a choice, not those of the nearest one.
 */
export function faultsOf(value: JsonValue, schema: SchemaView, direction: Direction = 'request'): Fault[] {
  const faults: Fault[] = [];
  look({ value, pointer: '', faults, direction, depth: 0, open: false }, schema);
  return faults.slice(0, faultsMaxCount);
}

interface Look {
  value: JsonValue;
  pointer: string;
  faults: Fault[];
  direction: Direction;
  depth: number;
  /** True for a part of an `allOf`: a part that closes itself would refuse the properties of the others. */
  open: boolean;
}

/** Checks one value against one schema and adds its faults. */
function look(at: Look, schema: SchemaView): void {
  const { value, faults, pointer, depth } = at;
  const node = schema.value;
  const say = (detail: string): void => void faults.push({ pointer, detail });
  if (node === false) return say('must not be there');
  if (!isObject(node) || depth > depthMax || faults.length >= faultsMaxCount) return;
  // `nullable` counts also without a type, as many documents write it.
  if (value === null && (schema.nullable || node['nullable'] === true || node['x-nullable'] === true)) return;
  const types = typesOf(node);
  const values = listAt(node, 'enum');
  const listed = values.some((one) => isDeepStrictEqual(one, value));
  // Some documents enumerate numbers for a text. The enumeration counts more than the type.
  if (!listed && types !== undefined && !types.some((type) => isOf(value, type))) {
    // The bytes of a file are not checked.
    if (node['format'] !== 'binary' && node['type'] !== 'file') say(`must be ${types.join(' or ')}`);
    return;
  }
  if (values.length > 0 && !listed) {
    say(`must be one of ${values.slice(0, 30).map(quoted).join(', ')}${values.length > 30 ? ', …' : ''}`);
  }
  const fixed = own(node, 'const');
  if (fixed !== undefined && !isDeepStrictEqual(fixed, value)) say(`must be ${quoted(fixed)}`);
  if (typeof value === 'string') lookAtText(value, node, say);
  if (typeof value === 'number') lookAtNumber(value, node, say);
  if (Array.isArray(value)) lookAtList(at, value, node, schema);
  else if (isObject(value)) lookAtObject(at, value, node, schema);
  lookAtChoices(at, node, schema);
}

/** Checks `allOf`, `anyOf`, `oneOf` and `not`. A choice that no member fits has the faults of its nearest member. */
function lookAtChoices(at: Look, node: JsonObject, schema: SchemaView): void {
  const inner = { ...at, depth: at.depth + 1 };
  for (const part of listAt(node, 'allOf')) look({ ...inner, open: true }, schema.at(part));
  for (const key of ['anyOf', 'oneOf']) {
    const choices = listAt(node, key);
    if (choices.length === 0) continue;
    let best: Fault[] | undefined;
    for (const choice of choices) {
      const faults: Fault[] = [];
      look({ ...inner, faults }, schema.at(choice));
      // The nearest member is the one with the fewest faults.
      if (best === undefined || faults.length < best.length) best = faults;
      if (faults.length === 0) break;
    }
    at.faults.push(...(best ?? []));
  }
  const not = own(node, 'not');
  const refused = not === undefined ? undefined : schema.at(not);
  if (refused !== undefined && isObject(refused.value)) {
    const faults: Fault[] = [];
    look({ ...inner, faults }, refused);
    if (faults.length === 0) at.faults.push({ pointer: at.pointer, detail: 'is what must not be there' });
  }
}

/** Checks length and pattern. A character outside the BMP counts as one. */
function lookAtText(value: string, node: JsonObject, say: (detail: string) => void): void {
  const { minLength, maxLength, pattern } = node;
  const length = Array.from(value).length;
  if (typeof minLength === 'number' && length < minLength) say(`must have at least ${minLength} characters`);
  if (typeof maxLength === 'number' && length > maxLength) say(`must have at most ${maxLength} characters`);
  if (typeof pattern === 'string' && documentPattern(pattern)?.test(value) === false)
    say(`must match ${pattern}`);
}

/** Checks the limits and the step of a number. */
function lookAtNumber(value: number, node: JsonObject, say: (detail: string) => void): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = node;
  // Before 3.1 the exclusive ones are flags beside the limits.
  if (typeof minimum === 'number') {
    if (exclusiveMinimum === true ? value <= minimum : value < minimum)
      say(`must be ${exclusiveMinimum === true ? 'above' : 'at least'} ${minimum}`);
  }
  if (typeof maximum === 'number') {
    if (exclusiveMaximum === true ? value >= maximum : value > maximum)
      say(`must be ${exclusiveMaximum === true ? 'below' : 'at most'} ${maximum}`);
  }
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum)
    say(`must be above ${exclusiveMinimum}`);
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum)
    say(`must be below ${exclusiveMaximum}`);
  if (typeof multipleOf === 'number' && multipleOf > 0) {
    const times = value / multipleOf;
    // 0.3 / 0.1 is not quite 3.
    if (Math.abs(times - Math.round(times)) > 1e-9 * Math.max(1, Math.abs(times)))
      say(`must be a multiple of ${multipleOf}`);
  }
}

/** Checks the length of a list and each item. */
function lookAtList(at: Look, value: JsonValue[], node: JsonObject, schema: SchemaView): void {
  const { minItems, maxItems } = node;
  const say = (detail: string): void => void at.faults.push({ pointer: at.pointer, detail });
  if (typeof minItems === 'number' && value.length < minItems) say(`must have at least ${minItems} items`);
  if (typeof maxItems === 'number' && value.length > maxItems) say(`must have at most ${maxItems} items`);
  const first = listAt(node, 'prefixItems');
  const items = own(node, 'items');
  for (const [index, item] of value.entries()) {
    const rest = Array.isArray(items) ? items[index] : items;
    const inner = schema.at(first[index] ?? rest);
    look({ ...at, value: item, pointer: `${at.pointer}/${index}`, depth: at.depth + 1, open: false }, inner);
  }
}

/** Checks the required members and each member that is there. */
function lookAtObject(at: Look, value: JsonObject, node: JsonObject, schema: SchemaView): void {
  const properties = objectAt(node, 'properties') ?? {};
  const patterns = Object.entries(objectAt(node, 'patternProperties') ?? {});
  const others = own(node, 'additionalProperties') ?? own(node, 'unevaluatedProperties');
  // A schema with parts does not know the properties of its parts, so that it cannot close itself.
  const closed =
    others === false &&
    !at.open &&
    !['allOf', 'anyOf', 'oneOf', 'discriminator'].some((key) => Object.hasOwn(node, key));
  const pointer = (name: string): string => childPointer(at.pointer, name);
  for (const name of textsAt(node, 'required')) {
    if (own(value, name) !== undefined) continue;
    const missing = schema.at(own(properties, name)).value;
    const unasked =
      isObject(missing) && flagAt(missing, at.direction === 'request' ? 'readOnly' : 'writeOnly');
    if (unasked !== true) at.faults.push({ pointer: pointer(name), detail: 'is missing' });
  }
  for (const [name, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const within = { ...at, value: inner, pointer: pointer(name), depth: at.depth + 1, open: false };
    const matching = patterns.filter(([pattern]) => documentPattern(pattern)?.test(name) === true);
    for (const [, said] of matching) look(within, schema.at(said));
    if (Object.hasOwn(properties, name)) look(within, schema.at(properties[name]));
    else if (matching.length > 0) continue;
    else if (closed) at.faults.push({ pointer: within.pointer, detail: 'is not known here' });
    else if (isObject(others)) look(within, schema.at(others));
  }
}

/** Whether a value has a type of JSON Schema. 3.0 is an integer. */
function isOf(value: JsonValue, type: string): boolean {
  if (typeof value === 'bigint') return type === 'integer' || type === 'number';
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'null') return value === null;
  if (type === 'object') return isObject(value);
  return typeof value === type;
}

/** A pattern as the document means it; undefined for one that cannot be run in linear time. */
export function documentPattern(pattern: string): LinearPattern | undefined {
  return linearPattern(pattern) ?? linearPattern(pattern, 'loose');
}

function quoted(value: JsonValue): string {
  return JSON.stringify(value);
}

/** Faults in one text: each pointer with its detail. */
export function faultWords(faults: readonly Fault[]): string {
  return faults.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()).join('; ');
}
