import type { ServerResponse } from 'node:http';
import type { Principal } from '../../core/principal.ts';
import type { Session } from '../../core/session.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import { sinceBegun } from '../../server/repeats.ts';
import type { Parts } from '../dialect.ts';
import { invalidField } from './errors.ts';
import { createThread, newThreadSchema, notesOf } from './new-thread.ts';
import { pageOf } from './page.ts';
import { formatRun, formatSteps, runSchema, runStatusOf, stepSchema } from './run-format.ts';
import { beginRun, refuseRunFields, runBodySchema, runFieldSchemas, type RunRequest } from './run-request.ts';
import { RunFollower } from './run-stream.ts';
import { findRun, lastMessageIn, listRuns, type FoundRun } from './runs.ts';
import { limitSchema, listOf, listSchema, metadataSchema, orderSchema } from './schemas.ts';
import { followRecord } from './task-record.ts';
import { findThread, formatThread } from './threads.ts';
import { checkOutputs, giveOutputs } from './waiting-task.ts';
import { callsForClient } from './task-record.ts';

type RunParts = Pick<Parts, 'sessions' | 'files' | 'agents' | 'config'>;

const cursor = { type: 'string', minLength: 1, maxLength: 200 } as const;
const pageQuery = {
  type: 'object',
  properties: { limit: limitSchema, order: orderSchema, after: cursor, before: cursor },
} as const;

/** Runs: each is a task of a thread's session. */
export function runRoutes(parts: RunParts): Route[] {
  return [
    createRun(parts),
    createThreadAndRun(parts),
    listThreadRuns(parts),
    readRun(parts),
    changeRun(parts),
    cancelRun(parts),
    submitOutputs(parts),
    listSteps(parts),
    readStep(parts),
  ];
}

/** A run goes on when its client disconnects, as a response does. */
function createRun(parts: RunParts): Route {
  return route({
    method: 'POST',
    path: '/v1/threads/:thread/runs',
    keepsAnswer: true,
    // The body of a run without messages is the same each time; the messages that it answers are others.
    startsFrom: async ({ params, body: { additional_messages: said = [] }, caller }) =>
      said.length > 0 ? '' : lastMessageIn(await findThread(parts.sessions, params.thread, caller)),
    summary: 'Answers the messages of a thread, in the background or as server-sent events (stream: true).',
    access: 'chat',
    bodyMaxBytes: parts.config.limits.messageMaxBytes,
    bodyLenient: true,
    body: runBodySchema,
    answer: runSchema,
    async handle({ params, body, caller, response }) {
      refuseRunFields(body, runBodySchema.properties);
      const session = await findThread(parts.sessions, params.thread, caller);
      return startRun(parts, session, body, { caller, response });
    },
  });
}

function createThreadAndRun(parts: RunParts): Route {
  const properties = {
    ...runFieldSchemas,
    thread: newThreadSchema,
    tool_resources: newThreadSchema.properties.tool_resources,
  } as const;
  return route({
    method: 'POST',
    path: '/v1/threads/runs',
    keepsAnswer: true,
    summary: 'Creates a thread, and answers its messages.',
    access: 'chat',
    bodyMaxBytes: parts.config.limits.messageMaxBytes,
    bodyLenient: true,
    body: {
      type: 'object',
      required: ['assistant_id'],
      examples: [{ assistant_id: 'default', thread: newThreadSchema.examples[0] }],
      properties,
      additionalProperties: {},
    },
    answer: runSchema,
    async handle({ body: { thread = {}, tool_resources: resources, ...body }, caller, response }) {
      refuseRunFields(body as RunRequest, runFieldSchemas);
      const wished = { ...thread, ...(resources && { tool_resources: resources }) };
      const session = await createThread(parts, wished, caller);
      const created = formatThread(session.id, session.createdAt, notesOf(wished));
      try {
        return await startRun(parts, session, body as RunRequest, { caller, response, created });
      } catch (error) {
        if (!response.headersSent) await parts.sessions.remove(session.id, caller);
        throw error;
      }
    },
  });
}

async function startRun(
  parts: RunParts,
  session: Session,
  body: RunRequest,
  { caller, response, created }: { caller: Principal; response: ServerResponse; created?: object },
): Promise<object | undefined> {
  const { taskId, after, begin } = await beginRun(parts, session, body, caller);
  const follower = body.stream === true ? new RunFollower({ session, taskId, after, part: 0 }) : undefined;
  try {
    await begin();
  } catch (error) {
    follower?.close();
    throw error;
  }
  if (!follower) {
    const { found } = followRecord(session, taskId, after, ({ said }) => said !== undefined);
    return formatRun(session, await sinceBegun(found));
  }
  await follower.sendTo(response, parts.config.limits, created && ['thread.created', created]);
  return undefined;
}

function listThreadRuns({ sessions }: RunParts): Route {
  return route({
    method: 'GET',
    path: '/v1/threads/:thread/runs',
    summary: 'The runs of a thread, newest first unless asked otherwise.',
    access: 'look',
    query: pageQuery,
    answer: listSchema(runSchema),
    async handle({ params, query, caller }) {
      const session = await findThread(sessions, params.thread, caller);
      const { limit = '20', order = 'desc', after, before } = query;
      const { runs, more } = await listRuns(session, { limit: Number(limit), order, after, before });
      return listOf(runs, more);
    },
  });
}

