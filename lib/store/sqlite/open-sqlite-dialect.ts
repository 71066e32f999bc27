import { dirname } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { SqliteAdapter, SqliteDialect } from 'kysely';
import { createPrivateFile, createPrivateFolder } from '../../common/private-files.ts';
import { AppError } from '../../errors.ts';

/** A wait for a lock of another process holds the event loop, so that it is short: then the call is `unavailable`. */
const BUSY_TIMEOUT_MS = 250;
/** A page that is written again and again is copied into the database once in 16 MiB, not once in 4. */
const CHECKPOINT_PAGES = 4000;

/**
 * A SQLite database: WAL, `synchronous` normal (a crash of the process loses nothing; a power cut may lose the last
 * transactions, never the order of them) or full (a power cut loses nothing that was accepted) [SQLite PRAGMA synchronous].
 * `file` may be `:memory:`.
 */
export function openSqliteDialect(file: string, synchronous: 'normal' | 'full'): SqliteDialect {
  if (file !== ':memory:') {
    createPrivateFolder(dirname(file));
    createPrivateFile(file); // SQLite gives the files beside it the same mode
  }
  const database = new BetterSqlite(file);
  try {
    database.pragma('journal_mode = WAL');
  } catch (error) {
    database.close();
    // The first pragma that reads the file: a file of another kind shows here.
    if ((error as { code?: unknown }).code !== 'SQLITE_NOTADB') throw error;
    throw new AppError(
      'invalid_request',
      `${file} is no SQLite database: DATABASE_URL says where the database is.`,
    );
  }
  database.pragma('temp_store = memory'); // a statement of many rows would make a file, to undo a part of it
  database.pragma(`synchronous = ${synchronous}`);
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  return new AtomicSqliteDialect({ database: withStatementCache(database) });
}

/** All migrations are one transaction: a crash in their middle leaves the old schema, and a new file is written once. */
class AtomicSqliteDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new AtomicSqliteAdapter();
  }
}

/** Kysely takes SQLite for a database without transactional DDL; it has it [SQLite lang_transaction]. */
class AtomicSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** Kysely prepares every statement anew; here the same text is the same prepared statement. */
function withStatementCache(
  database: BetterSqlite.Database,
): Pick<BetterSqlite.Database, 'prepare' | 'close'> {
  const statements = new Map<string, BetterSqlite.Statement>();
  return {
    prepare: ((sql: string) => {
      let statement = statements.get(sql);
      if (!statement) statements.set(sql, (statement = database.prepare(sql)));
      return statement;
    }) as BetterSqlite.Database['prepare'],
    close: () => database.close(),
  };
}
