import type { IncomingMessage, ServerResponse } from 'node:http';
import { v4 as uuid } from 'uuid';
import { requirePermission } from '../../accounts/permissions.ts';
import { versionInUse } from '../../agents/apps.ts';
import { ask, type AskOptions } from '../../core/ask.ts';
import type { NewTask, Session } from '../../core/session.ts';
import type { Turn } from '../../core/turns.ts';
import { AppError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { route, type Route } from '../../server/mount.ts';
import { hasRepeatKey, sinceBegun } from '../../server/repeats.ts';
import { toAppError } from '../../server/status.ts';
import { goneSignal, openEventStream, sseEvent, wantsEvents } from '../../server/stream.ts';
import type { Parts } from '../dialect.ts';
import { failure, failureOf, success } from './answer.ts';
import { messageAnswer, openConversation } from './conversation.ts';
import { secondsOf } from '../unix-time.ts';
import { messageShape, successShape } from './shapes.ts';

/** A sentence of the user. White space alone is no question. */
export const query = { type: 'string', pattern: '\\S', description: 'a text that is not empty' } as const;

const debugBody = {
  type: 'object',
  examples: [{ query: 'Which lamps are on?' }],
  required: ['query'],
  properties: { query },
} as const;

/** The id is made here: events name it before the task is in the log. */
type Task = NewTask & { taskId: string };

/** `POST /apps/:app_id/debug`: one sentence to the app's agent, and its answer, whole or as events (contract 3). */
export function createDebugRoute(parts: Pick<Parts, 'agents' | 'sessions' | 'config'>): Route {
  const { agents, config } = parts;

  return route({
    method: 'POST',
    path: '/apps/:app_id/debug',
    keepsAnswer: true,
    summary: 'Says something to an app, and returns its answer; as events with `Accept: text/event-stream`.',
    access: 'use an app',
    app: 'app_id',
    body: debugBody,
    answer: successShape(messageShape),
    async handle({ params, body, caller, request, response, log }) {
      const app = await agents.apps.find(params.app_id, caller);
      // An app without any configuration is refused here, before a task exists.
      const used = await versionInUse(app).open();
      if (used.documents?.length) requirePermission(caller, 'use a device', app.id);
      const session = await openConversation(parts, app);
      return answerQuery(session, body.query, {
        request,
        response,
        log,
        limits: config.limits,
        onAnswer: () => agents.memory.keep(app.id),
      });
    },
  });
}

/** A request for an answer, and its response. `onAnswer` is called once the answer is in the log. */
type Asking = Pick<Telling, 'response' | 'log' | 'limits'> & { request: IncomingMessage; onAnswer?(): void };

/** Answers a sentence in a session: whole, or as events where the client asks for events. */
export async function answerQuery(
  session: Session,
  query: string,
  { request, response, log, limits, onAnswer }: Asking,
): Promise<object | undefined> {
  const task: Task = { taskId: uuid(), form: 'text', content: [{ type: 'text', text: query }] };
  const comesBack = hasRepeatKey(request);
  const answer = async ({ signal, ...options }: AskOptions): Promise<object> => {
    // A client that comes back under its key gets the answer then, so that its task goes on without it.
    const stopSignal = comesBack ? new AbortController().signal : signal;
    const turn = await askOnce(session, task, { signal: stopSignal, ...options });
    onAnswer?.();
    return messageAnswer(session.id, turn);
  };
  if (!wantsEvents(request)) return success(await answer({ signal: goneSignal(response) }));
  await sendEvents(answer, { session, task, query, response, log, limits });
  return undefined;
}

/** Asks for a turn. An error after the task has begun is the answer of the request: its repeat must not move the devices again. */
async function askOnce(
  session: Session,
  task: NewTask & { taskId: string },
  options: AskOptions,
): Promise<Turn> {
  let hasBegun = false;
  const turn = ask(session, task, { ...options, onBegin: () => (hasBegun = true) }).then(answered);
  await turn.catch(() => undefined);
  return hasBegun ? sinceBegun(turn) : turn;
}

/** The task whose answer is sent, and the response that it goes to. */
interface Telling {
  session: Session;
  task: Task;
  query: string;
  response: ServerResponse;
  log: Log;
  limits: Parts['config']['limits'];
}

/**
 * Sends the answer as events: `chunk` events, each a message whose `answer` is the next piece, then one `message` event with
 * the whole answer, or one `error` event.
 */
async function sendEvents(answer: (options: AskOptions) => Promise<object>, telling: Telling): Promise<void> {
  const { session, task, query, response, log, limits } = telling;
  const stream = openEventStream(response, limits, { goesOn: true });
  const send = (data: object, event: string): void => stream.write(sseEvent(JSON.stringify(data), event));
  const began = Date.now();
  // The seed's clients read every event as a message, so that a piece has all of its fields.
  const onDelta = (piece: string): void => {
    const now = Date.now();
    send(
      {
        id: task.taskId,
        conversation_id: session.id,
        query,
        answer: piece,
        answer_tokens: 0,
        response_latency: now - began,
        updated_at: secondsOf(now),
        created_at: secondsOf(began),
      },
      'chunk',
    );
  };
  try {
    send(success(await answer({ signal: stream.signal, onDelta })), 'message');
  } catch (error) {
    const known = toAppError(error);
    if (known.code === 'internal') log.error({ err: known.cause ?? known }, known.message);
    send(failure(known), 'error');
  }
  await stream.end();
}

/** The turn, if it has an answer. Throws an AppError if it has none. */
function answered(turn: Turn): Turn {
  if (turn.status === 'done') return turn;
  if (!turn.error) throw new AppError('stopped', 'The answer was stopped before it was done.');
  throw new AppError(failureOf(turn.error.code), turn.error.message);
}
