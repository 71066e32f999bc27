import type { Ajv, ErrorObject, FuncKeywordDefinition, SchemaValidateFunction, ValidateFunction } from 'ajv';
import { closestWord } from '../common/closest-word.ts';
import { unknownKey } from '../common/coded-fault.ts';
import { cutWords } from '../common/cut-words.ts';
import { childPointer } from '../common/json-pointer.ts';
import { mapBigints } from '../common/exact-numbers.ts';
import { isObject, type JsonValue } from '../common/json.ts';
import type { Fault } from '../errors.ts';
import type { ExactFields, RouteSchema } from './mount.ts';

/** A larger value gets its first fault only: a list of all faults would be larger than the value. */
const ALL_FAULTS_MAX_VALUES = 10_000;
/** The check of so many values takes some 50 ms. No client sends more; the values of a document are not counted. */
const VALUES_MAX_COUNT = 100_000;
/** More faults help nobody. */
const FAULTS_MAX_COUNT = 100;
/** The length to which a refused name is cut. */
const NAME_SHOWN = 80;
const DRY_RUN = 'dryRun';
/** So many fields are compared with it: no client has more without a name in the schema, and an attacker has many thousands. */
const COMPARED_MAX_COUNT = 100;

/** A value read by a schema: its known fields, the unknown ones that were left out, and its faults. */
interface Reading {
  value: unknown;
  /** JSON pointers of fields that the schema does not know. */
  ignored: string[];
  faults: Fault[];
}

/**
 * Reads values by one schema. Never throws: a bad value has faults. A bigint is checked as the nearest number. With exact fields the
 * value may have bigints; those of named fields become numbers where the exact fields are the unnamed ones.
 */
export type Reader = (value: unknown, exactFields?: ExactFields) => Reading;

const readers = new WeakMap<RouteSchema, Reader>();

/**
 * The reader for a schema, compiled once, with its first value. It drops unknown fields of objects with `properties`. An
 * unknown field is a fault where the schema says `additionalProperties: false`. A field beside `properties` that may mean a dry run is
 * one in any case: a wish that is not understood must not become a real run. A field that is null counts as missing, because
 * several clients send all their fields, set or not. Where the schema names null among the types, it is a value.
 */
export async function readerOf(schema: RouteSchema): Promise<Reader> {
  let reader = readers.get(schema);
  if (!reader) {
    const { Ajv2020 } = (await import('ajv/dist/2020.js')).default;
    const options = {
      meta: false,
      validateSchema: false,
      strict: false,
      verbose: true,
      logger: false,
      code: { optimize: false }, // the optimization takes longer than it saves
    } as const;
    let first: ValidateFunction | undefined;
    let all: ValidateFunction | undefined;
    reader = (value, exactFields) => {
      first ??= withShortCounts(new Ajv2020(options)).compile(schema);
      const picked: Picked = { count: 0, unnamedCount: 0, ignored: [], faults: [] };
      const picks = pick(schema, value, '', picked);
      const known = typeof exactFields === 'string' ? withRoundedFields(schema, picks) : picks;
      const checked = exactFields ? mapBigints(known as JsonValue, Number) : known; // Ajv knows no bigints
      if (picked.count > VALUES_MAX_COUNT) return { value: known, ignored: [], faults: [TOO_MANY_VALUES] };
      const isValid = first(checked);
      if (isValid && picked.faults.length === 0) return { value: known, ignored: picked.ignored, faults: [] };
      let { errors } = first;
      if (!isValid && picked.count <= ALL_FAULTS_MAX_VALUES) {
        all ??= withShortCounts(new Ajv2020({ ...options, allErrors: true })).compile(schema);
        all(checked);
        errors = all.errors;
      }
      return { value: known, ignored: picked.ignored, faults: [...picked.faults, ...faultsOf(errors ?? [])] };
    };
    readers.set(schema, reader);
  }
  return reader;
}

/** Ajv counts all characters of a text, also of one of 20 MB. Here no more are counted than the limit takes. */
function withShortCounts<Validator extends Pick<Ajv, 'removeKeyword' | 'addKeyword'>>(
  ajv: Validator,
): Validator {
  const bounds: Record<string, { words: string; holds: (text: string, limit: number) => boolean }> = {
    minLength: { words: 'fewer', holds: (text, limit) => countUpTo(text, limit) >= limit },
    maxLength: { words: 'more', holds: (text, limit) => countUpTo(text, limit + 1) <= limit },
  };
  for (const [keyword, { words, holds }] of Object.entries(bounds)) {
    const validate: SchemaValidateFunction = (limit: number, text: string) => {
      const message = `must NOT have ${words} than ${limit} characters`;
      validate.errors = [{ keyword, message, params: { limit } }];
      return holds(text, limit);
    };
    const definition: FuncKeywordDefinition = { keyword, type: 'string', schemaType: 'number', validate };
    ajv.removeKeyword(keyword);
    ajv.addKeyword(definition);
  }
  return ajv;
}

