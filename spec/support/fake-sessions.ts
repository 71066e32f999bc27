import { randomUUID } from 'node:crypto';
import type { Message, MessageBody } from '../../lib/core/message.ts';
import type { Principal } from '../../lib/core/principal.ts';
import type { EndReason, Subscriber, NewTask, Session } from '../../lib/core/session.ts';
import type { Sessions } from '../../lib/core/sessions.ts';
import { keptConfigOf, type SessionConfig } from '../../lib/core/session-config.ts';
import { AppError } from '../../lib/errors.ts';

/** A session whose log the test writes: it stands in for the core where only the wire is looked at. */
export interface FakeSession extends Session {
  readonly owner: Principal;
  /** The configuration that it was created with. */
  readonly created: SessionConfig;
  readonly submitted: NewTask[];
  readonly stopped: (string | undefined)[];
  readonly followers: number;
  /** How many followers have not kept up. */
  readonly behind: number;
  /** Makes the next submit fail. */
  failNext(error: Error): void;
  /** Appends lines and tells the followers in one batch. */
  append(...bodies: MessageBody[]): Message[];
  say(taskId: string, text: string): void;
  end(reason: EndReason): void;
}

export interface FakeSessions extends Sessions {
  readonly all: Map<string, FakeSession>;
  /** Makes the next create fail. */
  failNext(error: Error): void;
  /** Makes the next find fail. */
  failFind(error: Error): void;
}

const time = Date.parse('2023-06-18T15:45:30.123Z');

/** Sessions in memory, without model and tools. */
export function createFakeSessions(): FakeSessions {
  const all = new Map<string, FakeSession>();
  let failure: Error | undefined;
  let findFailure: Error | undefined;
  return {
    all,
    failFind(error) {
      findFailure = error;
    },
    failNext(error) {
      failure = error;
    },
    wake: notFaked,
    async create(config, owner) {
      const error = failure;
      failure = undefined;
      if (error !== undefined) throw error;
      const session = createFakeSession(config, owner);
      all.set(session.id, session);
      return session.id;
    },
    async find(id, caller) {
      const error = findFailure;
      findFailure = undefined;
      if (error !== undefined) throw error;
      const session = all.get(id);
      if (session?.owner.id !== caller.id) throw new AppError('not_found', 'There is no such session.');
      return session;
    },
    exists: notFaked,
    remove: notFaked,
    removeAll: notFaked,
    async close() {
      for (const session of all.values()) session.end('draining');
    },
  };
}

/** What the dialect that is looked at over these sessions has no use for. */
function notFaked(): never {
  throw new Error('These sessions are for the LiteAgent dialect alone.');
}

function createFakeSession(config: SessionConfig, owner: Principal): FakeSession {
  let log: Message[] = [];
  let seq = 0;
  let failure: Error | undefined;
  const cursors = new Map<Subscriber, { at: number; busy: boolean }>();
  const id = randomUUID();
  const submitted: NewTask[] = [];
  const stopped: (string | undefined)[] = [];

  async function catchUp(
    subscriber: Subscriber,
    cursor: { at: number; busy: boolean },
    wait: unknown,
  ): Promise<void> {
    cursor.busy = true;
    await wait;
    while (cursors.has(subscriber) && cursor.at < seq) {
      const batch = log.filter((line) => line.seq > cursor.at).slice(0, 50);
      cursor.at = batch.at(-1)?.seq ?? seq;
      await subscriber.messages(batch);
    }
    cursor.busy = false;
  }

  const session: FakeSession = {
    id,
    owner,
    created: config,
    config: keptConfigOf(config),
    wholeConfig: async () => config,
    submitted,
    stopped,
    createdAt: time,
    attributes: notFaked,
    setAttributes: notFaked,
    add: notFaked,
    mark: notFaked,
    answer: notFaked,
    idleSeq: notFaked,
    spokenText: notFaked,
    async read(from, limit) {
      if ('before' in from) return notFaked();
      return log.filter((line) => line.seq > from.after).slice(0, limit);
    },
    get followers() {
      return cursors.size;
    },
    get behind() {
      return [...cursors.values()].filter(({ busy }) => busy).length;
    },
    failNext(error) {
      failure = error;
    },
    append(...bodies) {
      const batch = bodies.map((body) => ({ ...body, seq: ++seq, time }));
      log.push(...batch);
      for (const [subscriber, cursor] of cursors) {
        if (cursor.busy) continue;
        cursor.at = seq;
        const wait = subscriber.messages(batch);
        if (wait) void catchUp(subscriber, cursor, wait);
      }
      return batch;
    },
    say(taskId, text) {
      const delta = { taskId, text, kind: 'answer' as const, at: 0 };
      for (const [subscriber, { busy }] of cursors) if (!busy) subscriber.delta(delta);
    },
    end(reason) {
      const ended = [...cursors.keys()];
      cursors.clear();
      for (const subscriber of ended) subscriber.ended(reason);
    },
    async submit(task) {
      submitted.push(task);
      const error = failure;
      failure = undefined;
      if (error !== undefined) throw error;
      const taskId = task.taskId ?? randomUUID();
      const [line] = session.append({ type: 'task_started', taskId, form: task.form, content: task.content });
      return { taskId, seq: line!.seq - 1 };
    },
    async *pages() {
      yield log;
    },
    subscribe(subscriber, after) {
      const cursor = { at: after ?? seq, busy: false };
      cursors.set(subscriber, cursor);
      if (cursor.at < seq) void catchUp(subscriber, cursor, undefined);
      return () => void cursors.delete(subscriber);
    },
    async stop(taskId) {
      stopped.push(taskId);
      session.append({ type: 'task_ended', taskId: taskId ?? null, status: 'stopped' });
    },
    async clear() {
      log = [];
      session.append({ type: 'session_started', systemPrompt: config.systemPrompt });
      session.end('cleared');
    },
  };
  session.append({ type: 'session_started', systemPrompt: config.systemPrompt });
  return session;
}
