import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { messageOf } from '../errors.ts';
import type { Wakeups } from './ground.ts';
import type { Schema } from './schema.ts';

const CHANNEL = 'lite_agent';
const IDLE_IN_TRANSACTION_MS = 3000;
const RECONNECT_AFTER_MS = 500;
/** Between two NOTIFYs of a busy node. */
const NOTIFY_PAUSE_MS = 5;

/**
 * A pool of connections to PostgreSQL; numbers come as numbers (all of ours are below 2^53). A statement that takes longer
 * than `queryTimeoutMs` rejects; 0: it may take as long as it wants.
 */
export function openPostgres(
  url: string,
  onError: (error: unknown) => void,
  queryTimeoutMs = 30_000,
): Kysely<Schema> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    types: { getTypeParser: parserOf },
    ...(queryTimeoutMs > 0 && {
      query_timeout: queryTimeoutMs,
      // A node that stalls in the middle of a transaction holds up no other for longer.
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    }),
  });
  // An idle connection that breaks is replaced by the pool; one that is being closed may break.
  pool.on('error', (error) => pool.ending || onError(error));
  // One in use that breaks between two statements has nobody else who hears it, and its next statement rejects.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
}

const parserOf: typeof pg.types.getTypeParser = (type, format) =>
  type === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(type, format);

/**
 * LISTEN/NOTIFY with ids only, on a connection of its own that comes back when it breaks; what was missed meanwhile is
 * found by polling. Telling stands in no other transaction and does not wait for the disk: a commit with NOTIFY holds one
 * lock for the whole database [PostgreSQL async.c, PreCommit_Notify], so that nodes would commit one after the other.
 */
export async function openWakeups(url: string, onError: (error: unknown) => void): Promise<Wakeups> {
  const hearers = new Set<(session: string, node: string) => void>();
  let client: pg.Client | undefined;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  const untold = new Set<string>();
  let telling: Promise<void> | undefined;

  async function connect(): Promise<void> {
    const next = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
    const broken = (error?: unknown): void => {
      if (client !== next || closed) return;
      client = undefined;
      onError(error ?? new Error('The listening connection to PostgreSQL ended.'));
      next.end().catch(() => undefined); // it is broken already
      again();
    };
    next.on('error', broken);
    next.on('end', () => broken());
    next.on('notification', ({ payload }) => {
      const [session, node] = (payload ?? '').split(' ');
      if (session && node) for (const hear of hearers) hear(session, node);
    });
    client = next;
    await next.connect();
    await next.query(`set synchronous_commit = off; listen ${CHANNEL}`);
  }

  /** Everything that was written to while one NOTIFY is on its way goes with the next. */
  async function tell(): Promise<void> {
    while (untold.size > 0) {
      const payloads = [...untold];
      untold.clear();
      await client?.query('select pg_notify($1, payload) from unnest($2::text[]) payload', [
        CHANNEL,
        payloads,
      ]);
      if (untold.size > 0) await new Promise((resolve) => setTimeout(resolve, NOTIFY_PAUSE_MS));
    }
  }

  function again(): void {
    retry = setTimeout(() => {
      connect().catch((error: unknown) => {
        onError(new Error(`Listening to PostgreSQL failed: ${messageOf(error)}`));
        client = undefined;
        if (!closed) again();
      });
    }, RECONNECT_AFTER_MS);
  }

  await connect();
  return {
    notify(node, sessions) {
      if (closed) return;
      for (const session of sessions) untold.add(`${session} ${node}`);
      telling ??= tell()
        .catch(() => untold.clear()) // the connection broke, which its own listeners are told
        .finally(() => {
          telling = undefined;
        });
    },
    listen: (hear) => void hearers.add(hear),
    async close() {
      closed = true;
      clearTimeout(retry);
      await telling;
      await client?.end();
    },
  };
}