/** The number of characters of a text, or `most` when it has more [RFC 8259 7]. */
function countUpTo(text: string, most: number): number {
  let count = 0;
  for (const _character of text) if ((count += 1) >= most) break;
  return Math.min(count, most);
}

const TOO_MANY_VALUES: Fault = {
  pointer: '',
  detail: `has more than ${VALUES_MAX_COUNT} values: send it in parts`,
};

interface Picked {
  count: number;
  /** How many fields no schema has named. */
  unnamedCount: number;
  ignored: string[];
  faults: Fault[];
}

function pick(schema: RouteSchema, value: unknown, pointer: string, picked: Picked): unknown {
  picked.count += 1;
  if (picked.count > VALUES_MAX_COUNT) return undefined;
  if (Array.isArray(value)) {
    const items = schema.items as RouteSchema | undefined;
    return items ? value.map((item, index) => pick(items, item, `${pointer}/${index}`, picked)) : value;
  }
  const properties = schema.properties as Readonly<Record<string, RouteSchema>> | undefined;
  const others = schema.additionalProperties as RouteSchema | undefined;
  if (!isObject(value) || (!properties && !others)) return value;
  const known: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    const at = childPointer(pointer, name);
    const isNamed = properties !== undefined && Object.hasOwn(properties, name);
    const fault = isNamed || !properties ? undefined : unnamedFault(schema, name, picked);
    const inner = isNamed ? properties[name] : others;
    if (fault !== undefined) noteFault(picked, at, fault);
    else if (!inner) picked.ignored.push(at);
    else if (field !== null || allowsNull(inner)) known[name] = pick(inner, field, at, picked);
  }
  return known;
}

/** The value with numbers in the place of its bigints, except in fields that the schema does not name. */
function withRoundedFields(schema: RouteSchema, value: unknown): unknown {
  const properties = schema.properties as Readonly<Record<string, RouteSchema>> | undefined;
  const items = schema.items as RouteSchema | undefined;
  if (Array.isArray(value) && items) return value.map((item) => withRoundedFields(items, item));
  if (!isObject(value)) return mapBigints(value as JsonValue, Number);
  if (!properties) return schema.type === 'object' ? value : mapBigints(value, Number);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      Object.hasOwn(properties, name) ? withRoundedFields(properties[name]!, inner) : inner,
    ]),
  );
}

/** The fault of a field that the schema does not name; undefined where such a field is ignored, or taken as it is. */
function unnamedFault(schema: RouteSchema, name: string, picked: Picked): string | undefined {
  const names = Object.keys(schema.properties as object);
  picked.unnamedCount += 1;
  const isCompared = picked.unnamedCount <= COMPARED_MAX_COUNT && name.length < 2 * DRY_RUN.length;
  const asksDryRun = isCompared && closestWord(name, [DRY_RUN]) !== undefined;
  if (asksDryRun && !names.includes(DRY_RUN)) return 'asks for a dry run, which this request cannot make';
  return asksDryRun || schema.additionalProperties === false ? unknownKey(name, names) : undefined;
}

function noteFault({ faults }: Picked, pointer: string, detail: string): void {
  if (faults.length < FAULTS_MAX_COUNT) faults.push({ pointer, detail });
}

function allowsNull({ type }: RouteSchema): boolean {
  return Array.isArray(type) && type.includes('null');
}

function faultsOf(errors: readonly ErrorObject[]): Fault[] {
  return (
    errors
      // For anyOf and propertyNames one fault for the whole is enough; for a condition, that of its part.
      .filter(({ schemaPath, keyword }) => !/\/(anyOf|propertyNames)\//.test(schemaPath) && keyword !== 'if')
      .slice(0, FAULTS_MAX_COUNT)
      .map((error) => ({ pointer: pointerOf(error), detail: detailOf(error) }))
  );
}

function pointerOf({ keyword, instancePath, params }: ErrorObject): string {
  return keyword === 'required' ? childPointer(instancePath, String(params.missingProperty)) : instancePath;
}

function detailOf({ keyword, params, schema, parentSchema, message }: ErrorObject): string {
  if (keyword === 'required') return 'is missing';
  if (keyword === 'propertyNames') {
    const wanted = (schema as { description?: string }).description ?? 'another one';
    return `has a field "${cutWords(String(params.propertyName), NAME_SHOWN)}", whose name must be ${wanted}`;
  }
  const described = (parentSchema as { description?: string } | undefined)?.description;
  if (keyword === 'enum') return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`;
  if (keyword === 'const') return `must be ${String(params.allowedValue)}`;
  if ((keyword === 'minLength' || keyword === 'minItems') && params.limit === 1) return 'must not be empty';
  if ((keyword === 'anyOf' || keyword === 'pattern') && described !== undefined)
    return `must be ${described}`;
  if (keyword === 'type') return `must be ${[params.type].flat().join(' or ')}`;
  return message ?? 'is not valid';
}
