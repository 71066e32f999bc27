import type { JsonObject, JsonValue } from '../common/json.ts';
import { isObject } from '../common/json.ts';
import type { JsonSchema } from '../core/tool.ts';
import { SpecError } from '../errors.ts';
import { innerKeyOf } from './names.ts';
import { convertSchema } from './schema-convert.ts';
import type { SchemaPlace } from './schema-convert.ts';
import { openShrink } from './schema-shrink.ts';
import type { Definition, Trim } from './schema-shrink.ts';
import { bytesOf, shorten, usesInPlace, usesOf, writeOut } from './schema-walk.ts';

/** Where a $ref leads. `id` names the place in the whole document set; `base` is where refs in `value` start from. */
export interface RefTarget {
  value: JsonValue;
  base: string;
  id: string;
}

/** Follows a $ref that stands in the document `base` ('' is the main one); undefined when it leads nowhere. */
export type ResolveRef = (ref: string, base: string) => RefTarget | undefined;

/** One argument of a tool, as its document describes it. */
export interface Argument {
  name: string;
  schema: JsonValue;
  required: boolean;
  /** Goes before the schema's own. */
  description?: string;
  /** The document that `schema` stands in. */
  base?: string;
}

export interface Parameters {
  schema: JsonSchema;
  /** What had to go to stay in the budget. */
  trimmed: Trim | undefined;
}

/**
 * The schemas of one document, made fit for model APIs: refs resolved on demand and converted once each, however many
 * tools share them. Draft 4 to 2020-12, OpenAPI 2.0 to 3.2 (`nullable`, `readOnly` left out: these are requests).
 *
 * Contract:
 * - What comes out accepts everything that the document accepts (what a model API does not know is left out), but for
 *   read-only members.
 * - `parameters` is an object schema without combinators at its root, closed to other arguments; arrays have `items`,
 *   every `$ref` leads to its own `$defs` (small and acyclic ones are written out), `const` is `enum`, `oneOf` is `anyOf`.
 * - Keys inside arguments that model APIs refuse are replaced; `restore` puts them back.
 * - A bad $ref inside a schema stands for any value, with a warning; an argument that is nothing but a bad $ref is a SpecError.
 * - Nothing is changed that was passed in; what comes out is shared between tools: do not change it.
 */
export interface Schemas {
  parameters(args: readonly Argument[]): Parameters;
  /** Arguments that fit `parameters` as the device knows them: replaced keys inside them put back. */
  restore(value: JsonValue): JsonValue;
  /** What was odd, each once, in plain words. */
  readonly warnings: ReadonlySet<string>;
}

/** A tool's schema is at most this long, unless told otherwise. */
const PARAMETERS_MAX_BYTES = 8 * 1024;
/** A definition is written out where it is used when it is short and refers at most so many levels down. */
const INLINE_MAX_BYTES = 1024;
const INLINE_MAX_LEVELS = 4;

/** How many merged definitions (allOf) may stand inside each other. */
const MERGE_MAX_LEVELS = 40;

