import type { Kysely } from 'kysely';
import { systemClock } from '../common/clock.ts';
import type { KindDefinition } from '../openspec/kind.ts';
import { openSimulations, type KeptSimulations, type Simulations } from '../openspec/simulations.ts';

/** The simulated devices of a server that somebody may still use. */
interface SimulationTables {
  simulations: { key: string; source: string; port: number; asked_at: number };
}

/** A simulated device is forgotten when nobody has asked for it for so long. */
const KEPT_MS = 30 * 86_400_000;

/** Opens the place where simulated devices run; the database keeps their addresses over a restart. */
export function openKeptSimulations(
  db: Kysely<unknown>,
  kinds: readonly KindDefinition[],
  onError: (error: unknown) => void,
): Simulations {
  return openSimulations(kinds, keptIn(db), onError);
}

function keptIn(db: Kysely<unknown>, clock = systemClock): KeptSimulations {
  const tables = db as Kysely<SimulationTables>;
  return {
    async list() {
      await tables
        .deleteFrom('simulations')
        .where('asked_at', '<', clock.now() - KEPT_MS)
        .execute();
      return tables.selectFrom('simulations').select(['key', 'source', 'port']).orderBy('key').execute();
    },
    async keep(kept) {
      const asked_at = clock.now();
      await tables
        .insertInto('simulations')
        .values({ ...kept, asked_at })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ port: kept.port, asked_at }))
        .execute();
    },
  };
}
