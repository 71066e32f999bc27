import type { Message } from './message.ts';
import type { Delta, EndReason, Follower } from './session.ts';

const PAGE = 200;

/** Shows one session's log to its followers: live and replay are one path, a cursor over the log. */
export interface Feed {
  /** New lines, committed, right after the last told. */
  tell(messages: readonly Message[]): void;
  tellDelta(delta: Delta): void;
  follow(follower: Follower, after: number): () => void;
  end(reason: EndReason): void;
  readonly size: number;
}

interface Cursor {
  follower: Follower;
  /** The last number delivered. */
  at: number;
  /** Delivering, or waiting for the follower: lines told meanwhile are read from the store. */
  busy: boolean;
}

/** `read` gives lines after a number; `last` is the log's last number now; `onError` hears of a failed read (the follower is ended). */
export function openFeed(
  read: (after: number, limit: number) => Promise<Message[]>,
  last: number,
  onError: (error: unknown) => void,
): Feed {
  const cursors = new Set<Cursor>();

  function deliver(cursor: Cursor, batch: readonly Message[]): void | Promise<void> {
    cursor.at = batch[batch.length - 1]!.seq;
    return cursor.follower.messages(batch);
  }

  async function catchUp(cursor: Cursor, wait?: Promise<void>): Promise<void> {
    cursor.busy = true;
    try {
      if (wait) await wait;
      while (cursors.has(cursor) && cursor.at < last) {
        const batch = await read(cursor.at, PAGE);
        if (!cursors.has(cursor)) return;
        if (batch.length === 0) break;
        await deliver(cursor, batch);
      }
    } catch (error) {
      cursors.delete(cursor);
      onError(error);
      cursor.follower.ended('draining');
    } finally {
      cursor.busy = false;
    }
  }

  return {
    get size() {
      return cursors.size;
    },
    tell(messages) {
      const first = messages[0];
      if (!first) return;
      last = messages[messages.length - 1]!.seq;
      for (const cursor of cursors) {
        if (cursor.busy) continue;
        if (cursor.at !== first.seq - 1) {
          void catchUp(cursor);
          continue;
        }
        const wait = deliver(cursor, messages);
        if (wait) void catchUp(cursor, wait);
      }
    },
    tellDelta(delta) {
      for (const cursor of cursors) if (!cursor.busy && cursor.at === last) cursor.follower.delta(delta);
    },
    follow(follower, after) {
      const cursor: Cursor = { follower, at: after, busy: false };
      cursors.add(cursor);
      if (after < last) void catchUp(cursor);
      return () => {
        cursors.delete(cursor);
      };
    },
    end(reason) {
      const all = [...cursors];
      cursors.clear();
      for (const { follower } of all) follower.ended(reason);
    },
  };
}
