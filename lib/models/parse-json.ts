import { formatExactly, inexactNumbers, mapBigints, parseExactly } from '../common/exact-numbers.ts';
import { isObject, type JsonValue } from '../common/json.ts';

/** The value of a JSON text; undefined when the text is no JSON. */
export function tryParseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined; // the text is no JSON
  }
}

/**
 * The value of a reply, or of an event of one; undefined when the text is no JSON. Arguments of calls are texts in it, but
 * some endpoints send objects: those with a number that JSON.parse would round are texts here, too.
 */
export function tryParseReply(text: string): JsonValue | undefined {
  const exact = inexactNumbers(text).length > 0 ? parseExactly(text) : undefined;
  return exact === undefined ? tryParseJson(text) : withArgumentTexts(exact);
}

function withArgumentTexts(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withArgumentTexts);
  if (!isObject(value)) return mapBigints(value, Number);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (inner === undefined) return [key, inner];
      return [key, key === 'arguments' && isObject(inner) ? formatExactly(inner) : withArgumentTexts(inner)];
    }),
  );
}
