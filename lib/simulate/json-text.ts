import type { JsonValue } from '../common/json.ts';

/** The JSON value of a text; undefined when the text is no JSON. */
export function jsonValueOf(source: string): JsonValue | undefined {
  try {
    return JSON.parse(source) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
