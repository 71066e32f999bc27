import type { Session } from '../../core/session.ts';
import { orderOf, runIdOf, type MessagePlace } from './ids.ts';
import { secondsOf } from '../unix-time.ts';
import { openLogWindow, type LogWindow } from './log-window.ts';
import { anchorsOf, formatMessage, taskAt, type Anchor, type ThreadMessage } from './message-format.ts';

/** The messages of a thread that a client asks for. */
export interface MessagePage {
  limit: number;
  order: 'asc' | 'desc';
  after?: MessagePlace | undefined;
  /** With `after` the page ends here. Without it the page is the one right before this place. */
  before?: MessagePlace | undefined;
  /** Only the answer of this run. */
  runId?: string | undefined;
  /** Seconds since the epoch, both included. */
  from?: number | undefined;
  to?: number | undefined;
}

/** How many lines are read beside those of a page's messages: model replies, tool results and ends of tasks. */
const MORE_LINES = 8;
/** How many lines are read for one message: its line, and the lines up to the end of its task. */
const ONE_LINES = 16;

/** A page of a thread's messages. `more`: there are others in its direction. */
export async function listMessages(
  session: Session,
  page: MessagePage,
): Promise<{ messages: ThreadMessage[]; more: boolean }> {
  const { limit, after, before } = page;
  // `before` alone asks for the page right before it, which is read backwards from there.
  const turned = after === undefined && before !== undefined;
  const order = turned ? opposite(page.order) : page.order;
  const edge = turned ? before : after;
  const window = openLogWindow(session, startOf(order, edge), limit + 1 + MORE_LINES);
  const messages: ThreadMessage[] = [];
  for await (const anchor of anchorsIn(window, order)) {
    const ahead = order === 'asc' ? 1 : -1;
    const beyond = (place: MessagePlace): number => (orderOf(anchor) - orderOf(place)) * ahead;
    // The line of the edge is in the window, and may have a message beyond the edge.
    if (edge && beyond(edge) <= 0) continue;
    if (!turned && before && beyond(before) >= 0) break;
    const at = secondsOf(anchor.line.time);
    // Times rise with the lines: none of the others is in the span.
    if (order === 'asc' ? at > (page.to ?? Infinity) : at < (page.from ?? 0)) break;
    if (at < (page.from ?? 0) || at > (page.to ?? Infinity) || !isOfRun(anchor, page.runId)) continue;
    if (messages.length === limit) return { messages: inOrder(messages, turned), more: true };
    messages.push(await messageOf(session.id, window, anchor));
  }
  return { messages: inOrder(messages, turned), more: false };
}

/** The message at a place, with its lines in the log; undefined when there is none. */
export async function messageAt(
  session: Session,
  place: MessagePlace,
): Promise<{ anchor: Anchor; message: ThreadMessage; lines: number[] } | undefined> {
  const window = openLogWindow(session, place.seq, ONE_LINES);
  const { value: line } = await window.forth().next();
  if (!line || line.seq !== place.seq) return undefined;
  const anchor = anchorsOf(line).find(({ part }) => part === place.part);
  if (!anchor) return undefined;
  const message = await messageOf(session.id, window, anchor);
  const taskId = taskAt(anchor);
  if (anchor.part === 'said' || taskId === undefined) return { anchor, message, lines: [place.seq] };
  const { reply } = await window.outcomeOf(taskId);
  return { anchor, message, lines: reply ? [place.seq, reply.seq] : [place.seq] };
}

/** A message on the wire: an answer has the outcome of its task. */
async function messageOf(sessionId: string, window: LogWindow, anchor: Anchor): Promise<ThreadMessage> {
  const taskId = anchor.part === 'answer' ? taskAt(anchor) : undefined;
  return formatMessage(sessionId, anchor, taskId === undefined ? {} : await window.outcomeOf(taskId));
}

/** The messages of the lines of a window, in one direction. */
async function* anchorsIn(window: LogWindow, order: 'asc' | 'desc'): AsyncGenerator<Anchor> {
  const lines = order === 'asc' ? window.forth() : window.back();
  for await (const line of lines) {
    const anchors = anchorsOf(line);
    yield* order === 'asc' ? anchors : anchors.toReversed();
  }
}

/** The first line of the window. The edge's own line is in it, because its other message may be wanted. */
function startOf(order: 'asc' | 'desc', edge: MessagePlace | undefined): number {
  if (order === 'asc') return edge ? edge.seq : 1;
  return edge ? edge.seq + 1 : Number.MAX_SAFE_INTEGER;
}

/** Whether a message is the answer of a run. A user's message has the run as `run_id`, and is none of its messages. */
function isOfRun(anchor: Anchor, runId: string | undefined): boolean {
  if (runId === undefined) return true;
  const taskId = anchor.part === 'answer' ? taskAt(anchor) : undefined;
  return taskId !== undefined && runIdOf(taskId) === runId;
}

/** Turns a page that was read backwards into the order that the client asked for. */
function inOrder<T>(list: T[], turned: boolean): T[] {
  return turned ? list.toReversed() : list;
}

function opposite(order: 'asc' | 'desc'): 'asc' | 'desc' {
  return order === 'asc' ? 'desc' : 'asc';
}
