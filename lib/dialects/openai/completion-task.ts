import type { ServerResponse } from 'node:http';
import type { JsonObject } from '../../common/json.ts';
import type { Metadata } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import { asOutcome, sinceBegun } from '../../server/repeats.ts';
import { goneSignal } from '../../server/stream.ts';
import { beginResponse, endOfResponse } from './carry-out.ts';
import { newHead, type CompletionHead } from './completion.ts';
import { completionFailure, finishOf, formatUsage, saidIn } from './completion-record.ts';
import { readCompletionTask } from './completion-request.ts';
import { CompletionFollower } from './completion-stream.ts';
import type { ResponsePlace } from './ids.ts';
import { prepareResponse } from './new-response.ts';
import type { ResponseParts } from './response-session.ts';
import type { TaskRecord } from './task-record.ts';

/** A chat completion that a task has answered. */
export interface TaskCompletion {
  answer: JsonObject;
  /** The answer went out as a stream. */
  isSent: boolean;
}

/**
 * Answers a chat completion with a task, as a response is answered: devices run here, and the client's own functions are handed to
 * it. The task waits for their results, which come with a later completion. It goes on when its client disconnects. Undefined when
 * the answer could only be sent as a stream that broke off.
 */
export async function answerWithTask(
  parts: ResponseParts,
  request: JsonObject,
  { caller, response }: { caller: Principal; response: ServerResponse },
): Promise<TaskCompletion | undefined> {
  const { sessions, config } = parts;
  const { body, places, parameters } = readCompletionTask(request);
  const signal = goneSignal(response);
  const prepared = await prepareResponse(parts, body, caller, {
    field: 'messages',
    places,
    parameters,
    signal,
  });
  const { session, place } = prepared;
  const head = { ...newHead(request, request['metadata'] as Metadata | undefined), id: idOf(place) };
  const isStream = request['stream'] === true;
  const follower = isStream ? new CompletionFollower({ session, place, head }) : undefined;
  const begun = await beginResponse(sessions, prepared, caller, follower);
  await follower?.sendTo(response, config.limits);
  // The task has begun: an error from here on is the outcome of the request, and a repeat gets it (server/repeats.ts).
  const { record, refusal } = await sinceBegun(endOfResponse(sessions, begun, caller));
  const failure = refusal ?? completionFailure(record);
  if (failure && follower) return undefined; // the stream has said so
  // It came before the first reply, so that nothing was done: a repeat may begin anew.
  if (refusal) throw refusal;
  if (failure) throw asOutcome(failure);
  return { answer: formatCompletion(place, record, head), isSent: isStream };
}

/** The completion that a part of a task is. */
function formatCompletion(place: ResponsePlace, record: TaskRecord, head: CompletionHead): JsonObject {
  const { text, calls } = saidIn(place, record);
  const { id, created, model, metadata } = head;
  const message = { role: 'assistant', content: text === '' ? null : text, refusal: null };
  return {
    id,
    object: 'chat.completion',
    created,
    model: model || (record.replies.at(-1)?.line.completion.model ?? ''),
    choices: [
      {
        index: 0,
        message: calls.length > 0 ? { ...message, tool_calls: calls } : message,
        finish_reason: finishOf(record, calls),
        logprobs: null,
      },
    ],
    usage: formatUsage(record, place.part),
    ...(metadata && { metadata }),
  };
}

/** The id of a completion, from its task: it is the same in all chunks, and for a repeat. A later part has its number behind. */
function idOf({ taskId, part }: ResponsePlace): string {
  const tail = part === 0 ? '' : `_${part}`;
  return `chatcmpl-${taskId.replaceAll('-', '')}${tail}`;
}
