import type { Message } from './message.ts';
import type { Delta, EndReason, Subscriber } from './session.ts';

const PAGE = 200;

/** Shows one session's log to its followers: live and replay are one path, a cursor over the log. */
export interface Feed {
  /** New lines, committed, right after the last told: given to those who have all before them. */
  tell(messages: readonly Message[]): void;
  tellDelta(delta: Delta): void;
  /** The log may have grown elsewhere: everybody reads on. */
  poke(): void;
  /** The log's last number now, learnt elsewhere. */
  reached(seq: number): void;
  subscribe(subscriber: Subscriber, after?: number): () => void;
  end(reason: EndReason): void;
  /** Resolves when nothing is being read. */
  rest(): Promise<void>;
  readonly size: number;
}

interface Cursor {
  follower: Subscriber;
  /** The last number delivered. */
  at: number;
  /** Delivering, or waiting for the follower: lines told meanwhile are read from the store. */
  busy: boolean;
  /** Lines may have come since its last read. */
  behind: boolean;
  /** Has seen all there was: from then on a new beginning of the log means that it was cleared. */
  live: boolean;
}

/** `read` gives lines after a number; `last` is the log's last number now; `onError` hears of a failed read (its follower is ended). */
export function openFeed(
  read: (after: number, limit: number) => Promise<Message[]>,
  last: number,
  onError: (error: unknown) => void,
): Feed {
  const cursors = new Set<Cursor>();
  let reading = 0;
  const rested: (() => void)[] = [];

  function deliver(cursor: Cursor, batch: readonly Message[]): void | Promise<void> {
    const start = cursor.live ? batch.findLastIndex((message) => message.type === 'session_started') : -1;
    if (start >= 0) {
      const before = batch.slice(0, start);
      if (before.length > 0) void cursor.follower.messages(before);
      cursors.delete(cursor);
      cursor.follower.ended('cleared');
      return undefined;
    }
    cursor.at = batch[batch.length - 1]!.seq;
    return cursor.follower.messages(batch);
  }

  async function readPage(after: number): Promise<Message[]> {
    reading += 1;
    try {
      return await read(after, PAGE);
    } finally {
      reading -= 1;
      if (reading === 0) for (const tell of rested.splice(0)) tell();
    }
  }

  /** Reads on for one follower until it has everything. */
  async function catchUp(cursor: Cursor, wait?: Promise<void>): Promise<void> {
    cursor.busy = true;
    try {
      if (wait) await wait;
      while (cursors.has(cursor) && (cursor.behind || cursor.at < last)) {
        cursor.behind = false;
        const batch = await readPage(cursor.at);
        if (!cursors.has(cursor)) return;
        if (batch.length > 0) {
          last = Math.max(last, batch[batch.length - 1]!.seq);
          cursor.behind ||= batch.length === PAGE;
          await deliver(cursor, batch);
        } else if (cursor.at < last && !cursor.behind) break;
      }
      cursor.live = true;
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
    poke() {
      for (const cursor of cursors) {
        cursor.behind = true;
        if (!cursor.busy) void catchUp(cursor);
      }
    },
    reached(seq) {
      last = Math.max(last, seq);
    },
    subscribe(follower, after = last) {
      const behind = after < last;
      const cursor: Cursor = { follower, at: after, busy: false, behind, live: !behind };
      cursors.add(cursor);
      if (behind) void catchUp(cursor);
      return () => {
        cursors.delete(cursor);
      };
    },
    rest: () => (reading === 0 ? Promise.resolve() : new Promise((resolve) => rested.push(resolve))),
    end(reason) {
      const all = [...cursors];
      cursors.clear();
      for (const { follower } of all) follower.ended(reason);
    },
  };
}
