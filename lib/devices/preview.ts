import { mapBigints } from '../common/exact-numbers.ts';
import type { JsonObject } from '../common/json.ts';
import type { AskingCall } from '../core/command.ts';
import { blotOwnSecrets, secretsOf } from '../secrets.ts';

/** What a call would send, without its secrets. A tool that sends nothing itself is shown by its name and arguments. */
export function previewCall({ tool, arguments: args, connection }: AskingCall): JsonObject {
  const request = tool.preview?.(args, connection) ?? { operation: tool.operation, arguments: args };
  return blotOwnSecrets(request, secretsOf(connection));
}

/** Nobody reads a longer text of a request before an approval, and each question keeps its request. */
const TEXT_MAX_CHARS = 8000;
const REQUEST_MAX_CHARS = 64_000;

/** The request of a call for the people who approve it: long texts are cut, and say so. */
export function requestToApprove(asking: AskingCall): JsonObject {
  const text = JSON.stringify(mapBigints(previewCall(asking), String), (_, value: unknown) =>
    typeof value === 'string' ? cut(value) : value,
  );
  return text.length <= REQUEST_MAX_CHARS
    ? (JSON.parse(text) as JsonObject)
    : { note: `The request has ${text.length} characters: too many to show.` };
}

function cut(text: string): string {
  const more = text.length - TEXT_MAX_CHARS;
  return more > 0 ? `${text.slice(0, TEXT_MAX_CHARS)}… (${more} more characters)` : text;
}
