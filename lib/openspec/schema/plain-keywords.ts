import type { JsonObject, JsonValue } from '../../common/json.ts';
import { linearPattern } from '../../common/linear-pattern.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { listAt, own, textAt } from '../read.ts';
import { shorten } from '../shorten.ts';
import type { SchemaDetail, SchemaDialect } from './dialect.ts';
import type { Layer } from './layers.ts';

const LOWER = ['minimum', 'exclusiveMinimum'] as const;
const UPPER = ['maximum', 'exclusiveMaximum'] as const;
const LOWER_COUNTS = ['minLength', 'minItems', 'minProperties'] as const;
const UPPER_COUNTS = ['maxLength', 'maxItems', 'maxProperties'] as const;

/** A longer pattern is cut in a warning. */
const PATTERN_SHOWN_MAX_LENGTH = 80;
/** A longer default is left out, in bytes of JSON. */
const DEFAULT_MAX_BYTES = 256;

/** The keywords that hold no schemas, and the bytes of the long ones among them. */
interface PlainKeywords {
  schema: JsonSchema;
  bytes: number;
}

/** The keywords without schemas that hold when all layers hold. `note` receives the warnings of the dialect. */
export function plainKeywordsOf(
  layers: readonly Layer[],
  nullable: boolean,
  detail: SchemaDetail,
  dialect: SchemaDialect,
  note: (warning: string | undefined) => void,
): PlainKeywords {
  if (detail.isPlain === true) return { schema: {}, bytes: 0 };
  const limits = limitsOf(layers);
  const plain: PlainKeywords = {
    schema: limits,
    bytes: Buffer.byteLength(JSON.stringify(limits)) - '{}'.length,
  };
  for (const key of dialect.textKeywords) {
    const text = firstText(layers, key);
    if (text !== undefined) put(plain, key, text);
  }
  if (dialect.marksFilesBy === 'format' && layers.some(({ node }) => node['type'] === 'file'))
    put(plain, 'format', 'binary');
  if (layers.some(({ node }) => node['uniqueItems'] === true)) plain.schema['uniqueItems'] = true;
  for (const { node } of layers) {
    const pattern = textAt(node, 'pattern');
    if (pattern === undefined) continue;
    if (!linearPattern(pattern)) note(patternWarning(pattern)); // A looser schema is better than none.
    else if (plain.schema['pattern'] === undefined) put(plain, 'pattern', pattern);
  }
  const standard = defaultOf(layers);
  if (standard !== undefined) put(plain, 'default', standard);
  const choices = choicesOf(layers, nullable);
  if (choices !== undefined && Buffer.byteLength(JSON.stringify(choices)) <= detail.enumBytes)
    put(plain, 'enum', choices);
  return plain;
}

/** The warning about a pattern that the schema leaves out. */
function patternWarning(pattern: string): string {
  const shown = JSON.stringify(shorten(pattern, PATTERN_SHOWN_MAX_LENGTH));
  return `The pattern ${shown} is not checked: it is no pattern of JSON Schema, or has no linear time.`;
}

/** Sets a long keyword, and counts its bytes with the quotes, the colon and the comma. */
function put(plain: PlainKeywords, key: string, value: JsonValue): void {
  plain.schema[key] = value;
  plain.bytes += Buffer.byteLength(JSON.stringify(value)) + key.length + 4;
}

/** The first text under a key, as the first layer counts. */
function firstText(layers: readonly Layer[], key: string): string | undefined {
  for (const { node } of layers) {
    const text = textAt(node, key);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** The numeric limits that hold when all layers hold: the tightest of each. Limits that are not numbers are left out. */
function limitsOf(layers: readonly Layer[]): JsonSchema {
  const limits: JsonSchema = {};
  for (const { node } of layers) {
    for (const key of LOWER) if (isNumber(node, key) && !isFlagged(node, key)) raise(limits, key, node[key]);
    for (const key of UPPER) if (isNumber(node, key) && !isFlagged(node, key)) lower(limits, key, node[key]);
    // Until draft 4 (OpenAPI 3.0) `exclusiveMinimum: true` says how to read `minimum`.
    if (isFlagged(node, 'minimum') && isNumber(node, 'minimum'))
      raise(limits, 'exclusiveMinimum', node['minimum']);
    if (isFlagged(node, 'maximum') && isNumber(node, 'maximum'))
      lower(limits, 'exclusiveMaximum', node['maximum']);
    for (const key of LOWER_COUNTS) if (isCount(node, key)) raise(limits, key, node[key]);
    for (const key of UPPER_COUNTS) if (isCount(node, key)) lower(limits, key, node[key]);
    if (isNumber(node, 'multipleOf') && node['multipleOf'] > 0) limits['multipleOf'] ??= node['multipleOf'];
  }
  return limits;
}

/** Keeps the higher one of two lower limits. */
function raise(limits: JsonSchema, key: string, value: number): void {
  const before = limits[key];
  limits[key] = typeof before === 'number' ? Math.max(before, value) : value;
}

/** Keeps the lower one of two upper limits. */
function lower(limits: JsonSchema, key: string, value: number): void {
  const before = limits[key];
  limits[key] = typeof before === 'number' ? Math.min(before, value) : value;
}

/** Whether a limit itself is excluded, by the flag of draft 4. */
function isFlagged(node: JsonObject, limit: string): boolean {
  if (limit === 'minimum') return node['exclusiveMinimum'] === true;
  return limit === 'maximum' && node['exclusiveMaximum'] === true;
}

function isNumber<K extends string>(node: JsonObject, key: K): node is JsonObject & Record<K, number> {
  return typeof node[key] === 'number';
}

/** Whether a keyword is a whole number from 0 on. */
function isCount<K extends string>(node: JsonObject, key: K): node is JsonObject & Record<K, number> {
  return Number.isInteger(node[key]) && Number(node[key]) >= 0;
}

/** The values that all layers allow (`enum`, `const`), each once, and null for a nullable schema; undefined for any value. */
function choicesOf(layers: readonly Layer[], nullable: boolean): JsonValue[] | undefined {
  let choices: Map<string, JsonValue> | undefined;
  for (const { node } of layers) {
    const listed = Object.hasOwn(node, 'const') ? [node['const'] ?? null] : listAt(node, 'enum');
    if (listed.length === 0) continue;
    const texts = new Map(listed.map((value) => [JSON.stringify(value), value]));
    // A value has to be in the list of every layer.
    choices = choices === undefined ? texts : new Map([...choices].filter(([text]) => texts.has(text)));
  }
  if (choices === undefined || choices.size === 0) return undefined;
  if (nullable) choices.set('null', null);
  return [...choices.values()];
}

/** The first default of the layers that is short enough; undefined for none. */
function defaultOf(layers: readonly Layer[]): JsonValue | undefined {
  return layers
    .map(({ node }) => own(node, 'default'))
    .find(
      (value) =>
        value !== undefined &&
        value !== null &&
        Buffer.byteLength(JSON.stringify(value)) <= DEFAULT_MAX_BYTES,
    );
}
