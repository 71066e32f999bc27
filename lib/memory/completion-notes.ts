import type { Kysely } from 'kysely';
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

/** What clients note about completions outside of any thread. */
export interface CompletionNotes {
  /** Keeps it; the same completion's notes are replaced. */
  keep(owner: string, completion: { id: string; model: string; metadata: Metadata }): Promise<void>;
}

/** Notes in the database. */
export function openCompletionNotes(db: Kysely<CompletionTables>): CompletionNotes {
  return {
    async keep(owner, { id, model, metadata }) {
      const row = { owner, id, model, metadata: JSON.stringify(metadata), created_at: Date.now() };
      await db
        .insertInto('completions')
        .values(row)
        .onConflict((conflict) => conflict.columns(['owner', 'id']).doUpdateSet(row))
        .execute();
    },
  };
}
