/*
 * A response begins in one of two ways. Its input may have results that a task waits for: then that task goes on, and the response is
 * its next part (`continueTask`). Otherwise it begins a task (`beginTask`), in the session of its conversation, in that of the response
 * before it, or in a new one. Everything is checked before `begin` hands it in.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import type { TaskSettings } from '../../core/session-config.ts';
import type { NewTask, Session } from '../../core/session.ts';
import type { Sessions } from '../../core/sessions.ts';
import { AppError } from '../../errors.ts';
import { checkSpeaking } from '../speaking.ts';
import { findItem, findResponse } from './conversations.ts';
import { invalidField } from './errors.ts';
import { itemLineOf, responsePlaceOf, type ResponsePlace } from './ids.ts';
import { openCallItemId } from './items.ts';
import { agentOfModel } from './new-session.ts';
import { readInput, splitInput, type CallOutput, type ReadInput } from './read-input.ts';
import { fixedFields, responseDefaults, shownFields } from './response-format.ts';
import {
  conversationNamed,
  modelParameters,
  refuseUnhonoured,
  type ResponseRequest,
} from './response-request.ts';
import {
  createResponseSession,
  findNamedConversation,
  findKnownSession,
  type KnownSession,
  type ResponseParts,
} from './response-session.ts';
import { clientToolsOf, requestOf, type KeptRequest } from './task-record.ts';
import { findOwn } from './threads.ts';
import { readToolChoice } from './tool-choice.ts';
import {
  checkOutputs,
  giveOutputs,
  notAwaited,
  readLogEnd,
  waitingTaskAt,
  type WaitingTask,
} from './waiting-task.ts';

/** A response that is about to begin: everything is checked, and nothing is handed in yet. */
export interface PreparedResponse {
  session: Session;
  place: ResponsePlace;
  /** The session was made for this response alone. */
  isOwn: boolean;
  /** Hands in the task, or the results that its task waits for. */
  begin(): Promise<void>;
}

/** How a response is asked for, beside its request. */
export interface AskedWith {
  /** The name of the field with the input, and the places of its items there (`readInput`). */
  field?: 'input' | 'messages';
  places?: readonly number[];
  /** More parameters of the model, under the endpoint's own names. */
  parameters?: JsonObject;
  /** Aborts when the client disconnects before the response is begun. */
  signal: AbortSignal;
}

/** Checks a request, and opens the session in which its response is made. Throws AppErrors that name the field at fault. */
export async function prepareResponse(
  parts: ResponseParts,
  body: ResponseRequest,
  caller: Principal,
  { field = 'input', places, parameters = {}, signal }: AskedWith,
): Promise<PreparedResponse> {
  refuseUnhonoured(body);
  const { sessions, agents, files, config } = parts;
  const agent = body.model === undefined ? undefined : await agentOfModel(agents, body.model, caller);
  // Without an input, the messages that the conversation has are answered.
  const isBegun = body.previous_response_id !== undefined || conversationNamed(body) !== undefined;
  if (body.input === undefined && !isBegun) throw invalidField(field, 'is missing');
  if (Array.isArray(body.input) && body.input.length === 0 && !isBegun)
    throw invalidField(field, 'must not be empty');
  const input = await readInput((body.input ?? []) as JsonValue, {
    field,
    ...(places && { places }),
    files,
    caller,
    documents: config.documents,
    signal,
    findItem: (id) => findItem(sessions, id, caller, 'mcp_call'),
  });
  const conversation = await findNamedConversation(sessions, body, caller);
  const waiting = await findWaiting(sessions, body, input, { caller, field, conversation });
  if (waiting) return continueTask(waiting, body, input, { caller, field });
  // An output of which no call is known belongs to a call that has its result, or to none.
  const isOrphan = ({ hasCall }: CallOutput) => !hasCall || body.previous_response_id !== undefined;
  checkOutputs([], input.outputs.filter(isOrphan), field);
  const known = await findKnownSession(sessions, body, caller, conversation);
  return beginTask(parts, body, input, { caller, known, agent, parameters });
}

/**
 * The task that the input answers: it waits for results of its client's functions. Clients show it in three ways: by the response
 * before, by the conversation in which it waits, or by the item of a call in a conversation that they send whole each time.
 */
async function findWaiting(
  sessions: Sessions,
  body: ResponseRequest,
  { outputs, endsWithOutput }: ReadInput,
  {
    caller,
    field,
    conversation,
  }: { caller: Principal; field: string; conversation: KnownSession | undefined },
): Promise<WaitingTask | undefined> {
  const previous = body.previous_response_id;
  if (previous !== undefined) {
    const { taskId, after, part, sessionId } = responsePlaceOf(previous);
    const { session } = await findResponse(sessions, previous, { taskId, after, part, sessionId }, caller);
    const waiting = await waitingTaskAt(session, taskId, after);
    // The task has gone on since that response, and waits for other outputs now.
    if (waiting && waiting.record.pauses.length !== part + 1)
      throw invalidField('previous_response_id', 'is not the last response: its calls have their outputs');
    return waiting;
  }
  if (conversation?.open) {
    const { session, open } = conversation;
    const waiting = await waitingTaskAt(session, open.taskId, open.after);
    if (waiting) return waiting;
  }
  // A client that sends its whole conversation each time names the call by its item. With more words it begins anew.
  const last = endsWithOutput ? outputs.at(-1) : undefined;
  const place = last?.itemId === undefined ? undefined : itemLineOf(last.itemId);
  if (!last || !place) return undefined;
  const unknown = () => notAwaited(last.callId, field);
  const session = await findOwn(sessions, place.sessionId, caller, { unknown, what: 'item' });
  const { open } = await readLogEnd(session);
  if (!open) throw unknown();
  const waiting = await waitingTaskAt(session, open.taskId, open.after);
  if (waiting && outputs.some((output) => isFor(waiting, output))) return waiting;
  // A client repeats its request without a mark: a second task would move the devices again beside the first one.
  throw new AppError('conflict', 'The task has these outputs already, and is not over: wait for its answer.');
}

