import { inexactNumbers, mapBigints, parseExactly } from '../../common/exact-numbers.ts';
import { parseJsonInSlices } from '../../common/json-slices.ts';
import type { JsonValue } from '../../common/json.ts';

/** A deeper message is refused: no answer of a real server goes half as deep. */
export const MESSAGE_MAX_DEPTH = 256;
/** A message with more lists and objects is refused: no result of a tool is as large, and a model would not see its end. */
export const MESSAGE_MAX_CONTAINERS = 100_000;
/** A longer text is not read digit by digit: that takes ten times as long. */
const EXACT_MAX_CHARS = 64 * 1024;

/**
 * The message in a JSON text. Whole numbers that a JavaScript number cannot hold are texts in it, as the log and the model take
 * them. Throws a SyntaxError for a text that is no JSON, and a RangeError for one that is nested too deeply.
 */
export async function parseServerMessage(text: string): Promise<JsonValue> {
  let containers = 0;
  const onContainers = (count: number): void => {
    containers += count;
    if (containers > MESSAGE_MAX_CONTAINERS)
      throw new RangeError('The message has too many lists and objects.');
  };
  const value = (await parseJsonInSlices(text, { depthMax: MESSAGE_MAX_DEPTH, onContainers })) as JsonValue;
  if (text.length > EXACT_MAX_CHARS || inexactNumbers(text).length === 0) return value;
  const exact = parseExactly(text);
  return exact === undefined ? value : mapBigints(exact, String);
}
