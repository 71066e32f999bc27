import type { Message } from '../../core/message.ts';
import type { Session } from '../../core/session.ts';
import { unknownCursor } from './errors.ts';
import { itemLineOf } from './ids.ts';
import { saidItem, taskItems, type CallShape, type Item } from './items.ts';
import { openLogWindow } from './log-window.ts';
import { readBegunRecord } from './task-record.ts';

/** The items of a conversation that a client asks for. */
export interface ItemPage {
  limit: number;
  order: 'asc' | 'desc';
  /** The id before the first one. */
  after?: string | undefined;
  shape: CallShape;
}

/** How many lines are read beside those of a page's items. */
const MORE_LINES = 8;

/** A page of a conversation's items. `more`: there are others in its direction. Throws `invalid_request` for an unknown `after`. */
export async function listItems(
  session: Session,
  { limit, order, after, shape }: ItemPage,
): Promise<{ items: Item[]; more: boolean }> {
  const start = after === undefined ? undefined : lineOf(session, after);
  const items: Item[] = [];
  let isPast = after === undefined;
  for await (const line of linesFrom(session, order, start, limit + MORE_LINES)) {
    const own = await itemsOf(session, line, shape);
    for (const item of order === 'asc' ? own : own.toReversed()) {
      if (!isPast) {
        isPast = item.id === after;
        continue;
      }
      // One more item shows that there are others.
      if (items.length === limit) return { items, more: true };
      items.push(item);
    }
    if (!isPast) throw unknownCursor('after', 'an item of this conversation'); // it would have been on the first line
  }
  if (!isPast) throw unknownCursor('after', 'an item of this conversation');
  return { items, more: false };
}

/** The items that begin on a line: a message, or everything that a task made. */
export async function itemsOf(session: Session, line: Message, shape: CallShape): Promise<Item[]> {
  if (line.type !== 'message_added' && line.type !== 'task_started') return [];
  const said = saidItem(session.id, line);
  const items: Item[] = said ? [said] : [];
  if (line.type === 'message_added') return items;
  const record = await readBegunRecord(session, line);
  return [...items, ...taskItems(session.id, record, shape)];
}

/** The lines from a line on, that line included; all lines when it is missing. */
function linesFrom(
  session: Session,
  order: 'asc' | 'desc',
  start: number | undefined,
  pageLines: number,
): AsyncGenerator<Message> {
  if (order === 'asc') return openLogWindow(session, start ?? 1, pageLines).forth();
  return openLogWindow(session, (start ?? Number.MAX_SAFE_INTEGER - 1) + 1, pageLines).back();
}

/** The line of an item by its id. Throws `invalid_request` for an item of another conversation. */
function lineOf(session: Session, after: string): number {
  const place = itemLineOf(after);
  if (place?.sessionId !== session.id) throw unknownCursor('after', 'an item of this conversation');
  return place.line;
}
