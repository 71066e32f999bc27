import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Migrator } from 'kysely';
import type { Kysely } from 'kysely';
import { createPrincipals } from '../../lib/accounts/principals.ts';
import type { AccountTables } from '../../lib/accounts/schema.ts';
import { systemClock } from '../../lib/common/clock.ts';
import type { Store } from '../../lib/core/store.ts';
import { connectStore } from '../../lib/store/index.ts';
import { connectDatabase, openDatabase, type Database } from '../../lib/store/database.ts';
import type { Engine } from '../../lib/store/engine.ts';
import { migrationsFor } from '../../lib/store/migrations/migrations.ts';
import { postgres } from '../../lib/store/postgres/postgres.ts';
import type { Schema } from '../../lib/store/schema.ts';
import { sqlite } from '../../lib/store/sqlite/sqlite.ts';
import { createVault } from '../../lib/store/vault.ts';
import { newSession } from '../support/stored.ts';
import { openPostgresServer } from '../support/postgres.ts';
import type { Postgres } from '../support/postgres.ts';

const names = Object.keys(migrationsFor(sqlite.tables));
const secret = 'a secret of the migrations';
const onError = (error: unknown): never => {
  throw error;
};
const said = JSON.stringify({ form: 'text', content: [{ type: 'text', text: 'go' }] });

function openAsItIs(engine: Engine, url: string): Promise<Database> {
  return openDatabase(engine, { url, synchronous: 'normal', unlimited: false, onError });
}

/** What a server of an earlier release left behind, in the columns that its schema had. */
async function leaveBehind(db: Kysely<Schema>, id: string, schema: string): Promise<void> {
  const config = createVault(secret).seal(JSON.stringify(newSession().config));
  const lease = schema < '0008-nodes' && { lease_until: 0 };
  const session = { id, owner: 'o', config, created_at: 1, expires_at: null, epoch: 1, node: null };
  await db
    .insertInto('sessions')
    .values({ ...session, ...lease })
    .execute();
  const started = JSON.stringify({ type: 'session_started', systemPrompt: 'Hi.' });
  await db.insertInto('messages').values({ session_id: id, seq: 1, time: 1, body: started }).execute();
  const task = { session_id: id, task_id: 't' };
  const state = { ...task, position: 1, stream: 0, status: 'open' };
  const isApart = schema >= '0070-task-contents';
  await db
    .insertInto('tasks')
    .values({
      ...state,
      ...(isApart ? { bytes: said.length, stopping: 0 } : { body: said }),
    } as Schema['tasks'])
    .execute();
  if (isApart)
    await db
      .insertInto('task_contents')
      .values({ ...task, body: said })
      .execute();
  await db
    .insertInto('calls')
    .values({
      session_id: id,
      seq: 3,
      call_id: 'c',
      task_id: 't',
      tool: 'set',
      arguments: '{}',
      outcome: 'sent',
      sent_at: 1,
      settled_at: null,
    })
    .execute();
}

/** The store takes up what was there, and works. */
async function expectTakenUp(store: Store, id: string): Promise<void> {
  expect(await store.findSession(id)).to.deep.include({ id, owner: 'o', lastSeq: 1 });
  expect(await store.read(id, 0, 10)).to.deep.equal([
    { type: 'session_started', systemPrompt: 'Hi.', seq: 1, time: 1 },
  ]);
  const task = { taskId: 't', form: 'text', content: [{ type: 'text', text: 'go' }], stream: false };
  expect(await store.listOpenTasks(id)).to.deep.equal([task]);
  expect(await store.measureQueue(id)).to.deep.equal({ count: 1, bytes: said.length });
  const claimed = (await store.claimOrphans(10)).find((one) => one.id === id);
  expect(claimed).to.deep.include({ claim: { epoch: 2, lastSeq: 1, lastTime: 1 }, tasks: [task] });
  const call = { seq: 3, callId: 'c', taskId: 't', tool: 'set', arguments: {} };
  expect(await store.permit(id, 2, call)).to.equal('given_before');
  await store.markStopping(id, 2, ['t'], 'stop');
  expect(await store.listOpenTasks(id)).to.deep.equal([{ ...task, stopping: 'stop' }]);
}

