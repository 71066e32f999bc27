import type { JsonObject, JsonValue } from '../common/json.ts';
import { isObject } from '../common/json.ts';
import type { JsonSchema } from '../core/tool.ts';
import { bytesOf, mapInner, nameOfRef, shorten, usesOf } from './schema-walk.ts';

/** What was given up for size: the length of descriptions, then depth, then everything but the names of the arguments. */
export type Trim = 'descriptions' | 'depth' | 'opaque';

/** A referenced schema, converted; `uses` are the definitions that it names, in order. */
export interface Definition {
  name: string;
  schema: JsonObject;
  bytes: number;
  uses: readonly string[];
}

/** The longest description of an argument, and of anything inside it, one step after the other. */
const TEXT_MAX = 1024;
const TEXT_STEPS: readonly [number, number][] = [
  [TEXT_MAX, TEXT_MAX],
  [400, 160],
  [160, 60],
  [80, 0],
];
/** How deep arguments are written out when descriptions are not enough: the first that fits. */
const CUT_STEPS = [8, 7, 6, 5, 4, 3, 2, 1, 0];
/** A longer enum goes with the depth. */
const ENUM_MAX_COUNT = 40;

/**
 * Fits tools' root schemas, with the definitions they need as `$defs`, into `maxBytes` of JSON: first descriptions are
 * trimmed, then what lies deep is left open, at last only the arguments' names stand. Nothing ever gets stricter. What
 * becomes of a definition is worked out once for all tools.
 */
export function openShrink(
  define: (name: string) => Definition,
  maxBytes: number,
): (root: JsonObject) => { schema: JsonSchema; trimmed: Trim | undefined } {
  const trimmed = new Map<string, { schema: JsonObject; bytes: number }>();
  const cuts = new Map<string, JsonObject | null>();

  /** A definition with its descriptions cut to `textMax`. */
  const trim = (name: string, textMax: number): { schema: JsonObject; bytes: number } => {
    const whole = define(name);
    // Far too long, descriptions or not.
    if (textMax === TEXT_MAX || whole.bytes > maxBytes * 8) return whole;
    const key = `${textMax} ${name}`;
    let found = trimmed.get(key);
    if (found === undefined) {
      const schema = trimTexts(whole.schema, textMax);
      found = { schema, bytes: schema === whole.schema ? whole.bytes : bytesOf(schema) };
      trimmed.set(key, found);
    }
    return found;
  };
  /** The root with all definitions that it reaches, nearest first; undefined when that is too long. */
  const gather = (root: JsonObject, textMax: number): JsonObject | undefined => {
    let bytes = bytesOf(root);
    const found = new Map<string, JsonValue>();
    const waiting = usesOf(root);
    for (const name of waiting) {
      if (bytes > maxBytes) return undefined;
      if (found.has(name)) continue;
      const part = trim(name, textMax);
      found.set(name, part.schema);
      bytes += part.bytes + name.length + 4;
      waiting.push(...define(name).uses);
    }
    if (found.size === 0) return bytes > maxBytes ? undefined : root;
    return bytes > maxBytes - 12 ? undefined : { ...root, $defs: Object.fromEntries(found) };
  };
  /** A definition written out, `levels` deep and without descriptions; null when that is too long. */
  const cutDefinition = (name: string, levels: number): JsonObject | null => {
    const key = `${levels} ${name}`;
    let found = cuts.get(key);
    if (found === undefined) {
      found = cut(define(name).schema, levels);
      if (found !== null && bytesOf(found) > maxBytes) found = null;
      cuts.set(key, found);
    }
    return found;
  };
  const cut = (schema: JsonObject, levels: number): JsonObject | null => {
    const name = nameOfRef(schema);
    if (name !== undefined) return levels > 0 ? cutDefinition(name, levels) : typeOnly(define(name).schema);
    if (levels <= 0) return typeOnly(schema);
    let fits = true;
    const {
      description: _,
      enum: values,
      ...inner
    } = mapInner(schema, (part) => {
      const made = fits ? cut(part, levels - 1) : null;
      fits &&= made !== null;
      return made ?? part;
    });
    if (!fits) return null;
    return Array.isArray(values) && values.length <= ENUM_MAX_COUNT ? { ...inner, enum: values } : inner;
  };
  /** The root, each argument written out `levels` deep. */
  const cutArguments = (root: JsonObject, levels: number): JsonObject | undefined => {
    let fits = true;
    const made = mapInner(root, (argument) => {
      const { description } = argument;
      const rest = cut(argument, levels);
      fits &&= rest !== null;
      return {
        ...rest,
        ...(typeof description === 'string' ? { description: shorten(description, 80) } : {}),
      };
    });
    return fits && bytesOf(made) <= maxBytes ? made : undefined;
  };

  return (root) => {
    for (const [outer, inner] of TEXT_STEPS) {
      const schema = gather(trimArguments(root, outer, inner), inner);
      if (schema !== undefined) return { schema, trimmed: inner === TEXT_MAX ? undefined : 'descriptions' };
    }
    for (const levels of CUT_STEPS) {
      const schema = cutArguments(root, levels);
      if (schema !== undefined) return { schema, trimmed: 'depth' };
    }
    return { schema: opaque(root, maxBytes), trimmed: 'opaque' };
  };
}

function trimArguments(root: JsonObject, outer: number, inner: number): JsonObject {
  if (inner === TEXT_MAX) return root;
  return mapInner(root, (argument) => {
    const { description } = argument;
    const rest = trimTexts(argument, inner);
    return typeof description === 'string' ? { ...rest, description: shorten(description, outer) } : rest;
  });
}

function trimTexts(schema: JsonObject, max: number): JsonObject {
  const rest = mapInner(schema, (inner) => trimTexts(inner, max));
  const { description, ...bare } = rest;
  if (typeof description !== 'string' || description.length <= max) return rest;
  return max === 0 ? bare : { ...bare, description: shorten(description, max) };
}

function typeOnly({ type }: JsonObject): JsonObject {
  if (type === undefined) return {};
  const isList = type === 'array' || (Array.isArray(type) && type.includes('array'));
  return isList ? { type, items: {} } : { type };
}

/** Nothing but the names; without even those, any object, and the names that fit in a description. */
function opaque(root: JsonObject, maxBytes: number): JsonObject {
  const named = mapInner(root, () => ({}));
  if (bytesOf(named) <= maxBytes) return named;
  const names = isObject(root['properties']) ? Object.keys(root['properties']).join(', ') : '';
  const description = shorten(`Arguments: ${names}`, Math.max(40, Math.min(1024, Math.floor(maxBytes / 4))));
  return { type: 'object', properties: {}, additionalProperties: true, description };
}
