import type { Kysely } from 'kysely';
import { systemClock, type Clock } from '../common/clock.ts';
import type { Metadata } from '../core/message.ts';

/** The table of notes, the same on SQLite and PostgreSQL. */
export interface CompletionTables {
  completions: {
    owner: string;
    id: string;
    model: string;
    /** JSON. */
    metadata: string;
    /** Ms since the epoch. */
    created_at: number;
  };
}

/** Notes of clients about completions that belong to no thread. */
export interface CompletionNotes {
  /** Stores a note; it replaces the note about the same completion. */
  keep(owner: string, completion: { id: string; model: string; metadata: Metadata }): Promise<void>;
  /** Removes all notes of an owner. */
  removeOwner(owner: string): Promise<void>;
}

/** Notes in the database. */
export function createCompletionNotes(
  db: Kysely<CompletionTables>,
  clock: Clock = systemClock,
): CompletionNotes {
  return {
    async keep(owner, { id, model, metadata }) {
      const row = { owner, id, model, metadata: JSON.stringify(metadata), created_at: clock.now() };
      await db
        .insertInto('completions')
        .values(row)
        .onConflict((conflict) => conflict.columns(['owner', 'id']).doUpdateSet(row))
        .execute();
    },

    async removeOwner(owner) {
      await db.deleteFrom('completions').where('owner', '=', owner).execute();
    },
  };
}
