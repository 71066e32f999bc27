import type { JsonValue } from '../common/json.ts';

/** A tool's arguments as they were typed; text that is no JSON stays as it is: the check of the arguments refuses it. */
export function parseArguments(given: string): JsonValue {
  try {
    return JSON.parse(given) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return given;
    throw error;
  }
}
