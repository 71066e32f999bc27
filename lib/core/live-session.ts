import { v4 as uuid } from 'uuid';
import { AppError } from '../errors.ts';
import { askOwner, OWNER_TIMEOUT_MS } from './ask-owner.ts';
import { openFeed } from './feed.ts';
import { openLoop } from './loop.ts';
import type { Equipment } from './equipment.ts';
import type { Loop, LoopLimits } from './loop.ts';
import { arrivalOf } from './arrival.ts';
import type { Message, MessageAdded } from './message.ts';
import type { AcceptedTask, EndReason, NewMessage, NewTask, Session } from './session.ts';
import type { Control, Claim, Store, StoredSession, StoredTask } from './store.ts';

export interface LiveLimits extends LoopLimits {
  queuedTasksMaxCount: number;
}

/** What a live session needs of its surroundings. */
export interface Surroundings {
  store: Store;
  equip(): Promise<Equipment>;
  limits: LiveLimits;
  onError(error: unknown): void;
}

/** A session in the memory of this node: watched, worked on, or both. */
export interface LiveSession extends Session {
  readonly stored: StoredSession;
  /** The loop while this node owns the session. */
  readonly loop: Loop | undefined;
  readonly watched: boolean;
  /** Becomes the owner if nobody is: open tasks and controls are worked on. */
  acquire(): Promise<Loop | undefined>;
  /** Somebody wrote to the session elsewhere. */
  wake(): void;
  /** Another node took the session over. */
  abandon(): void;
  /** Stops owning it; only while nothing runs. */
  release(): Promise<void>;
  /** When somebody last wanted it, in ms since the epoch. */
  readonly touchedAt: number;
  /** Somebody wants it: who follows from now on sees live lines only, also when other nodes wrote. False: it is gone. */
  touch(): Promise<boolean>;
  /**
   * Ends it here: nothing new is sent. With `draining` calls on the wire finish and are logged, as far as they do within
   * that time (ms), and another node may go on; else nothing more is logged.
   */
  leave(reason: EndReason, withinMs?: number): Promise<void>;
}

const PAGE = 500;

/** A session that was just made, on the node that owns it from the start. */
export interface Owned {
  standing: Claim;
  equipment: Equipment | undefined;
  first: Message;
}

