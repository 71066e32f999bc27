import type { JsonObject } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';

const DEFS = '#/$defs/';

/**
 * The same definitions, without the choices that lead back to their own definition for the same value: a validator would
 * never come out of them.
 */
export function withoutEndlessChoices(definitions: Record<string, JsonSchema>): Record<string, JsonSchema> {
  const uses = new Map(
    Object.entries(definitions).map(([key, schema]) => [key, definitionsForSameValue(schema)] as const),
  );
  return Object.fromEntries(
    Object.entries(definitions).map(([key, schema]) => {
      if (!reachesItself(key, uses)) return [key, schema];
      // What is left holds for the value itself: it is looser than the document, and has an end.
      const { $ref: _, anyOf: __, allOf: ___, ...rest } = schema;
      return [key, rest];
    }),
  );
}

/** The definitions to which a schema refers for the same value, and not for a value inside it. */
function definitionsForSameValue(schema: JsonObject): string[] {
  const { $ref } = schema;
  const own = typeof $ref === 'string' ? [$ref.slice(DEFS.length)] : [];
  const members = [schema['anyOf'], schema['allOf']].flatMap((list) => (Array.isArray(list) ? list : []));
  return [...own, ...members.flatMap((member) => definitionsForSameValue(member as JsonObject))];
}

/** Whether a definition refers to itself for the same value, directly or through others. */
function reachesItself(key: string, uses: ReadonlyMap<string, readonly string[]>): boolean {
  const seen = new Set<string>();
  const waiting = [...(uses.get(key) ?? [])];
  for (let other = waiting.pop(); other !== undefined; other = waiting.pop()) {
    if (other === key) return true;
    if (seen.has(other)) continue;
    seen.add(other);
    waiting.push(...(uses.get(other) ?? []));
  }
  return false;
}
