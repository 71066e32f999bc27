import { inexactNumbers } from '../common/exact-numbers.ts';
import type { JsonValue } from '../common/json.ts';

/**
 * Parses the arguments of a tool. A text that is no JSON, or has numbers that reading would change, stays a text, and the check
 * of the arguments refuses it.
 */
export function parseArguments(given: string): JsonValue {
  if (inexactNumbers(given).length > 0) return given;
  try {
    return JSON.parse(given) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return given;
    throw error;
  }
}
