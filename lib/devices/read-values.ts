import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { memberAt } from '../common/json-pointer.ts';
import type { ToolResult } from '../core/message.ts';
import { keysOf, numberOf } from './rule-conditions.ts';

/**
 * The numbers of these names in the result of a read. A Modbus result has one value and its name; an HTTP body and a JSON-RPC
 * result are searched at their top level.
 */
export function valuesIn(result: ToolResult, names: readonly string[]): Map<string, number> {
  const values = new Map<string, number>();
  if (names.length === 0 || isObject(result['error'])) return values;
  const places = placesOf(result);
  for (const name of names) {
    const value = valueOf(result, name) ?? findIn(places, name);
    if (value !== undefined) values.set(name, value);
  }
  return values;
}

/** A single value that has the name itself. */
function valueOf(result: ToolResult, name: string): number | undefined {
  return typeof result['name'] === 'string' && legal(result['name']) === legal(name)
    ? numberOf(result['value'])
    : undefined;
}

function findIn(places: readonly JsonObject[], name: string): number | undefined {
  for (const place of places) {
    const value = numberOf(memberAt(place, keysOf(name)));
    if (value !== undefined) return value;
  }
  return undefined;
}

/** The objects of a result in which names are looked for. The first one that has a name counts. */
function placesOf({ body, result, value, data }: ToolResult): JsonObject[] {
  const tried = [typeof body === 'string' ? parsed(body) : body, result, value, data];
  return tried.filter((place) => isObject(place));
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined; // a body that is no JSON has no names
  }
}

/** A name as an argument of a tool may have it. */
function legal(name: string): string {
  return name
    .trim()
    .replaceAll(/[^a-zA-Z0-9_-]+/g, '_')
    .toLowerCase();
}
