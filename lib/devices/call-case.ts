import { createHash } from 'node:crypto';
import { canonicalJson } from '../common/canonical-json.ts';
import type { AskingCall } from '../core/command.ts';
import type { RegisteredDevice } from '../core/tool.ts';
import { blotOwnSecrets, secretsOf } from '../secrets.ts';
import type { CallFate, CallRecord } from './call-record.ts';
import type { RuleBook, RuledCall } from './rules.ts';

/** A call with everything that decides about it. */
export interface CallCase {
  asking: AskingCall;
  ruled: RuledCall;
  registered: RegisteredDevice | undefined;
  /** The name of the registered device, or the address of another one. */
  device: string;
  book: RuleBook;
  isDryRun: boolean;
}

/** Whether a call brings a device into its safe state: neither rules nor emergency stops hold it. */
export function isSafeState({ asking }: CallCase): boolean {
  return asking.session.config.direct === 'safe_state';
}

/** The arguments as people may see them. */
export function shownArguments({ arguments: args, connection }: AskingCall): AskingCall['arguments'] {
  return blotOwnSecrets(args, secretsOf(connection));
}

/** Names a call exactly. */
export function digestOf({ device, registered, ruled }: CallCase): string {
  const { tool, arguments: args } = ruled;
  const text = canonicalJson([device, registered?.version ?? null, tool, args]);
  return createHash('sha256').update(text).digest('hex');
}

/** The record of a call for the audit log. */
export function recordOf(
  { asking, ruled, registered }: CallCase,
  event: CallFate,
  more: Pick<CallRecord, 'rule' | 'approvedBy'>,
): CallRecord {
  const { session, task, callId } = asking;
  return {
    event,
    version: registered?.version,
    tool: ruled.tool,
    operation: ruled.operation,
    arguments: shownArguments(asking),
    session: session.id,
    task: task.taskId,
    call: callId,
    askedBy: session.owner,
    ...more,
  };
}
