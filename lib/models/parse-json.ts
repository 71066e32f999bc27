import type { JsonValue } from '../common/json.ts';

/** The value of a JSON text; undefined when the text is no JSON. */
export function tryParseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined; // the text is no JSON
  }
}