describe('migrations', function () {
  this.timeout(60_000);
  let folder: string;
  let server: Postgres;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-migrations-'));
    server = await openPostgresServer();
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  const engines = {
    SQLite: async () => {
      return { engine: sqlite, url: `sqlite:${join(folder, `${Math.random()}.db`)}` };
    },
    PostgreSQL: async () => {
      return { engine: postgres, url: await server.createDatabase() };
    },
  };

  for (const [name, make] of Object.entries(engines)) {
    names.forEach((release, index) => {
      it(`bring a ${name} database from ${release} to the newest schema, with all its data`, async () => {
        const { engine, url } = await make();
        const before = await openAsItIs(engine, url);
        const earlier = Object.fromEntries(Object.entries(migrationsFor(engine.tables)).slice(0, index + 1));
        const migrator = new Migrator({
          db: before.db,
          provider: { getMigrations: () => Promise.resolve(earlier) },
        });
        expect((await migrator.migrateToLatest()).error).to.equal(undefined);
        await leaveBehind(before.db, 's', release);
        await before.close();
        const store = await connectStore({ databaseUrl: url, secret, onError });
        await expectTakenUp(store, 's');
        await store.close();
      });
    });

    it(`let users and keys of an earlier ${name} database do all that they could do before`, async () => {
      const { engine, url } = await make();
      const before = await openAsItIs(engine, url);
      const earlier = Object.entries(migrationsFor(engine.tables)).filter(([release]) => release < '0010');
      const provider = { getMigrations: () => Promise.resolve(Object.fromEntries(earlier)) };
      expect((await new Migrator({ db: before.db, provider }).migrateToLatest()).error).to.equal(undefined);
      type Before = Omit<AccountTables, 'users' | 'api_keys'> & {
        users: Record<string, unknown>;
        api_keys: Record<string, unknown>;
      };
      const db = before.tables<Before>();
      const times = { created_at: 7, updated_at: 7 };
      await db
        .insertInto('users')
        .values({ uuid: 'u', name: 'ann', role: 'user', scopes: '', ...times })
        .execute();
      const key = { id: 'k', hash: 'h', user_uuid: 'u', name: '', hint: 'abcd', scopes: 'openai chat' };
      await db
        .insertInto('api_keys')
        .values({ ...key, created_at: 7 })
        .execute();
      await before.close();
      const database = await connectDatabase({ databaseUrl: url, onError });
      const principals = createPrincipals(database.tables(), systemClock);
      const found = await principals.ofKey('h');
      expect([found?.dialects, found?.principal.account?.approved]).to.deep.equal([['openai', 'chat'], true]);
      expect(found?.principal.account?.credential).to.deep.equal({
        kind: 'key',
        id: 'k',
        scopes: ['chat', 'devices', 'admin'],
      });
      await database.close();
    });

    it(`make an empty ${name} database usable, once, when several nodes start at the same time`, async () => {
      const { url } = await make();
      const opening = Array.from({ length: name === 'PostgreSQL' ? 3 : 1 }, () =>
        connectStore({ databaseUrl: url, secret, onError }),
      );
      for (const store of await Promise.all(opening)) {
        const session = newSession();
        await store.createSession(session, { type: 'session_started', systemPrompt: '', seq: 1, time: 1 });
        expect(await store.findSession(session.id)).to.deep.equal({ ...session, lastSeq: 1 });
        await store.close();
      }
    });
  }

  it('refuse a database of a newer release', async () => {
    const databaseUrl = `sqlite:${join(folder, 'newer.db')}`;
    const { db, close } = await openAsItIs(sqlite, databaseUrl);
    const newer = { ...migrationsFor(sqlite.tables), '9999-future': { up: () => Promise.resolve() } };
    await new Migrator({ db, provider: { getMigrations: () => Promise.resolve(newer) } }).migrateToLatest();
    await close();
    const error: unknown = await connectStore({ databaseUrl, secret, onError }).catch(
      (reason: unknown) => reason,
    );
    expect(String(error)).to.equal(
      'AppError: The database cannot be opened or brought to the newest schema.',
    );
  });
});
