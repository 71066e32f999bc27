import type { Engine, EngineFault } from '../engine.ts';
import { beginLeasedLife } from './leased-life.ts';

/** [PostgreSQL appendix A] SQLSTATE unique_violation. */
const UNIQUE_VIOLATION = '23505';
/** [PostgreSQL appendix A] SQLSTATE character_not_in_repertoire: U+0000. JSON texts have it escaped, names and ids do not. */
const CHARACTER_NOT_IN_REPERTOIRE = '22021';
/** [PostgreSQL appendix A] SQLSTATE disk_full. */
const DISK_FULL = '53100';

/** [PostgreSQL appendix A] the class of SQLSTATEs for wrong statements: an unknown table, a syntax error. */
const WRONG_STATEMENT_CLASS = '42';

/** PostgreSQL, a server that several processes share. */
export const postgres: Engine = {
  name: 'PostgreSQL',
  schemes: ['postgres', 'postgresql'],
  shared: true,
  locks: {
    // `for share`: other appends of the session may read the epoch at the same time, and no claim may change it.
    share: (query) => query.forShare(),
    takeFree: (query) => query.forUpdate().skipLocked(),
  },
  tables: {
    numbered: (db, table) =>
      db.schema
        .createTable(table)
        .addColumn('id', 'integer', (column) => column.primaryKey().generatedAlwaysAsIdentity()),
    appendOnly: (table) => [
      `create function ${table}_append_only() returns trigger language plpgsql as
        $$ begin raise exception '${table} is append-only'; end $$`,
      `create trigger ${table}_append_only before update or delete or truncate on ${table}
        for each statement execute function ${table}_append_only()`,
    ],
  },
  // The packages of an engine are loaded when it is opened: a server with SQLite needs no `pg`.
  async openDialect({ url, unlimited, onError }) {
    const { openPostgresDialect } = await import('./open-postgres-dialect.ts');
    return openPostgresDialect(url, unlimited, onError);
  },
  faultOf: postgresFaultOf,
  beginLife: beginLeasedLife,
  // Several servers may work on one database; leases keep their sessions apart.
  openServerLock: () => Promise.resolve(undefined),
  async copyTo(url, target) {
    const { copyPostgres } = await import('./copy.ts');
    return copyPostgres(url, target);
  },
  async restoreFrom(url, source) {
    const { restorePostgres } = await import('./copy.ts');
    return restorePostgres(url, source);
  },
  async openWakeups(url, onError) {
    const { openPostgresWakeups } = await import('./wakeups.ts');
    return openPostgresWakeups(url, onError);
  },
};

/** The driver gives the SQLSTATE as `code`, and the table and constraint by name. */
function postgresFaultOf(error: unknown): EngineFault | undefined {
  const { code, table, constraint } = error as { code?: unknown; table?: string; constraint?: string };
  if (code === CHARACTER_NOT_IN_REPERTOIRE) return { kind: 'unstorable' };
  if (code === DISK_FULL) return { kind: 'full' };
  if (typeof code === 'string' && code.startsWith(WRONG_STATEMENT_CLASS)) return { kind: 'wrong' };
  if (code !== UNIQUE_VIOLATION) return undefined;
  // The constraint of a unique column is named `<table>_<column>_key` [PostgreSQL ChooseConstraintName].
  const column = constraint?.replace(new RegExp(`^${table}_(.+)_key$`), '$1');
  return { kind: 'taken', column: column ?? '' };
}
