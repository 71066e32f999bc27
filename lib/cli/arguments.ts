import type { JsonValue } from '../common/json.ts';

/** Parses the arguments of a tool. A text that is no JSON stays a text, and the check of the arguments refuses it. */
export function parseArguments(given: string): JsonValue {
  try {
    return JSON.parse(given) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return given;
    throw error;
  }
}
