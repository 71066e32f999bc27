import pg from 'pg';
import { systemClock, type Cancel } from '../../common/clock.ts';
import { sleep } from '../../common/deadline.ts';
import { messageOf } from '../../errors.ts';
import type { Wakeups } from '../engine.ts';

/** The channel of NOTIFY, one for each database. */
const CHANNEL = 'lite_agent';
const CONNECT_TIMEOUT_MS = 10_000;
/** The pause before each attempt to listen again. */
const RECONNECT_AFTER_MS = 500;
/** The pause between two NOTIFYs of a busy node. */
const NOTIFY_PAUSE_MS = 5;

/**
 * LISTEN/NOTIFY with ids only, on a connection of its own that comes back when it breaks; sessions that were missed
 * meanwhile are found by polling. A NOTIFY is part of no other transaction and does not wait for the disk: a commit with
 * NOTIFY holds one lock for the whole database [PostgreSQL async.c, PreCommit_Notify], and nodes would commit one after
 * the other.
 */
export async function openPostgresWakeups(url: string, onError: (error: unknown) => void): Promise<Wakeups> {
  const wakeups = new PostgresWakeups(url, onError);
  await wakeups.connect();
  return wakeups;
}

/** The listening connection, and the sessions that the other nodes do not know of yet. */
class PostgresWakeups implements Wakeups {
  readonly #url: string;
  readonly #onError: (error: unknown) => void;
  /** Each is called with the session and the name of the node that wrote. */
  readonly #hearers = new Set<(session: string, node: string) => void>();
  /** `<session> <node>` of writes that the others do not know of yet. */
  readonly #unsent = new Set<string>();
  /** Undefined while the connection is broken. */
  #client: pg.Client | undefined;
  /** The loop that sends; undefined when there is nothing to send. */
  #sending: Promise<void> | undefined;
  #cancelRetry: Cancel | undefined;
  #closed = false;

  constructor(url: string, onError: (error: unknown) => void) {
    this.#url = url;
    this.#onError = onError;
  }

  async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
    client.on('error', (error) => this.#lose(client, error));
    client.on('end', () => this.#lose(client, new Error('The listening connection to PostgreSQL ended.')));
    client.on('notification', ({ payload }) => {
      const [session, node] = (payload ?? '').split(' ');
      if (session && node) for (const hear of this.#hearers) hear(session, node);
    });
    this.#client = client;
    await client.connect();
    await client.query(`set synchronous_commit = off; listen ${CHANNEL}`);
  }

  notify(node: string, sessions: readonly string[]): void {
    if (this.#closed) return;
    // A set: a session with many new lines is one wake-up.
    for (const session of sessions) this.#unsent.add(`${session} ${node}`);
    this.#sending ??= this.#send()
      .catch(() => this.#unsent.clear()) // the connection broke, and its own listeners report that
      .finally(() => {
        this.#sending = undefined;
      });
  }

  listen(hear: (session: string, node: string) => void): void {
    this.#hearers.add(hear);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    // The last wake-ups go out first: the sessions of this node have new lines that the others do not know of.
    await this.#sending;
    await this.#client?.end();
  }

  /** Everything that is written to while one NOTIFY is on its way goes with the next. */
  async #send(): Promise<void> {
    while (this.#unsent.size > 0) {
      const payloads = [...this.#unsent];
      this.#unsent.clear();
      await this.#client?.query('select pg_notify($1, payload) from unnest($2::text[]) payload', [
        CHANNEL,
        payloads,
      ]);
      if (this.#unsent.size > 0) await sleep(NOTIFY_PAUSE_MS);
    }
  }

  /** The connection broke: reports it, once, and connects again. */
  #lose(client: pg.Client, error: unknown): void {
    // A connection that breaks emits both `error` and `end`: the second one finds another client here.
    if (this.#client !== client || this.#closed) return;
    this.#client = undefined;
    this.#onError(error);
    client.end().catch(() => undefined); // it is broken already
    this.#connectLater();
  }

  /** Tries to connect until it works or `close` is called. */
  #connectLater(): void {
    this.#cancelRetry = systemClock.startTimer(RECONNECT_AFTER_MS, () => {
      this.connect().catch((error: unknown) => {
        this.#onError(new Error(`Listening to PostgreSQL failed: ${messageOf(error)}`));
        this.#client = undefined;
        if (!this.#closed) this.#connectLater();
      });
    });
  }
}