/** Opens the schemas of one document (or of several that refer to each other). */
export function openSchemas(resolve: ResolveRef, maxBytes = PARAMETERS_MAX_BYTES): Schemas {
  const warnings = new Set<string>();
  const { define, target } = nameTargets(resolve);
  const made = new Map<string, Definition>();
  const inlined = new Map<string, { schema: JsonObject; levels: number } | null>();
  const expanded = new Map<string, Definition>();
  const making = new Set<string>();
  const renamed = new Map<string, string>();

  const place: SchemaPlace = {
    warn: (text) => warnings.add(text),
    define,
    key(name) {
      const key = innerKeyOf(name);
      if (key !== name) renamed.set(key, name);
      return key;
    },
    content: (name) =>
      making.has(name) || making.size > MERGE_MAX_LEVELS ? undefined : converted(name).schema,
  };
  /** A definition as it stands, refs left as refs. */
  const converted = (name: string): Definition => {
    let found = made.get(name);
    if (found === undefined) {
      making.add(name);
      const { value, base } = target(name);
      found = definition(name, convertSchema(value, base, place));
      making.delete(name);
      made.set(name, found);
    }
    return found;
  };
  /** The same, without choices that lead back to it for the same value: a validator would never come out of them. */
  const finite = (name: string): Definition => {
    const whole = converted(name);
    if (!reachesItself(name, (other) => usesInPlace(converted(other).schema))) return whole;
    const { $ref: _, anyOf: __, allOf: ___, ...rest } = whole.schema;
    return definition(name, rest);
  };
  /** A definition written out in full, when it is small and no cycle; it looks at most `levels` refs down. */
  const inline = (name: string, levels: number): { schema: JsonObject; levels: number } | null => {
    const known = inlined.get(name);
    if (known !== undefined) return known !== null && known.levels <= levels ? known : null;
    const { schema, bytes, uses } = finite(name);
    if (bytes <= INLINE_MAX_BYTES && uses.length > 0 && levels === 0) return null;
    let whole: JsonObject | null = bytes <= INLINE_MAX_BYTES ? schema : null;
    let deepest = 0;
    if (whole !== null && uses.length > 0) {
      const parts = new Map<string, JsonObject>();
      for (const use of uses) {
        const part = inline(use, levels - 1);
        if (part === null) break;
        deepest = Math.max(deepest, part.levels + 1);
        parts.set(use, part.schema);
      }
      // With fewer levels than allowed this says nothing about the definition itself.
      if (parts.size < uses.length && levels < INLINE_MAX_LEVELS) return null;
      whole = parts.size < uses.length ? null : writeOut(schema, (use) => parts.get(use));
    }
    const result =
      whole === null || bytesOf(whole) > INLINE_MAX_BYTES ? null : { schema: whole, levels: deepest };
    inlined.set(name, result);
    return result;
  };
  const writeSmall = (schema: JsonObject): JsonObject =>
    writeOut(schema, (use) => inline(use, INLINE_MAX_LEVELS)?.schema);
  const expand = (name: string): Definition => {
    let found = expanded.get(name);
    if (found === undefined) {
      found = definition(name, writeSmall(finite(name).schema));
      expanded.set(name, found);
    }
    return found;
  };

  const shrink = openShrink(expand, maxBytes);
  const argumentSchema = ({ name, schema, description, base = '' }: Argument): JsonObject => {
    checkRefs(name, schema, base, resolve);
    const own = writeSmall(convertSchema(schema, base, place));
    const inner = own['description'];
    const texts = new Set([description, typeof inner === 'string' ? inner : undefined]);
    const text = [...texts].filter((part) => part !== undefined && part !== '').join('\n');
    return text === '' ? own : { ...own, description: shorten(text, 1024) };
  };

  const restore = (value: JsonValue): JsonValue => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(restore);
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        renamed.get(key) ?? key,
        inner === undefined ? inner : restore(inner),
      ]),
    );
  };

  return {
    warnings,
    restore: (value) => (renamed.size === 0 ? value : restore(value)),
    parameters(args) {
      const properties: JsonObject = {};
      for (const arg of args) properties[arg.name] = argumentSchema(arg);
      const required = args.filter((arg) => arg.required).map((arg) => arg.name);
      const root: JsonObject = { type: 'object', properties };
      if (required.length > 0) root['required'] = required;
      root['additionalProperties'] = false;
      return shrink(root);
    },
  };
}

function definition(name: string, schema: JsonObject): Definition {
  return { name, schema, bytes: bytesOf(schema), uses: usesOf(schema) };
}

/** Gives every place that a $ref leads to a short name of its own, the same every time. */
function nameTargets(resolve: ResolveRef): {
  define: SchemaPlace['define'];
  target: (name: string) => RefTarget;
} {
  const targets = new Map<string, RefTarget>();
  const nameById = new Map<string, string>();
  return {
    define(ref, base) {
      let found = resolve(ref, base);
      for (let hops = 0; found !== undefined; hops++) {
        const next: unknown =
          isObject(found.value) && Object.keys(found.value).length === 1 ? found.value['$ref'] : 0;
        if (typeof next !== 'string') break;
        found = hops > 32 ? undefined : resolve(next, found.base);
      }
      if (found === undefined) return undefined;
      const known = nameById.get(found.id);
      if (known !== undefined) return known;
      const last = found.id.split(/[/#]/).findLast((part) => part !== '') ?? '';
      const plain = last.replaceAll(/[^a-zA-Z0-9_.-]+/g, '_').slice(0, 48) || 'schema';
      let name = plain;
      for (let n = 2; targets.has(name); n++) name = `${plain}_${n}`;
      targets.set(name, found);
      nameById.set(found.id, name);
      return name;
    },
    target(name) {
      const found = targets.get(name);
      if (found === undefined) throw new Error(`No definition is named ${name}.`);
      return found;
    },
  };
}

/** An argument that is nothing but a bad $ref cannot be given. */
function checkRefs(name: string, schema: JsonValue, base: string, resolve: ResolveRef): void {
  let at: { value: JsonValue; base: string } | undefined = { value: schema, base };
  for (let hops = 0; isObject(at.value) && typeof at.value['$ref'] === 'string'; hops++) {
    const ref: string = at.value['$ref'];
    at = hops > 32 ? undefined : resolve(ref, at.base);
    if (at !== undefined) continue;
    const detail = `The $ref "${ref}" of "${name}" ${hops > 32 ? 'leads to itself' : 'leads nowhere'}.`;
    throw new SpecError(detail, [{ pointer: '', detail }]);
  }
}

function reachesItself(name: string, next: (name: string) => string[]): boolean {
  const seen = new Set<string>();
  const waiting = next(name);
  for (let other = waiting.pop(); other !== undefined; other = waiting.pop()) {
    if (other === name) return true;
    if (seen.has(other)) continue;
    seen.add(other);
    waiting.push(...next(other));
  }
  return false;
}
