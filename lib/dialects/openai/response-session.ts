import type { Principal } from '../../core/principal.ts';
import type { SessionConfig } from '../../core/session-config.ts';
import type { Session } from '../../core/session.ts';
import type { Sessions } from '../../core/sessions.ts';
import type { Parts } from '../dialect.ts';
import { findResponse, sessionOfConversation } from './conversations.ts';
import { copyUntil, isLast } from './copied-session.ts';
import { invalidField } from './errors.ts';
import { responsePlaceOf } from './ids.ts';
import { checkDevices, deviceFieldIn, devicesOf, sessionConfigWith } from './new-session.ts';
import { conversationNamed, type ResponseRequest } from './response-request.ts';
import { readLogEnd, type LogEnd } from './waiting-task.ts';

/** The parts that make responses. */
export type ResponseParts = Pick<Parts, 'sessions' | 'files' | 'agents' | 'config'>;

/** The session of a conversation that goes on, and the end of its log. */
export interface KnownSession extends LogEnd {
  session: Session;
}

/** The session of the conversation that a request names; undefined where it names none. */
export async function findNamedConversation(
  sessions: Sessions,
  body: ResponseRequest,
  caller: Principal,
): Promise<KnownSession | undefined> {
  const conversation = conversationNamed(body);
  if (conversation === undefined) return undefined;
  const session = await sessionOfConversation(sessions, conversation, caller);
  return { session, ...(await readLogEnd(session)) };
}

/**
 * The session that a request goes on with: that of its conversation, or of the response before it. Undefined: it begins a new one.
 * Throws `invalid_request` where the request wishes something that only a new session can have.
 */
export async function findKnownSession(
  sessions: Sessions,
  body: ResponseRequest,
  caller: Principal,
  conversation: KnownSession | undefined,
): Promise<KnownSession | undefined> {
  const previous = body.previous_response_id;
  if (!conversation && previous === undefined) return undefined;
  const known = conversation ?? (await sessionAfter(sessions, previous!, caller));
  const field = deviceFieldIn(body);
  if (field) throw invalidField(field, 'is for a new conversation: this one has its devices');
  if (body.store === false)
    throw invalidField('store', 'must be true in a conversation, which keeps its responses');
  return known;
}

/** The session in which a response is continued: its own while nothing came after the response, else a copy that ends with it. */
async function sessionAfter(sessions: Sessions, previous: string, caller: Principal): Promise<KnownSession> {
  const place = responsePlaceOf(previous);
  const { session, record } = await findResponse(sessions, previous, place, caller);
  const from = record.said?.seq ?? record.started?.seq ?? place.after;
  // A response that something came after is continued in a copy: the conversation itself goes on in its own direction.
  const isOpen = await isLast(session, place.taskId, from);
  const own = isOpen ? session : await copyUntil(sessions, session, record, caller);
  return { session: own, ...(await readLogEnd(own)) };
}

/** Opens the session of a response that begins a conversation. */
export async function createResponseSession(
  { sessions, config }: ResponseParts,
  body: ResponseRequest,
  caller: Principal,
  { agent, ...wished }: Pick<SessionConfig, 'model' | 'systemPrompt'> & { agent: string | undefined },
): Promise<Session> {
  const devices = devicesOf(body);
  const field = deviceFieldIn(body);
  if (agent !== undefined && field)
    throw invalidField(field, 'cannot be added to an app, which has its own devices');
  const wishes = sessionConfigWith({
    ...devices,
    ...wished,
    // Clients do not remove such a session. It goes when nobody has gone on with it for so long.
    timeoutSeconds: config.limits.responseIdleTimeoutMs / 1000,
    ...(agent !== undefined && { agent }),
  });
  checkDevices(caller, wishes, config.documents);
  return sessions.find(await sessions.create(wishes, caller), caller);
}
