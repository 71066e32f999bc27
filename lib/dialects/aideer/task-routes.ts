import { may } from '../../accounts/permissions.ts';
import type { ChatTask, ChatTasks } from '../../chats/tasks.ts';
import type { ChatTaskState } from '../../chats/task-watch.ts';
import { sleep } from '../../common/deadline.ts';
import type { Principal } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import { openStream, sseEvent } from '../../server/stream.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { withoutEndpointHost } from '../endpoint-host.ts';
import { Refusal } from '../refusal.ts';
import { ownChat } from './chat-shape.ts';
import { anything, message, timeOf } from './shapes.ts';
import { prepareTask, type TaskParts } from './task-work.ts';

/** So many characters of a task are sent in a millisecond, at most: a text of 10,000 is shown every 20 ms, one of a million every 2 s. */
const TEXT_PER_MS = 500;

/** Tasks: the work of a model for a chat. Each task has one stream. */
export function createTaskRoutes(parts: TaskParts & Pick<Parts, 'tasks'>): Route[] {
  const { tasks, config } = parts;
  return [
    // The credits for (prompt + max_tokens) × rate are held now and settled at the end. A caller who pays nothing has the rate 0.
    route({
      method: 'POST',
      path: '/tasks',
      keepsAnswer: true,
      summary: 'Lets the model answer in a chat, title it, or draw.',
      access: 'chat',
      body: {
        type: 'object',
        required: ['chat_id'],
        examples: [{ chat_id: 'the id of a chat', type: 'chat_generation' }],
        properties: {
          chat_id: { type: 'string' },
          type: { enum: ['chat_generation', 'title_generation', 'image_generation'] },
        },
      },
      answer: {
        type: 'object',
        required: ['task_id', 'status'],
        properties: { task_id: { type: 'string' }, status: { type: 'string' } },
      },
      async handle({ caller, body, origin }) {
        const chat = await ownChat(parts, body.chat_id, caller);
        const prepared = await prepareTask(parts, chat, body.type, origin);
        const rate = may(caller, 'chat without credits') ? 0 : prepared.rate;
        const { type, promptTokens, maxTokens } = prepared;
        const wanted = { owner: caller.id, chatId: chat.id, type, rate, promptTokens, maxTokens };
        const task = await tasks.start(wanted, prepared.work);
        if (task) return { task_id: task.id, status: task.status };
        throw new Refusal(402, 'You do not have enough credits for this.');
      },
    }),
    // For clients that ask again and again instead of reading the stream.
    route({
      method: 'GET',
      path: '/tasks/:id',
      summary: 'The state of a task. It is kept for an hour.',
      access: 'look',
      answer: anything,
      async handle({ caller, params }) {
        const task = await ownTask(tasks, params.id, caller);
        const chat = await parts.chats.find({ id: task.chatId });
        return {
          task_id: task.id,
          chat_id: chat?.uuid ?? null,
          type: task.type,
          create_time: timeOf(task.createdAt),
          ...formatState(task),
        };
      },
    }),
    route({
      method: 'DELETE',
      path: '/tasks/:id',
      summary: 'Stops and removes a task. Its messages stay in the chat.',
      access: 'stop',
      stops: true,
      answer: message,
      async handle({ caller, params }) {
        await tasks.remove((await ownTask(tasks, params.id, caller)).id);
        return { message: 'The task is removed.' };
      },
    }),
    // One connection ever: a second one would hang in the original, here it is 422. Every event has data, or an EventSource
    // drops it.
    route({
      method: 'GET',
      path: '/tasks/:id/stream',
      summary:
        'The text of the model, as server-sent events, for one connection only. Its end ends the task. The token is a bearer, or a ticket of POST /api/ticket.',
      access: 'look',
      ticket: true,
      changes: 'for all',
      query: { type: 'object', properties: { ticket: { type: 'string' } } },
      async handle({ caller, params, response }) {
        const { id } = await ownTask(tasks, params.id, caller);
        // The right to read the text is given once, also when two clients ask for it at the same time.
        if (!(await tasks.connect(id)))
          throw new Refusal(422, 'A client has connected to this task already.');
        const { heartbeatIntervalMs: everyMs, socketStallTimeoutMs: stallTimeoutMs } = config.limits;
        const heartbeat = { text: ':\n\n', everyMs };
        const stream = openStream(response, { contentType: 'text/event-stream', heartbeat, stallTimeoutMs });
        stream.write(sseEvent(JSON.stringify({ task_id: id }), 'open'));
        // A slow client gets fewer states, and a long text is shown less often: each state has all text so far.
        for await (const state of tasks.watch(id, stream.signal)) {
          stream.write(sseEvent(JSON.stringify(formatState(state))));
          await stream.drained();
          if (state.status === 'finished' || state.status === 'failed') break;
          const pauseMs = state.content.length / TEXT_PER_MS;
          await sleep(pauseMs, stream.signal).catch(() => undefined); // the client has left: the watch ends
        }
        // The client disconnected. Nobody else can ever read this text, so the model stops.
        if (stream.signal.aborted) tasks.cut(id);
        await stream.end(sseEvent(JSON.stringify({ task_id: id }), 'close'));
      },
    }),
  ];
}

/** The task of the path. Throws `not_found`, and `forbidden` for another user's task. */
async function ownTask(tasks: ChatTasks, id: string, caller: Principal): Promise<ChatTask> {
  accountOf(caller);
  const task = await tasks.find(id);
  if (!task) throw new AppError('not_found', 'There is no such task.');
  if (task.owner !== caller.id) throw new AppError('forbidden', 'The task is somebody else’s.');
  return task;
}

/** A state of a task: `content` is all text so far, `token_cost` comes with the end. */
function formatState({ status, content, error, tokenCost }: ChatTaskState) {
  return {
    status,
    content,
    ...(error !== null && { detail: withoutEndpointHost(error) }),
    ...(tokenCost !== null && { token_cost: tokenCost }),
  };
}
