import { formatExactly, inexactNumbers } from '../../common/exact-numbers.ts';
import { isObject } from '../../common/json.ts';
import type { ToolResult } from '../../core/message.ts';
import { tryParseJson } from '../../models/parse-json.ts';

/**
 * The result of a client's call. A JSON object stays an object. Any other text is `output`: so are an object with a number that
 * JSON.parse would round, and one that would look like such a text.
 */
export function resultOfOutput(output: string): ToolResult {
  const value = inexactNumbers(output).length > 0 ? undefined : tryParseJson(output);
  return isObject(value) && textIn(value) === undefined ? value : { output };
}

/** The text that the client gave as the result of its call, or the error that stands for it. */
export function outputOfResult(result: ToolResult): string {
  return textIn(result) ?? formatExactly(result);
}

/** The output in a result that has nothing else. */
function textIn(result: ToolResult): string | undefined {
  const { output, ...rest } = result;
  return typeof output === 'string' && Object.keys(rest).length === 0 ? output : undefined;
}
