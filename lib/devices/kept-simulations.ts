import type { Kysely } from 'kysely';
import type { KindDefinition } from '../openspec/kind.ts';
import { openSimulations, type KeptSimulations, type Simulations } from '../openspec/simulations.ts';

/** The simulated devices of a server that somebody may still use. */
interface SimulationTables {
  simulations: { key: string; source: string; port: number; asked_at: number };
}

/** Opens the place where simulated devices run; the database keeps their addresses over a restart. */
export function openKeptSimulations(
  db: Kysely<unknown>,
  kinds: readonly KindDefinition[],
  onError: (error: unknown) => void,
): Simulations {
  return openSimulations({ kinds, kept: keptIn(db), onError });
}

/** The kept addresses over their table. The place that was asked for last is the first one. */
function keptIn(db: Kysely<SimulationTables>): KeptSimulations {
  return {
    list: () =>
      db
        .selectFrom('simulations')
        .select(['key', 'source', 'port', 'asked_at as askedAt'])
        .orderBy('asked_at', 'desc')
        .orderBy('key')
        .execute(),
    async keep({ key, source, port, askedAt: asked_at }) {
      await db
        .insertInto('simulations')
        .values({ key, source, port, asked_at })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ port, asked_at }))
        .execute();
    },
    async forget(key) {
      await db.deleteFrom('simulations').where('key', '=', key).execute();
    },
  };
}
