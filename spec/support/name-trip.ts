import { isObject, type JsonObject, type JsonValue } from '../../lib/common/json.ts';
import { argumentKeyOf, innerKeyOf, isKey } from '../../lib/openspec/names.ts';
import type { SchemaView } from '../../lib/openspec/schema/schema-view.ts';

/** A deeper member is left out unless it is required. */
const SAMPLE_MAX_DEPTH = 7;
/** A sample has about this many values at most. */
const SAMPLE_MAX_COUNT = 400;

/** Arguments for a tool, made from nothing but its offered parameters. */
export class ArgumentSampler {
  /** The keys that no schema describes, by the object that holds them: they must arrive as they are. */
  readonly extras = new WeakMap<object, Set<string>>();
  readonly #root: JsonObject;
  /** Each sample takes the next member of a choice. */
  readonly #turn: number;
  #count = 0;

  constructor(parameters: JsonObject, turn: number) {
    this.#root = parameters;
    this.#turn = turn;
  }

  sample(): JsonObject {
    return this.#object(this.#root, 0, false);
  }

  #value(schema: JsonValue | undefined, depth: number, inChoice: boolean): JsonValue {
    this.#count++;
    if (!isObject(schema)) return 'text';
    const ref = schema['$ref'];
    if (typeof ref === 'string') {
      const definitions = this.#root['$defs'];
      return this.#value(
        isObject(definitions) ? definitions[ref.slice('#/$defs/'.length)] : {},
        depth + 1,
        inChoice,
      );
    }
    const values = schema['enum'];
    if (Array.isArray(values)) return values[0] ?? null;
    const choices = schema['anyOf'];
    if (Array.isArray(choices)) {
      const made = this.#value(choices[this.#turn % choices.length], depth + 1, true);
      return isObject(made) ? { ...this.#object(schema, depth, true), ...made } : made;
    }
    const types = new Set([schema['type']].flat());
    if (types.has('object')) return this.#object(schema, depth, inChoice);
    if (types.has('array'))
      return this.#isEnough(depth) ? [] : [this.#value(schema['items'], depth + 1, false)];
    if (types.has('integer') || types.has('number')) return 1;
    return types.has('boolean') ? true : 'dGV4dA==';
  }

  #object(schema: JsonObject, depth: number, inChoice: boolean): JsonObject {
    const made: JsonObject = {};
    const properties = isObject(schema['properties']) ? schema['properties'] : {};
    const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
    for (const [key, member] of Object.entries(properties)) {
      if (depth > 0 && this.#isEnough(depth) && !required.has(key)) continue;
      if (depth > 3 * SAMPLE_MAX_DEPTH) continue;
      made[key] = this.#value(member, depth + 1, false);
    }
    const others = schema['additionalProperties'];
    if (depth === 0 || others === false || inChoice || this.#isEnough(depth)) return made;
    for (const key of ['type', 'ref', 'schema']) {
      if (Object.hasOwn(properties, key)) continue;
      made[key] = this.#value(isObject(others) ? others : {}, depth + 1, true);
      this.extras.set(made, (this.extras.get(made) ?? new Set()).add(key));
    }
    return made;
  }

  #isEnough(depth: number): boolean {
    return depth > SAMPLE_MAX_DEPTH || this.#count > SAMPLE_MAX_COUNT;
  }
}

/** The faults of a value that arrived, against the value that was given and the names in the document's own schema. */
export function nameFaults(
  given: JsonValue,
  received: JsonValue | undefined,
  schemas: readonly SchemaView[],
  extras: ArgumentSampler['extras'],
  { pointer = '', withValues = true }: { pointer?: string; withValues?: boolean } = {},
): string[] {
  if (typeof given !== 'object' || given === null)
    return !withValues || given === received ? [] : [`${pointer}: ${JSON.stringify(received)} arrived`];
  const all = schemas.flatMap((schema) => partsOf(schema, 0));
  if (Array.isArray(given)) {
    // A form writes the items of a list under their numbers.
    const items = !withValues && isObject(received) ? Object.values(received) : [received].flat();
    if (!withValues && given.length === 0) return [];
    if (items.length !== given.length) return [`${pointer}: ${items.length} items arrived`];
    const inner = all.map((schema) => schema.at(isObject(schema.value) ? schema.value['items'] : undefined));
    return given.flatMap((item, index) =>
      nameFaults(item, items[index], inner, extras, { pointer: `${pointer}/${index}`, withValues }),
    );
  }
  // A form holds an object as JSON in one field.
  if (!withValues && typeof received === 'string')
    return nameFaults(given, JSON.parse(received) as JsonValue, schemas, extras, { pointer, withValues });
  if (received === undefined && Object.keys(given).length === 0) return [];
  if (!isObject(received)) return [`${pointer}: no object arrived`];
  const names = new Set(all.flatMap(({ value }) => Object.keys(propertiesIn(value))));
  const faults: string[] = [];
  const wanted = new Set<string>();
  for (const [key, inner] of Object.entries(given)) {
    const isExtra = extras.get(given)?.has(key) === true;
    // A reader of queries finds no members that the document does not describe.
    if (isExtra && !withValues) continue;
    const candidates = isExtra ? [key] : namesOf(key, names);
    const name = candidates.find((one) => Object.hasOwn(received, one));
    if (name === undefined) {
      const isEmpty = typeof inner === 'object' && Object.keys(inner ?? {}).length === 0;
      if (withValues || !isEmpty) faults.push(`${pointer}/${key}: none of ${candidates.join(', ')} arrived`);
      continue;
    }
    wanted.add(name);
    const members = all.flatMap((schema) => memberOf(schema, name));
    const at = { pointer: `${pointer}/${name}`, withValues };
    faults.push(...nameFaults(inner ?? null, received[name], members, extras, at));
  }
  for (const name of Object.keys(received)) {
    const isExtra = !withValues && extras.get(given)?.has(name) === true;
    if (!wanted.has(name) && !isExtra) faults.push(`${pointer}/${name}: arrived, too`);
  }
  return faults;
}

/** The names that a key may stand for: the same name where the document has it, else an odd name whose key it is. */
function namesOf(key: string, names: ReadonlySet<string>): string[] {
  const bare = key.replace(/__[a-zA-Z]+$/, '');
  const odd = [...names].filter(
    (name) =>
      !isKey(name) &&
      [argumentKeyOf(name), innerKeyOf(name)].some(
        (one) => one === key || one === bare || `${one}_2` === key,
      ),
  );
  if (names.has(key)) return [key, ...odd];
  if (odd.length > 0) return odd;
  return names.has(bare) ? [bare] : [key];
}

/** A schema and the members of its `allOf`, `anyOf` and `oneOf`. */
function partsOf(schema: SchemaView, depth: number): SchemaView[] {
  const { value } = schema;
  if (!isObject(value) || depth > 12) return [];
  const members = ['allOf', 'anyOf', 'oneOf'].flatMap((key) => {
    const list = value[key];
    return Array.isArray(list) ? list : [];
  });
  return [schema, ...members.flatMap((member) => partsOf(schema.at(member), depth + 1))];
}

function propertiesIn(value: JsonValue | undefined): JsonObject {
  return isObject(value) && isObject(value['properties']) ? value['properties'] : {};
}

function memberOf(schema: SchemaView, name: string): SchemaView[] {
  const properties = propertiesIn(schema.value);
  if (Object.hasOwn(properties, name)) return [schema.at(properties[name])];
  const others = isObject(schema.value) ? schema.value['additionalProperties'] : undefined;
  return isObject(others) ? [schema.at(others)] : [];
}
