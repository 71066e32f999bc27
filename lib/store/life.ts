import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import { v4 as uuid } from 'uuid';
import type { Schema } from './schema.ts';

/**
 * What this process owns sessions as: a name with one lease for all of them, on the database's clock, so that those of the
 * nodes need not agree. A lease that has run out is never prolonged: what another may have taken by then stays taken.
 */
export interface Life {
  /** Another one after every lease that ran out. */
  readonly name: string;
  /** Whether a session may be claimed: nobody owns it, or this life does, or one whose lease has run out. */
  free(): RawBuilder<boolean>;
  /** Begins, or prolongs; when it is too late for that, a new life begins, which owns nothing yet. */
  prolong(): Promise<void>;
  end(): Promise<void>;
}

/** A life among those that share a PostgreSQL; `leaseMs`: how long a node that says nothing still owns its sessions. */
export async function beginLife(db: Kysely<Schema>, leaseMs: number): Promise<Life> {
  const clock = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
  // Not later than what the statement sees, so that a lease prolonged meanwhile does not look as if it had run out.
  const seen = sql<number>`(extract(epoch from now()) * 1000)::bigint`;
  const until = sql<number>`${clock} + ${sql.lit(leaseMs)}`;
  async function begin(): Promise<string> {
    const name = uuid();
    await db.deleteFrom('nodes').where('lease_until', '<', clock).execute();
    await db.insertInto('nodes').values({ name, lease_until: until }).execute();
    return name;
  }

  let name = await begin();
  return {
    get name() {
      return name;
    },
    free: () =>
      sql<boolean>`(node is null or node = ${name} or not exists (
        select 1 from nodes where nodes.name = sessions.node and nodes.lease_until >= ${seen}))`,
    async prolong() {
      const prolonged = await db
        .updateTable('nodes')
        .set({ lease_until: until })
        .where('name', '=', name)
        .where('lease_until', '>=', clock)
        .returning('name')
        .executeTakeFirst();
      if (!prolonged) name = await begin();
    },
    async end() {
      await db.deleteFrom('nodes').where('name', '=', name).execute();
    },
  };
}

/** SQLite belongs to one process: whatever is there is free for it. */
export function soleLife(): Life {
  const name = uuid();
  return {
    name,
    free: () => sql<boolean>`1 = 1`,
    prolong: () => Promise.resolve(),
    end: () => Promise.resolve(),
  };
}
