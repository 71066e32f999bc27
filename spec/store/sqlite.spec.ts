import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { sql } from 'kysely';
import { connectDatabase } from '../../lib/store/database.ts';
import { connectStore } from '../../lib/store/index.ts';
import { describeStore } from '../contracts/store.ts';
import { newSession } from '../support/stored.ts';

const onError = (error: unknown): never => {
  throw error;
};

describe('stores', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-store-'));
  });
  after(() => rm(folder, { recursive: true }));

  describeStore('SQLite', async () => ({
    store: await connectStore({
      databaseUrl: `sqlite:${join(folder, 'deep', 'contract.db')}`,
      secret: 'a secret',
      onError,
    }),
    async dump() {
      const names = await readdir(join(folder, 'deep'));
      const files = await Promise.all(names.map((name) => readFile(join(folder, 'deep', name), 'latin1')));
      return files.join('\n');
    },
  }));

  it('opens a database again with all its data, also its sealed configurations', async () => {
    const url = `sqlite:${join(folder, 'again.db')}`;
    const session = newSession();
    const before = await connectStore({ databaseUrl: url, secret: 'a secret', onError });
    await before.createSession(session, { type: 'session_started', systemPrompt: '', seq: 1, time: 1 });
    await before.close();
    const after = await connectStore({ databaseUrl: url, secret: 'a secret', onError });
    expect(await after.findSession(session.id)).to.deep.equal({ ...session, lastSeq: 1 });
    await after.close();
    const stranger = await connectStore({ databaseUrl: url, secret: 'another secret', onError });
    const error: unknown = await stranger.findSession(session.id).catch((reason: unknown) => reason);
    expect(String(error)).to.contain('another SECRET_KEY');
    await stranger.close();
  });

  it('counts the sessions of an owner by the index alone, however large their configurations are', async () => {
    const database = await connectDatabase({ databaseUrl: 'sqlite::memory:', onError });
    const plan = await sql<{ detail: string }>`
      explain query plan select count(*), sum(config_bytes) from sessions where owner = 'anna'
    `.execute(database.db);
    expect(plan.rows.map(({ detail }) => detail)).to.deep.equal([
      'SEARCH sessions USING COVERING INDEX sessions_totals (owner=?)',
    ]);
    await database.close();
  });

  it('refuses a DATABASE_URL of no known kind', async () => {
    const error: unknown = await connectStore({
      databaseUrl: 'mysql://root:hunter2@db',
      secret: 's',
      onError,
    }).catch((reason: unknown) => reason);
    expect(String(error)).to.equal('AppError: DATABASE_URL is of no known kind: mysql');
  });
});
