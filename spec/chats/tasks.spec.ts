import { expect } from 'chai';
import { createChats, type Chats } from '../../lib/chats/chats.ts';
import type { ChatsDb, ChatTables } from '../../lib/chats/schema.ts';
import type { ChatTaskState } from '../../lib/chats/task-watch.ts';
import type { TaskWork } from '../../lib/chats/task-run.ts';
import { openChatTasks, type ChatTask, type ChatTasks } from '../../lib/chats/tasks.ts';
import { createLedger, type Ledger } from '../../lib/credits/ledger.ts';
import type { CreditTables } from '../../lib/credits/schema.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { waitFor } from '../support/wait-for.ts';
import { createTestClock } from '../support/test-clock.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';

function describeTasks(name: string, connect: () => Promise<Database>): void {
  describe(`tasks of chats on ${name}`, () => {
    let database: Database;
    let db: ChatsDb;
    let ledger: Ledger;
    let chats: Chats;
    let chatId: number;
    let owner: string;
    let count = 0;
    const errors: unknown[] = [];
    const opened: ChatTasks[] = [];
    const clock = createTestClock();
    before(async () => {
      database = await connect();
      db = database.tables<ChatTables>();
      ledger = createLedger(database.tables<CreditTables>(), clock);
      chats = createChats(db, 10, clock);
    });
    beforeEach(async () => {
      clock.skew = 0;
      owner = `owner-${(count += 1)}`;
      await ledger.add(owner, 1000, `gift-${count}`);
      chatId = (await chats.create({ owner, presetId: 'p', title: 'x' })).id;
    });
    afterEach(async () => {
      for (const tasks of opened.splice(0)) await tasks.close();
      expect(errors).to.deep.equal([]);
    });
    after(() => database.close());

    /** A process. */
    async function open(alone = false): Promise<ChatTasks> {
      const tasks = openChatTasks({ db, ledger, alone, onError: (error) => errors.push(error), clock });
      await tasks.takeUp();
      opened.push(tasks);
      return tasks;
    }
    const start = async (tasks: ChatTasks, work: TaskWork) =>
      (await tasks.start(
        { owner, chatId, type: 'chat_generation', rate: 2, promptTokens: 10, maxTokens: 90 },
        work,
      )) as ChatTask;
    /** Says something and waits for the signal. */
    const talking =
      (text: string): TaskWork =>
      (signal, say) =>
        new Promise((_, reject) => {
          say(text);
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
    async function statesOf(
      tasks: ChatTasks,
      id: string,
      until?: AbortController,
      states: ChatTaskState[] = [],
    ): Promise<ChatTaskState[]> {
      for await (const state of tasks.watch(id, until?.signal ?? new AbortController().signal))
        states.push(state);
      return states;
    }
    const ended = async (tasks: ChatTasks, id: string) => (await statesOf(tasks, id)).at(-1)!;
    const said = async () =>
      (await chats.messages(chatId)).map(({ content, complete }) => [content, complete]);

    it('hold the most that they may cost, and settle their cost', async () => {
      const tasks = await open();
      const task = await start(tasks, async () => ({ content: 'Done.', complete: true, tokens: 30 }));
      expect(task).to.include({ status: 'pending', owner, chatId, content: '' });
      expect(await ended(tasks, task.id)).to.deep.equal({
        status: 'finished',
        content: 'Done.',
        error: null,
        tokenCost: 30,
      });
      expect([await ledger.balance(owner), await said()]).to.deep.equal([940, [['Done.', true]]]);
    });

    it('of a process that died fail, once, and their credits are released', async () => {
      const dead = await open();
      const task = await start(dead, talking('Half'));
      await saved(task.id, 'Half');
      expect(await ledger.balance(owner)).to.equal(800);
      const other = await open();
      expect(await other.find(task.id)).to.include({ status: 'running' });
      clock.skew = 60_000; // it has said nothing for a minute
      await Promise.all([other.tidy(), (await open()).tidy()]);
      expect(await other.find(task.id)).to.include({
        status: 'failed',
        content: 'Half',
        error: 'The server was interrupted.',
      });
      expect([await ledger.balance(owner), await said()]).to.deep.equal([1000, [['Half', false]]]);
      await dead.close(); // it was only slow: what it brings is too late
      expect([await ledger.balance(owner), await said()]).to.deep.equal([1000, [['Half', false]]]);
    });

    it('are ended at once when no other process can work on them', async () => {
      const dead = await open();
      const task = await start(dead, talking('Half'));
      await saved(task.id, 'Half');
      const next = await open(true);
      expect(await next.find(task.id)).to.include({ status: 'failed' });
      expect(await ledger.balance(owner)).to.equal(1000);
    });

    it('can be watched from another process', async () => {
      const [one, two] = [await open(), await open()];
      let finish = (): void => undefined;
      const task = await start(one, (_, say) => {
        say('One');
        return new Promise((resolve) => {
          finish = () => resolve({ content: 'One two', complete: true, tokens: 2 });
        });
      });
      const states: ChatTaskState[] = [];
      const watched = statesOf(two, task.id, undefined, states);
      await waitFor(() => states.at(-1)?.content === 'One', 5000);
      finish();
      await watched;
      expect(
        states.map(({ content }) => content).filter((text, at, all) => text !== all[at - 1]),
      ).to.include.members(['One', 'One two']);
      expect(states.at(-1)).to.include({ status: 'finished', tokenCost: 2 });
    });

    it('end when another process removes them', async function () {
      this.timeout(10_000);
      const [one, two] = [await open(), await open()];
      const task = await start(one, talking('Half'));
      await saved(task.id, 'Half');
      await two.remove(task.id);
      expect(await one.find(task.id)).to.equal(undefined);
      await waitFor(async () => (await ledger.balance(owner)) > 800, 5000);
      expect(await ledger.balance(owner)).to.be.within(960, 999);
      expect(await said()).to.deep.equal([['Half', false]]);
    });

    it('are watched until the watcher leaves', async () => {
      const tasks = await open();
      const task = await start(tasks, talking('Half'));
      const leaving = new AbortController();
      const watched = statesOf(tasks, task.id, leaving);
      await saved(task.id, 'Half');
      leaving.abort();
      expect((await watched).at(-1)).to.include({ status: 'running' });
    });

    it('are forgotten after an hour', async () => {
      const tasks = await open();
      const task = await start(tasks, async () => ({ content: 'Done.', complete: true }));
      await ended(tasks, task.id);
      clock.skew = 3599_000;
      await tasks.tidy();
      expect(await tasks.find(task.id)).to.include({ status: 'finished' });
      clock.skew = 3600_100;
      expect(await tasks.find(task.id)).to.equal(undefined);
      await tasks.tidy();
      expect(
        await db.selectFrom('chat_tasks').select('id').where('id', '=', task.id).execute(),
      ).to.deep.equal([]);
    });

    it('report the text of an unknown failure to the log, not to the client', async () => {
      const tasks = await open();
      const failure = new TypeError('secret detail');
      const task = await start(tasks, () => Promise.reject(failure));
      expect(await ended(tasks, task.id)).to.include({ status: 'failed', error: 'The server failed.' });
      expect(errors.splice(0)).to.deep.equal([failure]);
      expect(await ledger.balance(owner)).to.equal(1000);
    });

    /** Resolves when a task's row holds this text. */
    async function saved(id: string, content: string): Promise<void> {
      const row = () => db.selectFrom('chat_tasks').select('content').where('id', '=', id).executeTakeFirst();
      await waitFor(async () => (await row())?.content === content, 5000);
    }
  });
}

const onError = (error: unknown): never => {
  throw error;
};
describeTasks('SQLite', () => connectDatabase({ databaseUrl: 'sqlite::memory:', onError }));
describe('with a PostgreSQL', () => {
  let postgres: Postgres;
  before(async function () {
    this.timeout(60_000);
    postgres = await openPostgresServer();
  });
  after(() => postgres.close());
  describeTasks('PostgreSQL', async () =>
    connectDatabase({ databaseUrl: await postgres.createDatabase(), onError }),
  );
});
