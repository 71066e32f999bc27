import { randomUUID } from 'node:crypto';
import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import type { SessionConfig, TaskSettings } from '../../core/session-config.ts';
import type { NewTask, Session } from '../../core/session.ts';
import type { Sessions } from '../../core/sessions.ts';
import type { Parts } from '../dialect.ts';
import { checkAdmission } from '../liteagent/init.ts';
import { checkSpeaking } from '../speaking.ts';
import { copyUntil, isLast } from './copied-session.ts';
import { sessionOfConversation, findItem, findResponse } from './conversations.ts';
import { invalidField } from './errors.ts';
import { responsePlaceOf, type ResponsePlace } from './ids.ts';
import { agentOfModel, documentsOf, sessionConfigWith } from './new-session.ts';
import { readInput, splitInput, type ReadInput } from './read-input.ts';
import { shownFields, type KeptRequest } from './response-format.ts';
import {
  conversationNamed,
  modelParameters,
  refuseUnhonoured,
  type ResponseRequest,
} from './response-request.ts';

/** The parts that make responses. */
export type ResponseParts = Pick<Parts, 'sessions' | 'files' | 'agents' | 'config'>;

/** A response that is about to begin: everything is checked, and nothing is handed in yet. */
export interface PreparedResponse {
  session: Session;
  place: ResponsePlace;
  task: NewTask;
  /** The session was made for this response alone. */
  isOwn: boolean;
}

/** Where a response goes: a session that is known, or a new one; the agent of an app counts for a new one. */
interface Target {
  session: Session | undefined;
  agent: string | undefined;
}

/** Checks a request, and opens the session in which its response is made. Throws AppErrors that name the field at fault. */
export async function prepareResponse(
  parts: ResponseParts,
  body: ResponseRequest,
  caller: Principal,
): Promise<PreparedResponse> {
  refuseUnhonoured(body);
  const target = await findTarget(parts, body, caller);
  const input = await readInput(body.input as JsonValue, {
    files: parts.files.files,
    caller,
    findItem: (id) => findItem(parts.sessions, id, caller, 'mcp_call'),
  });
  const parameters = target.agent === undefined ? modelParameters(body) : withoutModel(body);
  const session =
    target.session ??
    (await createSession(parts, body, caller, {
      agent: target.agent,
      model: parameters ?? {},
      systemPrompt: input.instructions.join('\n\n'),
    }));
  checkSpeaking(caller, session.config);
  const { history: earlier, content } = splitInput(input);
  const history = await addHistory(session, earlier);
  const after = history.at(-1) ?? (target.session ? await lastSeqOf(session) : 1);
  const taskId = randomUUID();
  // A new session has the parameters and the instructions of the input itself.
  const settings = target.session
    ? settingsOf(body, input.instructions, parameters)
    : settingsOf(body, [], undefined);
  return {
    session,
    place: { sessionId: session.id, taskId, after },
    isOwn: target.session === undefined,
    task: {
      taskId,
      fresh: true,
      form: 'list',
      stream: body.stream === true || body.background === true,
      content,
      said: { attachments: [], metadata: body.metadata ?? {}, request: keptRequest(body, history) },
      settings,
    },
  };
}

/** The session that a request names. Throws `invalid_request` where it wishes something that only a new session can have. */
async function findTarget(
  { sessions, agents }: ResponseParts,
  body: ResponseRequest,
  caller: Principal,
): Promise<Target> {
  const conversation = conversationNamed(body);
  const previous = body.previous_response_id;
  const agent = body.model === undefined ? undefined : await agentOfModel(agents, body.model, caller);
  if (conversation === undefined && previous === undefined) return { session: undefined, agent };
  const session =
    conversation === undefined
      ? await sessionAfter(sessions, previous!, caller)
      : await sessionOfConversation(sessions, conversation, caller);
  if (body.openSpecList)
    throw invalidField('openSpecList', 'is for a new conversation: this one has its devices');
  if (body.store === false)
    throw invalidField('store', 'must be true in a conversation, which keeps its responses');
  if (agent !== undefined && agent !== session.config.agent)
    throw invalidField('model', 'names an app that does not answer in this conversation');
  return { session, agent };
}

/** The session in which a response is continued: its own while nothing came after the response, else a copy that ends with it. */
async function sessionAfter(sessions: Sessions, previous: string, caller: Principal): Promise<Session> {
  const place = responsePlaceOf(previous);
  const { session, record } = await findResponse(sessions, previous, place, caller);
  const from = record.said?.seq ?? record.started?.seq ?? place.after;
  return (await isLast(session, place.taskId, from)) ? session : copyUntil(sessions, session, record, caller);
}

async function createSession(
  { sessions, config }: ResponseParts,
  body: ResponseRequest,
  caller: Principal,
  { agent, ...wished }: Pick<SessionConfig, 'model' | 'systemPrompt'> & { agent: string | undefined },
): Promise<Session> {
  const documents = documentsOf(body);
  if (agent !== undefined && documents.length > 0)
    throw invalidField('openSpecList', 'cannot be added to an app, which has its own devices');
  const wishes = sessionConfigWith({
    documents,
    ...wished,
    timeoutSeconds: config.limits.responseIdleTimeoutMs / 1000,
    ...(agent !== undefined && { agent }),
  });
  checkAdmission(caller, wishes);
  return sessions.find(await sessions.create(wishes, caller), caller);
}

/** Appends the earlier messages of an input; returns the numbers of their lines. */
async function addHistory(session: Session, history: ReadInput['messages']): Promise<number[]> {
  const lines: number[] = [];
  for (const message of history) lines.push((await session.add({ ...message, run: false })).seq);
  return lines;
}

/** The wishes of the task; `more` are instructions in its input. */
function settingsOf(body: ResponseRequest, more: string[], parameters: TaskSettings['model']): TaskSettings {
  const instructions = [body.instructions, ...more].filter(Boolean).join('\n\n');
  return {
    memoryTools: false,
    ...(parameters && { model: parameters }),
    ...(instructions !== '' && { instructions }),
  };
}

/** An app decides on its own model; the parameters of the request count over its parameters. */
function withoutModel(body: ResponseRequest): TaskSettings['model'] {
  const { model: _app, ...parameters } = modelParameters(body) ?? {};
  return Object.keys(parameters).length > 0 ? parameters : undefined;
}

function keptRequest(body: ResponseRequest, history: number[]): KeptRequest {
  const shown: JsonObject = {};
  for (const name of shownFields) if (body[name] !== undefined) shown[name] = body[name] as JsonValue;
  return { shown, history, inConversation: conversationNamed(body) !== undefined };
}

/** The number of the last line of a log. */
async function lastSeqOf(session: Session): Promise<number> {
  const [last] = await session.read({ before: Number.MAX_SAFE_INTEGER }, 1);
  return last?.seq ?? 0;
}
