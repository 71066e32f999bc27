import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import type { Schema } from './schema.ts';

/**
 * A SQLite database: WAL, `synchronous` normal (a crash of the process loses nothing; a power cut may lose the last
 * transactions, never the order of them) or full (a power cut loses nothing that was accepted) [SQLite PRAGMA synchronous]. `file` may be `:memory:`.
 */
export function openSqlite(file: string, synchronous: 'normal' | 'full' = 'normal'): Kysely<Schema> {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file);
  // Of a new file: each line goes to its session's own page, and small pages are less to write for it.
  database.pragma('page_size = 2048');
  database.pragma('journal_mode = WAL');
  database.pragma(`synchronous = ${synchronous}`);
  database.pragma('busy_timeout = 5000');
  // A page that is written again and again is carried into the database once in 16 MiB, not in 4.
  database.pragma('wal_autocheckpoint = 4000');
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: cachingStatements(database) }) });
}

/** Kysely prepares every statement anew; the same text is the same statement here. */
function cachingStatements(database: Database.Database): Pick<Database.Database, 'prepare' | 'close'> {
  const statements = new Map<string, Database.Statement>();
  return {
    prepare: ((sql: string) => {
      let statement = statements.get(sql);
      if (!statement) statements.set(sql, (statement = database.prepare(sql)));
      return statement;
    }) as Database.Database['prepare'],
    close: () => database.close(),
  };
}
