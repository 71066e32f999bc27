import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { expect } from 'chai';
import { sql } from 'kysely';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { openStoreOn } from '../../lib/store/index.ts';
import type { Store } from '../../lib/core/store.ts';
import { refusal, refusalOf } from '../support/refusal.ts';
import { first, line, newSession } from '../support/stored.ts';

describe('a SQLite file', () => {
  let folder: string;
  let file: string;
  let database: Database;
  let store: Store;
  let errors: unknown[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-disk-'));
    file = join(folder, 'disk.db');
    errors = [];
    const onError = (error: unknown): void => void errors.push(error);
    database = await connectDatabase({ databaseUrl: `sqlite:${file}`, onError });
    store = await openStoreOn(database, { secret: 'a secret', onError });
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  it('on a full disk is not ready, says so once in the log, and works again when there is space', async () => {
    const session = newSession();
    await store.createSession(session, first);
    // SQLite reports a file that may not grow as it reports a full disk: SQLITE_FULL.
    await sql`pragma max_page_count = 1`.execute(database.db);
    const long = { ...line(2), content: [{ type: 'text' as const, text: 'x'.repeat(100_000) }] };
    const failure = await refusalOf(store.append(session.id, 1, [long]));
    expect([failure.code, failure.message]).to.deep.equal([
      'unavailable',
      'The disk of the database is full: free some space. Nothing is lost.',
    ]);
    expect(await refusal(store.ping())).to.equal('unavailable');
    expect(errors.map(String)).to.deep.equal([
      'DiskFull: The disk of the database is full: free some space. Nothing is lost.',
    ]);
    await sql`pragma max_page_count = 1000000`.execute(database.db);
    await store.ping();
    expect(await store.read(session.id, 0, 10)).to.deep.equal([first]);
  });

  it('that another process has locked is unavailable while the lock is held, and works after it', async () => {
    const session = newSession();
    await store.createSession(session, first);
    const other = new BetterSqlite(file);
    other.exec('begin exclusive');
    expect(await refusal(store.append(session.id, 1, [line(2)]))).to.equal('unavailable');
    other.exec('rollback'); // the refusal came while the lock was held
    other.close();
    const claim = await store.claim(session.id);
    expect(claim).to.deep.include({ epoch: 2, lastSeq: 1 });
  });
});
