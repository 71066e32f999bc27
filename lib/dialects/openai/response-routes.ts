import type { Message } from '../../core/message.ts';
import type { Session } from '../../core/session.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import { sinceBegun } from '../../server/repeats.ts';
import { goneSignal } from '../../server/stream.ts';
import { beginResponse, endOfResponse } from './carry-out.ts';
import { findResponse } from './conversations.ts';
import { responsePlaceOf, type ResponsePlace } from './ids.ts';
import { callShapeFor, saidItem } from './items.ts';
import { prepareResponse } from './new-response.ts';
import type { ResponseParts } from './response-session.ts';
import { formatResponse, responseSchema } from './response-format.ts';
import { responseBodySchema } from './response-request.ts';
import { ResponseFollower } from './response-stream.ts';
import {
  booleanInQuery,
  deletedSchema,
  isTrueInQuery,
  limitSchema,
  listSchema,
  orderSchema,
} from './schemas.ts';
import { pageOf } from './page.ts';
import { followRecord, readRecord, requestOf, type TaskRecord } from './task-record.ts';

/** Responses: each is a task of a session. */
export function responseRoutes(parts: ResponseParts): Route[] {
  return [
    createResponse(parts),
    readResponse(parts),
    deleteResponse(parts),
    cancelResponse(parts),
    listInputItems(parts),
  ];
}

/** A response goes on when its client disconnects: a device is not left in the middle of a task, and the client may come back. */
function createResponse(parts: ResponseParts): Route {
  const { sessions, config } = parts;
  return route({
    method: 'POST',
    path: '/v1/responses',
    keepsAnswer: true,
    summary: 'Answers an input: whole, as server-sent events (stream: true), or in the background.',
    access: 'chat',
    bodyMaxBytes: config.limits.messageMaxBytes,
    bodyLenient: true,
    body: responseBodySchema,
    answer: responseSchema,
    async handle({ body, caller, request, response }) {
      const prepared = await prepareResponse(parts, body, caller, { signal: goneSignal(response) });
      const { session, place } = prepared;
      const shape = callShapeFor(request.headers['user-agent']);
      const follower = body.stream === true ? new ResponseFollower({ session, place, shape }) : undefined;
      const begun = await beginResponse(sessions, prepared, caller, follower);
      // It is answered once the log has the response: from then on it can be read on every node.
      if (body.background === true && !follower)
        return formatResponse(place, await sinceBegun(untilSaid(session, place)), shape);
      await follower?.sendTo(response, config.limits);
      // The stream has said everything. Only a response that is not kept has something to do at its end.
      if (follower && body.store !== false) return undefined;
      const { record, refusal } = await sinceBegun(endOfResponse(sessions, begun, caller));
      if (follower) return undefined;
      // It came before the first reply, so that nothing was done: a repeat may begin anew.
      if (refusal) throw refusal;
      return formatResponse(place, record, shape);
    },
  });
}

/** The events of a stream are made from the log, also those of a response that is over: a client goes on after the last one that it has. */
function readResponse({ sessions, config }: ResponseParts): Route {
  return route({
    method: 'GET',
    path: '/v1/responses/:response',
    summary: 'A response; with stream=true its events, after the number in starting_after.',
    access: 'look',
    query: {
      type: 'object',
      properties: {
        stream: booleanInQuery,
        starting_after: { type: 'string', pattern: '^\\d{1,9}$', description: 'the number of an event' },
        include_obfuscation: booleanInQuery,
      },
    },
    answer: responseSchema,
    async handle({ params, query, caller, request, response }) {
      const place = responsePlaceOf(params.response);
      const { session, record } = await findResponse(sessions, params.response, place, caller);
      const shape = callShapeFor(request.headers['user-agent']);
      if (!isTrueInQuery(query.stream)) return formatResponse(place, record, shape);
      const after = query.starting_after;
      const startingAfter = after === undefined ? undefined : Number(after);
      await new ResponseFollower({ session, place, shape, startingAfter }).sendTo(response, config.limits);
      return undefined;
    },
  });
}

/** A mark hides the user message and the answer from every view and from the model. The lines stay in the log. */
function deleteResponse({ sessions }: ResponseParts): Route {
  return route({
    method: 'DELETE',
    path: '/v1/responses/:response',
    keepsAnswer: true,
    summary: 'Deletes a response with its input.',
    access: 'chat',
    answer: deletedSchema('response'),
    async handle({ params, caller }) {
      const id = params.response;
      const { session, record } = await findResponse(sessions, id, responsePlaceOf(id), caller);
      const { said, started, replies, ended } = record;
      if (!ended) throw new AppError('conflict', 'The response is still in progress: cancel it first.');
      if (said) await session.mark([said.seq], 'said', { removed: true });
      // The answer has its place in lists on the first line of its task, and its text on the last reply: both are marked.
      const lines = [started?.seq, replies.at(-1)?.line.seq].filter((seq) => seq !== undefined);
      if (lines.length > 0) await session.mark(lines, 'answer', { removed: true });
      return { id, object: 'response', deleted: true };
    },
  });
}

/** Resolves when nothing new can be sent to a device or a model. A response that is over stays as it is. */
function cancelResponse({ sessions }: ResponseParts): Route {
  return route({
    method: 'POST',
    path: '/v1/responses/:response/cancel',
    summary: 'Stops a response.',
    access: 'stop',
    stops: true,
    bodyLenient: true,
    answer: responseSchema,
    async handle({ params, caller, request }) {
      const place = responsePlaceOf(params.response);
      const { session, record } = await findResponse(sessions, params.response, place, caller);
      if (!record.ended) await session.stop(place.taskId);
      // A call on the wire is let finish. Until then the response is still in progress.
      const stopped = await readRecord(session, place.taskId, place.after);
      return formatResponse(place, stopped, callShapeFor(request.headers['user-agent']));
    },
  });
}

/** The input as the session has it: calls and results of other conversations are texts. */
function listInputItems({ sessions }: ResponseParts): Route {
  return route({
    method: 'GET',
    path: '/v1/responses/:response/input_items',
    summary: 'The messages that a response answers, newest first unless asked otherwise.',
    access: 'look',
    query: {
      type: 'object',
      properties: {
        limit: limitSchema,
        order: orderSchema,
        after: { type: 'string', minLength: 1, maxLength: 200 },
      },
    },
    answer: listSchema({ type: 'object', required: ['id', 'type'] }),
    async handle({ params, query, caller }) {
      const place = responsePlaceOf(params.response);
      const { session, record } = await findResponse(sessions, params.response, place, caller);
      const request = requestOf(record);
      const lines: Message[] = [];
      // A removed message has no item (`saidItem`).
      for (const seq of request?.history ?? []) lines.push(...(await session.read({ after: seq - 1 }, 1)));
      if (record.said) lines.push(record.said);
      const items = lines.flatMap((line) =>
        line.type === 'message_added' ? (saidItem(session.id, line) ?? []) : [],
      );
      return pageOf(query.order === 'asc' ? items : items.toReversed(), query, 'an item of this input');
    },
  });
}

/** Waits for the user message of a response: after it, every node knows the response. */
function untilSaid(session: Session, { taskId, after }: ResponsePlace): Promise<TaskRecord> {
  return followRecord(session, taskId, after, ({ said }) => said !== undefined).found;
}
