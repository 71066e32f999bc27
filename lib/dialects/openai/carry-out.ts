import type { Principal } from '../../core/principal.ts';
import type { Until } from '../../core/until.ts';
import type { Session } from '../../core/session.ts';
import type { Sessions } from '../../core/sessions.ts';
import { AppError, ModelError, type ModelRefusal } from '../../errors.ts';
import type { ResponsePlace } from './ids.ts';
import type { PreparedResponse } from './new-response.ts';
import { followRecord, requestOf, type TaskRecord } from './task-record.ts';

/** A response that has begun. */
export interface BegunResponse extends PreparedResponse {
  /** Settles when the task has ended, or waits for results of its client. */
  over: Until<TaskRecord>;
}

/** Begins a response. When it cannot begin, its session is removed, if that was made for it alone, and `follower` is closed. */
export async function beginResponse(
  sessions: Sessions,
  prepared: PreparedResponse,
  caller: Principal,
  follower: { close(): void } | undefined,
): Promise<BegunResponse> {
  const { begin, isOwn, session, place } = prepared;
  // The lines come live to a subscription from before the first one, and are not read.
  const over = untilOver(session, place);
  try {
    await begin();
  } catch (error) {
    over.fail(error);
    follower?.close();
    // Nobody knows the session yet.
    if (isOwn) await sessions.remove(session.id, caller);
    throw error;
  }
  return { ...prepared, over };
}

/**
 * Waits until a response is over. Then it removes the session of a response that is not stored, or was refused. A task that waits for
 * its client keeps its session.
 */
export async function endOfResponse(
  sessions: Sessions,
  { session, isOwn, over }: BegunResponse,
  caller: Principal,
): Promise<{ record: TaskRecord; refusal: AppError | undefined }> {
  const record = await over.found;
  const refusal = refusalOf(record);
  const isKept = requestOf(record)?.shown['store'] !== false;
  if (record.ended && (!isKept || (refusal && isOwn))) await sessions.remove(session.id, caller);
  return { record, refusal };
}

/** Waits until a response is over; the task's own deadline bounds the wait. */
function untilOver(session: Session, { taskId, after, part }: ResponsePlace): Until<TaskRecord> {
  return followRecord(
    session,
    taskId,
    after,
    // A pause ends a response, too: the client has the next word.
    ({ ended, pauses }) => ended !== undefined || pauses.length > part,
  );
}

/** The refusal of a request that ended without a reply: by the model's endpoint, or by this server before it. Undefined for any other one. */
function refusalOf({ ended, replies }: TaskRecord): AppError | undefined {
  const { code, message, refusal } = ended?.error ?? {};
  if (message === undefined || replies.length > 0) return undefined;
  if (code === 'invalid_request') return new AppError(code, message);
  if (code !== 'model_error') return undefined;
  const { retryAfterSeconds, ...rest } = refusal ?? {};
  return new ModelError(message, {
    ...(refusal && { refusal: rest as ModelRefusal }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}
