import type { JsonSchema } from '../../core/tool.ts';
import { shorten } from '../shorten.ts';
import { argumentKeyOf, uniqueNames } from '../names.ts';
import { textAt } from '../read.ts';
import type { SchemaWriter } from '../schema/schema-writer.ts';

/** One argument before it has a key. */
export interface Draft {
  /** The name on the wire. */
  name: string;
  /** The part of the request, as a suffix for its key: `path`, `query`, `body`. */
  place: string;
  required: boolean;
  /** Writes the schema of the argument. It is called again for each attempt with less detail. */
  write(writer: SchemaWriter): JsonSchema;
  /** Hands the key to the plan. It is called once, with the plan that is taken. */
  settle(key: string): void;
}

/** The key of each draft. A name in several places gets its place as a suffix; a name that is still there twice gets a number. */
export function draftKeysOf(drafts: readonly Draft[]): Map<Draft, string> {
  const places = new Map<string, Set<string>>();
  for (const { name, place } of drafts) {
    const base = argumentKeyOf(name);
    places.set(base, (places.get(base) ?? new Set()).add(place));
  }
  const unique = uniqueNames();
  const keys = new Map<Draft, string>();
  for (const draft of drafts) {
    const base = argumentKeyOf(draft.name);
    const isShared = (places.get(base)?.size ?? 0) > 1;
    keys.set(draft, unique(isShared ? `${base.slice(0, 62 - draft.place.length)}__${draft.place}` : base));
  }
  return keys;
}

/** A schema with the description of its argument, which says so when the wire knows it by another name. */
export function described(
  schema: JsonSchema,
  description: string | undefined,
  name: string,
  writer: SchemaWriter,
): JsonSchema {
  const own = description ?? textAt(schema, 'description');
  const wire = argumentKeyOf(name) === name ? undefined : `Sent as "${name}".`;
  if (wire === undefined && description === undefined) return schema;
  const limit = writer.descriptionLimit;
  const text = [wire, own].filter((part) => part !== undefined).join(' ');
  // With so little detail there are no descriptions at all.
  if (limit === 0) return schema;
  schema['description'] = shorten(text.trim(), limit);
  writer.spend(Buffer.byteLength(text));
  return schema;
}
