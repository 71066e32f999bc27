import type { JsonObject } from '../../common/json.ts';
import type { SchemaDialect } from './dialect.ts';
import type { Layer } from './layers.ts';
import { commonTypes, typeMeant, typesOf } from './types.ts';

/**
 * The types that all layers agree on; undefined for any type, and when they agree on none. `note` receives a warning for
 * each type that JSON Schema does not know.
 */
export function agreedTypes(
  layers: readonly Layer[],
  dialect: SchemaDialect,
  note: (warning: string | undefined) => void,
): string[] | undefined {
  let common: string[] | undefined;
  for (const { node } of layers) {
    const types = typesOf(node);
    if (types === undefined || types.length !== 1 || types[0] !== node['type'])
      noteTypes(node, dialect, note);
    if (types !== undefined) common = common === undefined ? types : commonTypes(common, types);
  }
  return common?.length === 0 ? undefined : common;
}

/** Warns about each word for a type that is none of JSON Schema. */
function noteTypes(
  { type }: JsonObject,
  dialect: SchemaDialect,
  note: (warning: string | undefined) => void,
): void {
  for (const word of Array.isArray(type) ? type : [type]) {
    if (typeof word !== 'string' || word === 'file') continue;
    const meant = typeMeant(word);
    if (meant !== word) note(dialect.unknownType(word, meant));
  }
}
