import type { JsonObject } from '../../common/json.ts';

/** The types of JSON Schema, and the words that authors write instead of them. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  string: ['string', 'file', 'date', 'datetime', 'date-time', 'uuid', 'text', 'str'],
  number: ['number', 'float', 'double', 'decimal'],
  integer: ['integer', 'int', 'int32', 'int64', 'long', 'short'],
  boolean: ['boolean', 'bool'],
  object: ['object', 'map', 'dict', 'hash', 'struct'],
  array: ['array', 'list'],
  null: ['null'],
};
const TYPE_BY_WORD = new Map(
  Object.entries(TYPES).flatMap(([type, words]) => words.map((word) => [word, type] as const)),
);

/** The JSON Schema type that a word means; undefined for an unknown word. */
export function typeMeant(word: string): string | undefined {
  return TYPE_BY_WORD.get(word.toLowerCase());
}

/** The types that a schema names, in the words of JSON Schema; undefined when any type is allowed. */
export function typesOf({ type }: JsonObject): string[] | undefined {
  if (type === undefined) return undefined;
  const names = (Array.isArray(type) ? type : [type]).map((name) =>
    typeof name === 'string' ? typeMeant(name) : undefined,
  );
  const known = names.filter((name) => name !== undefined);
  return known.length < names.length || known.length === 0 ? undefined : [...new Set(known)];
}

/** The types that two lists have in common; an integer is a number, too. */
export function commonTypes(first: readonly string[], second: readonly string[]): string[] {
  const common = first.filter((type) => second.includes(type));
  const isWhole =
    (first.includes('integer') && second.includes('number')) ||
    (first.includes('number') && second.includes('integer'));
  if (isWhole && !common.includes('integer') && !common.includes('number')) common.push('integer');
  return common;
}
