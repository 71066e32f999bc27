import type { Principal } from '../../core/principal.ts';
import type { Session } from '../../core/session.ts';
import type { Sessions } from '../../core/sessions.ts';
import { itemsOf } from './item-list.ts';
import type { Item } from './items.ts';
import { openLogWindow } from './log-window.ts';
import { messagesOfItem } from './read-input.ts';
import type { TaskRecord } from './task-record.ts';

/** How many lines are read at once. */
const PAGE_LINES = 100;

/**
 * Whether nothing was said after a task, whose first line has the number `first`. An input that the model refused was removed, and has
 * nothing behind it; a response that was removed later has its reply and its results.
 */
export async function isLast(session: Session, taskId: string, first: number): Promise<boolean> {
  for await (const line of openLogWindow(session, first, PAGE_LINES).forth()) {
    if (line.marks?.said?.removed || (line.type === 'task_started' && line.added)) continue;
    if (line.type === 'message_added' && line.id !== taskId) return false;
    const isOfTask =
      line.type === 'task_started' || line.type === 'model_reply' || line.type === 'tool_result';
    if (isOfTask && line.taskId !== taskId) return false;
  }
  return true;
}

/**
 * A new session with the devices of another one, whose conversation goes as far as a task. A client may continue a response from
 * which the conversation has gone on in another direction.
 */
export async function copyUntil(
  sessions: Sessions,
  session: Session,
  { taskId }: TaskRecord,
  caller: Principal,
): Promise<Session> {
  // With its documents and their keys: both sessions are the caller's.
  const id = await sessions.create(await session.wholeConfig(), caller);
  const copy = await sessions.find(id, caller);
  for await (const line of openLogWindow(session, 1, PAGE_LINES).forth()) {
    // The calls of the other session are texts in the copy (read-input.ts).
    const items: Item[] = await itemsOf(session, line, 'mcp_call');
    for (const item of items)
      for (const message of messagesOfItem(item)) await copy.add({ ...message, run: false });
    if (line.type === 'task_started' && line.taskId === taskId) break;
  }
  return copy;
}
