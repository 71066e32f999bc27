import { PostgresDialect } from 'kysely';
import pg from 'pg';

/** PostgreSQL allows 100 by default, for all nodes together. */
const CONNECTIONS_MAX_COUNT = 10;
const CONNECT_TIMEOUT_MS = 10_000;
const QUERY_TIMEOUT_MS = 30_000;
/** A node that stalls in the middle of a transaction holds up no other node for longer. */
const IDLE_IN_TRANSACTION_MS = 3000;

/** A pool of connections to PostgreSQL. A statement that takes longer than 30 s rejects, unless `unlimited`. */
export function openPostgresDialect(
  url: string,
  unlimited: boolean,
  onError: (error: unknown) => void,
): PostgresDialect {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS_MAX_COUNT,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser: parserOf },
    ...(!unlimited && {
      query_timeout: QUERY_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    }),
  });
  // The pool replaces an idle connection that breaks. A connection that is being closed may break.
  pool.on('error', (error) => pool.ending || onError(error));
  // A connection in use that breaks between two statements emits an error that nobody needs: its next statement rejects.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return new PostgresDialect({ pool });
}

/** Whole numbers come as numbers: all of ours are below 2^53. */
const parserOf: typeof pg.types.getTypeParser = (type, format) =>
  type === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(type, format);