/** Whether an output is for a call that a task waits for. The ids of calls alone may be those of an earlier reply. */
function isFor({ session, record, calls }: WaitingTask, { callId, itemId }: CallOutput): boolean {
  return (
    calls.some((call) => call.callId === callId) && itemId === openCallItemId(session.id, record, callId)
  );
}

/** The response that goes on with a task. The task keeps the settings with which it began. */
function continueTask(
  waiting: WaitingTask,
  body: ResponseRequest,
  { messages, outputs }: ReadInput,
  { caller, field }: { caller: Principal; field: string },
): PreparedResponse {
  const { session, record, after, calls } = waiting;
  const isWhole = body.previous_response_id === undefined && conversationNamed(body) === undefined;
  // A whole conversation has the outputs of earlier replies, too.
  const given = isWhole ? outputs.filter((output) => isFor(waiting, output)) : outputs;
  checkOutputs(calls, given, field);
  // Each output is also a message, as a text (`readInput`): more messages are other words.
  if (!isWhole && messages.length > outputs.length)
    throw invalidField(
      'input',
      'may have outputs only: the response waits for them, and a message has to wait for its end',
    );
  const shown = requestOf(record)?.shown ?? {};
  for (const name of fixedFields)
    if (!isSame(name, body[name], shown[name]))
      throw invalidField(
        name,
        'cannot change while the response waits for an output: it goes on as it began',
      );
  checkSpeaking(caller, session.config);
  return {
    session,
    place: { sessionId: session.id, taskId: record.taskId, after, part: record.pauses.length },
    isOwn: false,
    begin: () => giveOutputs(session, record, given),
  };
}

/** Whether a field is as it was, or is left out. A choice of tools holds for the first reply, so that clients send `auto` after it. */
function isSame(name: (typeof fixedFields)[number], value: unknown, before: unknown): boolean {
  if (value === undefined || (name === 'tool_choice' && value === 'auto')) return true;
  return isDeepStrictEqual(value, before ?? responseDefaults[name]);
}

/** The response of a new task. */
async function beginTask(
  parts: ResponseParts,
  body: ResponseRequest,
  input: ReadInput,
  {
    caller,
    known,
    agent,
    parameters: more,
  }: {
    caller: Principal;
    known: KnownSession | undefined;
    agent: string | undefined;
    parameters: JsonObject;
  },
): Promise<PreparedResponse> {
  const { model, ...others } = modelParameters(body, more);
  // An app decides on its own model; the other parameters of the request count over the app's.
  const parameters = { ...others, ...(agent === undefined && model !== undefined && { model }) };
  const wished = { model: parameters, systemPrompt: input.instructions.join('\n\n') };
  const session = known?.session ?? (await createResponseSession(parts, body, caller, { agent, ...wished }));
  checkSpeaking(caller, agent === undefined ? session.config : { ...session.config, agent });
  const { history: earlier, content } = splitInput(input);
  const history = await addHistory(session, earlier);
  // A new session has one line, its `session_started`.
  const after = history.at(-1) ?? known?.lastSeq ?? 1;
  const taskId = randomUUID();
  const task: NewTask = {
    taskId,
    fresh: true,
    form: 'list',
    // A response in the background may be followed later.
    stream: body.stream === true || body.background === true,
    content,
    said: { attachments: [], metadata: body.metadata ?? {}, request: keptRequest(body, history) },
    // A new session has the parameters and the instructions of the input itself. With `input`, a task that fails before its first reply
    // takes its input out of the conversation.
    settings: known
      ? {
          ...settingsOf(body, input.instructions, parameters),
          ...(agent !== undefined && { agent }),
          input: history,
        }
      : { ...settingsOf(body, [], {}), input: history },
  };
  return {
    session,
    place: { sessionId: session.id, taskId, after, part: 0 },
    isOwn: known === undefined,
    begin: async () => void (await session.submit(task)),
  };
}

/** Appends the earlier messages of an input; returns the numbers of their lines. */
async function addHistory(session: Session, history: ReadInput['messages']): Promise<number[]> {
  const lines: number[] = [];
  for (const message of history) lines.push((await session.add({ ...message, run: false })).seq);
  return lines;
}

/** The wishes of the task; `more` are instructions in its input. */
function settingsOf(
  body: ResponseRequest,
  more: string[],
  parameters: NonNullable<TaskSettings['model']>,
): TaskSettings {
  const instructions = [body.instructions, ...more].filter(Boolean).join('\n\n');
  const clientTools = clientToolsOf(body.tools as JsonValue | undefined);
  const toolChoice = readToolChoice(body.tool_choice);
  return {
    // The user's memory is for threads (contract 2).
    memoryTools: false,
    // The client gets a refusal as the status of its answer, and repeats its request. In a stream that has begun it does not.
    ...(body.stream !== true && body.background !== true && { clientRepeats: true }),
    ...(Object.keys(parameters).length > 0 && { model: parameters }),
    ...(instructions !== '' && { instructions }),
    ...(clientTools.length > 0 && { clientTools }),
    ...(toolChoice && { toolChoice }),
  };
}

/** The request as the log keeps it: the response shows its fields again, and a request that goes on is compared with them. */
function keptRequest(body: ResponseRequest, history: number[]): KeptRequest {
  const shown: JsonObject = {};
  for (const name of shownFields) if (body[name] !== undefined) shown[name] = body[name] as JsonValue;
  return { shown, history, inConversation: conversationNamed(body) !== undefined };
}
