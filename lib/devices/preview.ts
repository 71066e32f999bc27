import type { JsonObject } from '../common/json.ts';
import type { AskingCall } from '../core/command.ts';
import { blotOwnSecrets, secretsOf } from '../secrets.ts';

/** What a call would send, without its secrets. A tool that sends nothing itself is shown by its name and arguments. */
export function previewCall({ tool, arguments: args, connection }: AskingCall): JsonObject {
  const request = tool.preview?.(args, connection) ?? { operation: tool.operation, arguments: args };
  return blotOwnSecrets(request, secretsOf(connection));
}
