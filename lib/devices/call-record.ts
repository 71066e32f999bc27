import type { JsonObject } from '../common/json.ts';

/**
 * What became of a write that was tried. `sent`: it was permitted, and its outcome follows. `limited`: it was over a limit.
 * `stopped`: its task was stopped while it waited for people. `disabled`: its device is removed, broken or disabled.
 */
export type CallFate =
  | 'sent'
  | 'denied'
  | 'limited'
  | 'dry_run'
  | 'rejected'
  | 'expired'
  | 'stopped'
  | 'estop'
  | 'disabled';

/** A write that was tried. It holds no secret. */
export interface CallRecord {
  event: CallFate;
  /** The version of a registered device. */
  version?: number | undefined;
  tool: string;
  operation: string;
  /** Without the secrets of the connection. */
  arguments: JsonObject;
  session: string;
  task: string;
  call: string;
  /** The id of the session's owner. */
  askedBy: string;
  approvedBy?: string | undefined;
  /** The deciding rule, in words. */
  rule?: string | undefined;
}