/** Brings a stored session to life. */
export function openLiveSession(
  stored: StoredSession,
  lastSeq: number,
  around: Surroundings,
  owned?: Owned,
): LiveSession {
  const { id, config } = stored;
  const { store, limits } = around;
  const feed = openFeed(
    (after, limit) => store.read(id, after, limit),
    lastSeq,
    (error) => around.onError(error),
  );
  let loop: Loop | undefined;
  let acquiring: Promise<Loop | undefined> | undefined;
  let leaving = false;
  let touchedAt = Date.now();
  /** What goes on without anybody waiting for it; the session is not gone before it has ended. */
  const background = new Set<Promise<void>>();

  function inBackground(work: Promise<void>): void {
    const noted = work
      .catch((error: unknown) => around.onError(error))
      .finally(() => {
        background.delete(noted);
      });
    background.add(noted);
  }

  function own(from: Claim, made?: Owned): Loop {
    const opened: Loop = openLoop({
      stored,
      standing: from,
      store,
      feed,
      limits,
      equip: () => around.equip(),
      readAll,
      equipment: made?.equipment,
      first: made?.first,
      lost(error) {
        if (loop !== opened) return;
        around.onError(error);
        abandon();
      },
    });
    loop = opened;
    return opened;
  }

  async function claim(): Promise<Loop | undefined> {
    const from = await store.claim(id);
    if (from === undefined) {
      feed.end('removed');
      throw new AppError('not_found', `The session "${id}" is gone.`);
    }
    if (from === 'held' || leaving) return undefined;
    const opened = own(from);
    feed.poke();
    await opened.refresh();
    return opened;
  }

  async function acquire(): Promise<Loop | undefined> {
    if (loop) return loop;
    acquiring ??= claim().finally(() => {
      acquiring = undefined;
    });
    return acquiring;
  }

  async function readAll(): Promise<Message[]> {
    const all: Message[] = [];
    for (;;) {
      const batch = await store.read(id, all.at(-1)?.seq ?? 0, PAGE);
      all.push(...batch);
      if (batch.length < PAGE) return all;
    }
  }

  async function submit(input: NewTask): Promise<AcceptedTask> {
    if (leaving) throw goingAway();
    const { fresh = input.taskId === undefined, taskId = uuid(), ...said } = input;
    const task: StoredTask = { ...said, taskId };
    if (!loop || loop.waiting >= limits.queuedTasksMaxCount) {
      const open = await store.listOpenTasks(id);
      if (open.length >= limits.queuedTasksMaxCount && !open.some((one) => one.taskId === taskId))
        throw new AppError(
          'limit_reached',
          `${open.length} tasks wait in this session already (QUEUED_TASKS_MAX_COUNT).`,
        );
    }
    const seq = loop ? loop.lastSeq : await lastSeqNow();
    // A task that nobody else can know of needs no look into the inbox.
    if (fresh && (await begin(task))) return { taskId, seq };
    const outcome = await store.enqueue(id, task, config.taskStrategy === 'reject');
    if (outcome === 'conflict')
      throw new AppError('conflict', `The task "${taskId}" is known in this session with another content.`);
    if (outcome === 'busy')
      throw new AppError(
        'task_rejected',
        'A task is open and this session takes one at a time (taskPipelineStrategy: reject).',
      );
    if (outcome === 'same') return { taskId, seq: 0 };
    (await acquire())?.take(task);
    return { taskId, seq };
  }

  /** False when it cannot begin at once here; so too when the session turns out to be another node's by now. */
  async function begin(task: StoredTask): Promise<boolean> {
    try {
      return (await loop?.begin(task)) ?? false;
    } catch (error) {
      if (error instanceof AppError && error.code === 'conflict') return false;
      throw error;
    }
  }

  async function add(message: NewMessage): Promise<Message & MessageAdded> {
    const key = uuid();
    const line: MessageAdded = { type: 'message_added', id: key, ...message };
    const owned = await acquire();
    if (owned && !message.run) return (await owned.note(line)) as Message & MessageAdded;
    const after = owned ? owned.lastSeq : await lastSeqNow();
    const isIt = (one: Message): one is Message & MessageAdded =>
      one.type === 'message_added' && one.id === key;
    const arrival = arrivalOf(
      (follower, from) => feed.subscribe(follower, from),
      after,
      isIt,
      OWNER_TIMEOUT_MS,
    );
    try {
      const { content, attachments, metadata } = message;
      const task = {
        taskId: key,
        fresh: true,
        form: 'list',
        content,
        said: { attachments, metadata },
      } as const;
      if (message.run) await submit(task);
      else await store.addControl(id, { kind: 'note', line });
      return await arrival.line;
    } finally {
      arrival.give();
    }
  }

  async function lastSeqNow(): Promise<number> {
    return (await store.lastSeqs([id])).get(id) ?? 0;
  }

  /** Does it here when this node is or becomes the owner, else asks the owner and waits until it has. */
  async function command(control: Control): Promise<void> {
    const owned = await acquire();
    if (!owned) return askOwner(store, id, control);
    try {
      await owned.refresh(); // what is meant may have come from elsewhere just now
      await owned.follow(control);
    } catch (error) {
      // This node was replaced and did not know it.
      if (error instanceof AppError && error.code === 'conflict') return askOwner(store, id, control);
      throw error;
    }
  }

  function abandon(): void {
    const lost = loop;
    loop = undefined;
    if (lost) inBackground(lost.leave(true));
    feed.poke();
  }

  async function leave(reason: EndReason, withinMs?: number): Promise<void> {
    leaving = true;
    const owned = loop ?? (await acquiring?.catch(() => undefined));
    await owned?.leave(reason !== 'draining', withinMs);
    if (owned && reason === 'draining') await store.release(id, owned.epoch);
    loop = undefined;
    feed.end(reason);
    await Promise.all([...background, feed.rest()]);
  }

  if (owned) own(owned.standing, owned);
  return {
    id,
    stored,
    get loop() {
      return loop;
    },
    get touchedAt() {
      return touchedAt;
    },
    get watched() {
      return feed.size > 0;
    },
    acquire,
    abandon,
    async touch() {
      touchedAt = Date.now();
      if (loop || feed.size > 0 || !store.shared) return true;
      const seq = await lastSeqNow();
      feed.reached(seq);
      return seq > 0;
    },
    wake() {
      if (leaving) return;
      if (loop) inBackground(loop.refresh());
      else feed.poke();
    },
    async release() {
      const owned = loop;
      if (!owned || owned.busy) return;
      loop = undefined;
      await owned.leave(true);
      await store.release(id, owned.epoch);
    },
    createdAt: stored.createdAt,
    attributes: () => store.attributes(id),
    setAttributes: (attributes) => store.setAttributes(id, attributes),
    submit,
    add,
    mark: (of, part, mark) => command({ kind: 'note', line: { type: 'message_marked', of, part, mark } }),
    history: readAll,
    read: (from, limit) =>
      'after' in from ? store.read(id, from.after, limit) : store.readBack(id, from.before, limit),
    subscribe: (follower, after) => feed.subscribe(follower, after),
    stop: (taskId) => command(taskId === undefined ? { kind: 'stop' } : { kind: 'stop', taskId }),
    clear: () => command({ kind: 'clear' }),
    leave,
  };
}

function goingAway(): AppError {
  return new AppError('unavailable', 'The server is going away; connect again.', { retryAfterSeconds: 1 });
}
