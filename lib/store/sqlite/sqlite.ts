import { AppError } from '../../errors.ts';
import type { Engine, EngineFault } from '../engine.ts';
import { createSoleLife } from '../life.ts';

/** SQLite, in this process: one process has the database for itself. */
export const sqlite: Engine = {
  name: 'SQLite',
  schemes: ['sqlite'],
  shared: false,
  locks: {
    // A transaction has the whole database for itself.
    share: (query) => query,
    takeFree: (query) => query,
  },
  tables: {
    numbered: (db, table) =>
      db.schema
        .createTable(table)
        .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement()),
    // SQLite has no `truncate` that would need a third trigger.
    appendOnly: (table) =>
      ['update', 'delete'].map(
        (act) =>
          `create trigger ${table}_no_${act} before ${act} on ${table} begin select raise(abort, '${table} is append-only'); end`,
      ),
  },
  async openDialect({ url, synchronous }) {
    const { openSqliteDialect } = await import('./open-sqlite-dialect.ts');
    return openSqliteDialect(url.slice('sqlite:'.length), synchronous);
  },
  faultOf: sqliteFaultOf,
  beginLife: () => Promise.resolve(createSoleLife()),
  async openServerLock(url) {
    const file = url.slice('sqlite:'.length);
    // Each process has its own database in memory.
    if (file === ':memory:') return undefined;
    const { openServerLock } = await import('./server-lock.ts');
    return openServerLock(file);
  },
  async copyTo(url, target) {
    const { copySqlite } = await import('./copy.ts');
    return copySqlite(fileOf(url), target);
  },
  async restoreFrom(url, source) {
    const { restoreSqlite } = await import('./copy.ts');
    return restoreSqlite(fileOf(url), source);
  },
  openWakeups: () => Promise.resolve(undefined),
};

/** The file of a database that outlives its process. */
function fileOf(url: string): string {
  const file = url.slice('sqlite:'.length);
  if (file !== ':memory:') return file;
  throw new AppError(
    'invalid_request',
    'DATABASE_URL is in memory, so there is nothing to keep. Set another.',
  );
}

/** [SQLite result codes] SQLITE_ERROR is an SQL error. The driver names the column of a constraint in the text only. */
function sqliteFaultOf(error: unknown): EngineFault | undefined {
  const { code, message = '' } = error as { code?: unknown; message?: string };
  if (code === 'SQLITE_ERROR') return { kind: 'wrong' };
  if (code === 'SQLITE_FULL') return { kind: 'full' };
  if (code !== 'SQLITE_CONSTRAINT_UNIQUE' && code !== 'SQLITE_CONSTRAINT_PRIMARYKEY') return undefined;
  return { kind: 'taken', column: /failed: \w+\.(\w+)/.exec(message)?.[1] ?? '' };
}
