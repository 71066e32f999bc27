import { expect } from 'chai';
import type { Message } from '../../lib/core/message.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { openStoreOn } from '../../lib/store/index.ts';
import type { Schema } from '../../lib/store/schema.ts';
import { newSession } from '../support/stored.ts';

describe('rows that are removed', () => {
  const secret = 'a secret of the server';
  const onError = (error: unknown): never => {
    throw error;
  };
  const line = (seq: number): Message => ({ type: 'session_started', systemPrompt: '', seq, time: 1 });
  let database: Database;
  let store: Awaited<ReturnType<typeof openStoreOn>>;
  beforeEach(async () => {
    database = await connectDatabase({ databaseUrl: 'sqlite::memory:', onError });
    store = await openStoreOn(database, { secret, onError });
  });
  afterEach(async () => {
    await store.close();
    await database.close();
  });

  /** The numbers of lines, and the tasks with a state and those with a content. */
  async function rows(): Promise<object> {
    const db = database.tables<Schema>();
    const lines = await db.selectFrom('messages').select('seq').orderBy('seq').execute();
    const states = await db.selectFrom('tasks').select('task_id').orderBy('task_id').execute();
    const contents = await db.selectFrom('task_contents').select('task_id').orderBy('task_id').execute();
    return {
      lines: lines.map(({ seq }) => seq),
      states: states.map(({ task_id: id }) => id),
      contents: contents.map(({ task_id: id }) => id),
    };
  }

  /** A session with `count` lines and tasks, of which the last is open. */
  async function fill(count: number): Promise<string> {
    const { id } = await create();
    const names = Array.from({ length: count }, (_, at) => `t${String(at).padStart(3, '0')}`);
    for (const [at, taskId] of names.entries()) {
      await store.enqueue(id, { taskId, form: 'text', content: [], stream: false }, false);
      const ended = at < count - 1 && ({ ended: taskId, status: 'done' } as const);
      await store.append(id, 1, [line(at + 2)], ended || undefined);
    }
    return id;
  }

  async function create() {
    const session = newSession();
    await store.createSession(session, line(1));
    return session;
  }

  for (const count of [3, 400])
    it(`are all ${count} lines and tasks of a session`, async () => {
      const id = await fill(count);
      await store.removeSession(id, 1);
      expect(await rows()).to.deep.equal({ lines: [], states: [], contents: [] });
    });

  it('are the lines of a log that is cleared, and the tasks that have ended', async () => {
    const id = await fill(40);
    await store.clear(id, 1, line(50));
    expect(await rows()).to.deep.equal({ lines: [50], states: ['t039'], contents: ['t039'] });
  });
});
