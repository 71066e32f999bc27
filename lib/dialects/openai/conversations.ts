import type { JsonObject } from '../../common/json.ts';
import type { MessagePart, Metadata } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import type { Session } from '../../core/session.ts';
import type { Sessions } from '../../core/sessions.ts';
import { secondsOf } from '../unix-time.ts';
import {
  conversationIdOf,
  itemLineOf,
  noSuchConversation,
  noSuchItem,
  noSuchResponse,
  sessionIdOf,
} from './ids.ts';
import type { ResponsePlace } from './ids.ts';
import { itemsOf } from './item-list.ts';
import type { CallShape, Item, MessageItem } from './items.ts';
import { metadataSchema } from './schemas.ts';
import { isKnown, readRecord, type TaskRecord } from './task-record.ts';
import { findOwn } from './threads.ts';

/** A conversation, in OpenAI's shape. */
export const conversationSchema = {
  type: 'object',
  required: ['id', 'object', 'created_at', 'metadata'],
  properties: {
    id: { type: 'string' },
    object: { const: 'conversation' },
    created_at: { type: 'integer' },
    metadata: metadataSchema,
  },
} as const;

/** A conversation, from the facts about its session. */
export function formatConversation(id: string, createdAt: number, notes: { metadata?: Metadata }) {
  return {
    id: conversationIdOf(id),
    object: 'conversation',
    created_at: secondsOf(createdAt),
    metadata: notes.metadata ?? {},
  };
}

/** The session of a conversation. Throws `not_found`, and `forbidden` for another user's. */
export function sessionOfConversation(sessions: Sessions, id: string, caller: Principal): Promise<Session> {
  return findOwn(sessions, sessionIdOf('conv', id), caller, {
    unknown: () => noSuchConversation(id),
    what: 'conversation',
  });
}

/** A response, with its session and the lines of its task. Throws `not_found`, and `forbidden` for another user's. */
export async function findResponse(
  sessions: Sessions,
  id: string,
  place: ResponsePlace,
  caller: Principal,
): Promise<{ session: Session; record: TaskRecord }> {
  const unknown = () => noSuchResponse(id);
  const session = await findOwn(sessions, place.sessionId, caller, { unknown, what: 'response' });
  const record = await readRecord(session, place.taskId, place.after);
  const isThere = isKnown(record) && !isRemoved(record);
  // A part begins with a pause: without the pause there is no such response.
  if (!isThere || place.part > record.pauses.length) throw unknown();
  return { session, record };
}

/** Whether a client has removed a response. A response that failed before its first reply has lost its input by itself. */
function isRemoved({ said, started, replies, ended }: TaskRecord): boolean {
  const isUnanswered = started && ended?.status === 'failed' && replies.length === 0;
  return (isUnanswered ? started.marks?.answer?.removed : said?.marks?.said?.removed) === true;
}

/** An item of a conversation by its id, wherever it is. Throws `not_found`, and `forbidden` for another user's. */
export async function findItem(
  sessions: Sessions,
  id: string,
  caller: Principal,
  shape: CallShape,
): Promise<Item & JsonObject> {
  const place = itemLineOf(id);
  const unknown = () => noSuchItem(id);
  const session = await findOwn(sessions, place?.sessionId, caller, { unknown, what: 'item' });
  return (await itemIn(session, id, shape)).item as Item & JsonObject;
}

/** An item of one conversation, with the lines of the log that a mark must name to hide it; none for a call. */
export async function itemIn(
  session: Session,
  id: string,
  shape: CallShape,
): Promise<{ item: Item; part: MessagePart; lines: number[] }> {
  const place = itemLineOf(id);
  const [line] = place?.sessionId === session.id ? await session.read({ after: place.line - 1 }, 1) : [];
  // Where the log has no line of this number any more, the next line was read.
  const item =
    line?.seq === place?.line && line && (await itemsOf(session, line, shape)).find((one) => one.id === id);
  if (!item || !line) throw noSuchItem(id);
  if (item.type !== 'message' || item.role === 'user' || line.type !== 'task_started')
    return { item, part: 'said', lines: item.type === 'message' ? [line.seq] : [] };
  const record = await readRecord(session, line.taskId, line.seq - 1);
  const reply = record.replies.at(-1)?.line;
  // A text beside calls is not the answer, and cannot be hidden. A mark of the answer is on its place in the list and on the reply.
  const isAnswer = reply !== undefined && reply.calls.length === 0 && reply.text === textOf(item);
  return { item, part: 'answer', lines: isAnswer ? [line.seq, reply.seq] : [] };
}

/** The text of the model in an item; undefined for an item without one. */
function textOf({ content }: MessageItem): unknown {
  const [first] = content;
  return first && 'text' in first ? first.text : undefined;
}
