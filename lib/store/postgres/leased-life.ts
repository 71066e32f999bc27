import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import { systemClock } from '../../common/clock.ts';
import type { Life } from '../life.ts';
import type { Schema } from '../schema.ts';

/** The database's clock, in ms since the epoch: the clocks of the nodes need not agree. */
const DATABASE_NOW = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
/** Not later than what the statement sees, so that a lease that is renewed meanwhile does not look expired. */
const STATEMENT_NOW = sql<number>`(extract(epoch from now()) * 1000)::bigint`;

/** Begins a life among the processes that share a PostgreSQL. */
export async function beginLeasedLife(db: Kysely<Schema>, leaseMs: number): Promise<Life> {
  const life = new LeasedLife(db, leaseMs);
  await life.begin();
  return life;
}

/** A life whose lease is a row of `nodes`. */
class LeasedLife implements Life {
  /** Empty until `begin` resolves. */
  name = '';
  readonly #db: Kysely<Schema>;
  /** The end of a lease that begins when the statement runs. */
  readonly #leaseEnd: RawBuilder<number>;

  constructor(db: Kysely<Schema>, leaseMs: number) {
    this.#db = db;
    this.#leaseEnd = sql<number>`${DATABASE_NOW} + ${sql.lit(leaseMs)}`;
  }

  async begin(): Promise<void> {
    const name = systemClock.newId();
    // A row whose lease has expired is as good as none: `free` and `orphaned` ask for a living one.
    await this.#db.deleteFrom('nodes').where('lease_until', '<', DATABASE_NOW).execute();
    await this.#db.insertInto('nodes').values({ name, lease_until: this.#leaseEnd }).execute();
    // Only when the lease is committed: a claim under a name without a row would look orphaned to the others.
    this.name = name;
  }

  free(): RawBuilder<boolean> {
    return sql<boolean>`(node is null or node = ${this.name} or not exists (
      select 1 from nodes where nodes.name = sessions.node and nodes.lease_until >= ${STATEMENT_NOW}))`;
  }

  orphaned(): RawBuilder<boolean> {
    return sql<boolean>`(node is null or (node <> ${this.name} and not exists (
      select 1 from nodes where nodes.name = sessions.node and nodes.lease_until >= ${STATEMENT_NOW})))`;
  }

  isLiving(): RawBuilder<boolean> {
    return sql<boolean>`lease_until >= ${STATEMENT_NOW}`;
  }

  async renew(): Promise<void> {
    const renewed = await this.#db
      .updateTable('nodes')
      .set({ lease_until: this.#leaseEnd })
      .where('name', '=', this.name)
      .where('lease_until', '>=', DATABASE_NOW)
      .returning('name')
      .executeTakeFirst();
    if (!renewed) await this.begin();
  }

  /** Removes the row, so that the others need not wait for the end of the lease. */
  async end(): Promise<void> {
    await this.#db.deleteFrom('nodes').where('name', '=', this.name).execute();
  }
}