function readRun(parts: RunParts): Route {
  return route({
    method: 'GET',
    path: '/v1/threads/:thread/runs/:run',
    summary: 'A run.',
    access: 'look',
    answer: runSchema,
    async handle({ params, caller }) {
      const { session, record } = await find(parts, params, caller);
      return formatRun(session, record);
    },
  });
}

function changeRun(parts: RunParts): Route {
  return route({
    method: 'POST',
    path: '/v1/threads/:thread/runs/:run',
    summary: 'Replaces the metadata of a run.',
    access: 'chat',
    bodyLenient: true,
    body: {
      type: 'object',
      examples: [{ metadata: { room: 'kitchen' } }],
      properties: { metadata: metadataSchema },
    },
    answer: runSchema,
    async handle({ params, body: { metadata }, caller }) {
      const { session, record } = await find(parts, params, caller);
      const line = record.said ?? record.started;
      if (metadata && line) await session.mark([line.seq], 'said', { metadata });
      return { ...formatRun(session, record), ...(metadata && { metadata }) };
    },
  });
}

/** Resolves when nothing new can be sent to a device or a model. A run that is over stays as it is. */
function cancelRun(parts: RunParts): Route {
  return route({
    method: 'POST',
    path: '/v1/threads/:thread/runs/:run/cancel',
    summary: 'Stops a run.',
    access: 'stop',
    stops: true,
    bodyLenient: true,
    answer: runSchema,
    async handle({ params, caller }) {
      const { session, record } = await find(parts, params, caller);
      if (!record.ended) await session.stop(record.taskId);
      return formatRun(session, (await find(parts, params, caller)).record);
    },
  });
}

/** The results of the client's own functions: one for each call of the required action. */
function submitOutputs(parts: RunParts): Route {
  return route({
    method: 'POST',
    path: '/v1/threads/:thread/runs/:run/submit_tool_outputs',
    keepsAnswer: true,
    summary: "Gives a run the results of its client's functions.",
    access: 'chat',
    bodyMaxBytes: parts.config.limits.messageMaxBytes,
    bodyLenient: true,
    body: {
      type: 'object',
      required: ['tool_outputs'],
      examples: [{ tool_outputs: [{ tool_call_id: 'the id of the call', output: '21 °C' }] }],
      properties: {
        stream: { type: 'boolean' },
        tool_outputs: {
          type: 'array',
          maxItems: 128,
          items: {
            type: 'object',
            required: ['tool_call_id'],
            properties: { tool_call_id: { type: 'string' }, output: { type: 'string' } },
          },
        },
      },
    },
    answer: runSchema,
    async handle({ params, body, caller, response }) {
      const { session, record, after } = await find(parts, params, caller);
      const calls = callsForClient(record);
      if (calls.length === 0)
        throw invalidField(
          'tool_outputs',
          `are not awaited: the status of the run is ${runStatusOf(record)}`,
        );
      const outputs = body.tool_outputs.map(({ tool_call_id: callId, output = '' }) => ({ callId, output }));
      checkOutputs(calls, outputs, 'tool_outputs');
      const { taskId, pauses } = record;
      const part = pauses.length;
      const follower = body.stream === true ? new RunFollower({ session, taskId, after, part }) : undefined;
      try {
        await giveOutputs(session, record, outputs);
      } catch (error) {
        follower?.close();
        throw error;
      }
      if (follower) return follower.sendTo(response, parts.config.limits);
      const isUnderWay = (now: typeof record): boolean =>
        now.pauses.length > part ||
        now.ended !== undefined ||
        (now.pauses.length === part && now.asked.size === 0);
      return formatRun(session, await sinceBegun(followRecord(session, taskId, after, isUnderWay).found));
    },
  });
}

function listSteps(parts: RunParts): Route {
  return route({
    method: 'GET',
    path: '/v1/threads/:thread/runs/:run/steps',
    summary: 'The steps of a run: its calls and its answer, newest first unless asked otherwise.',
    access: 'look',
    query: pageQuery,
    answer: listSchema(stepSchema),
    async handle({ params, query, caller }) {
      const { session, record } = await find(parts, params, caller);
      const steps = formatSteps(session, record);
      return pageOf(query.order === 'asc' ? steps : steps.toReversed(), query, 'a step of this run');
    },
  });
}

function readStep(parts: RunParts): Route {
  return route({
    method: 'GET',
    path: '/v1/threads/:thread/runs/:run/steps/:step',
    summary: 'A step of a run.',
    access: 'look',
    answer: stepSchema,
    async handle({ params, caller }) {
      const { session, record } = await find(parts, params, caller);
      const step = formatSteps(session, record).find(({ id }) => id === params.step);
      if (step) return step;
      throw new AppError('not_found', `No run step found with id '${params.step.slice(0, 100)}'.`);
    },
  });
}

/** The run that a path names. */
async function find(
  { sessions }: RunParts,
  params: { thread: string; run: string },
  caller: Principal,
): Promise<FoundRun & { session: Session }> {
  const session = await findThread(sessions, params.thread, caller);
  return { session, ...(await findRun(session, params.run)) };
}
