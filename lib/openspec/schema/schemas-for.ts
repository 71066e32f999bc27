import { isObject, type JsonValue } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { listAt, objectAt, own } from '../read.ts';
import type { SchemaView } from './schema-view.ts';
import { faultsOf } from './value-faults.ts';

/** Looks at a schema inside the parameters of a tool. */
export type View = (schema: JsonValue | undefined) => SchemaView;

/**
 * The schemas that hold for a value: the schema itself, the members of its `allOf`, and the members of its `anyOf` that fit
 * the value. Of those the member that describes most of the value's keys comes first: the schemas of one choice may
 * mean different names by one key.
 */
export function schemasFor(value: JsonValue, schema: JsonSchema, view: View, depth = 0): JsonSchema[] {
  const { value: node } = view(schema);
  if (!isObject(node) || depth > CHOICE_MAX_DEPTH) return [];
  const inner = (member: JsonValue): JsonSchema[] =>
    isObject(member) ? schemasFor(value, member, view, depth + 1) : [];
  const all = listAt(node, 'allOf').flatMap(inner);
  const choices = listAt(node, 'anyOf').map((member) => ({
    schemas: inner(member),
    faultCount: faultsOf(value, view(member)).length,
  }));
  const least = Math.min(...choices.map(({ faultCount }) => faultCount));
  const fitting = choices
    .filter(({ faultCount }) => faultCount === least)
    .toSorted((a, b) => describedCount(value, b.schemas) - describedCount(value, a.schemas));
  return [node, ...all, ...fitting.flatMap(({ schemas }) => schemas)];
}

/** A choice inside a choice inside a choice: no real document goes so deep for one value. */
const CHOICE_MAX_DEPTH = 32;

function describedCount(value: JsonValue, schemas: readonly JsonSchema[]): number {
  if (!isObject(value)) return 0;
  return Object.keys(value).filter((key) => schemas.some((schema) => propertyOf(schema, key) !== undefined))
    .length;
}

/** The schema of a property by its key; undefined for a key that the schema does not describe. */
export function propertyOf(schema: JsonSchema, key: string): JsonValue | undefined {
  return own(objectAt(schema, 'properties'), key);
}
