import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { systemClock } from '../common/clock.ts';

/**
 * The name under which this process owns sessions, with one lease for all of them. An expired lease is never renewed: what
 * another process has taken by then stays taken.
 */
export interface Life {
  /** A new name after every lease that expired. */
  readonly name: string;
  /** Whether a session may be claimed: nobody owns it, or this life does, or a life whose lease has expired. */
  free(): RawBuilder<boolean>;
  /** Whether no living process owns a session, this one included. */
  orphaned(): RawBuilder<boolean>;
  /** Whether a row of `nodes` is that of a living process. */
  isLiving(): RawBuilder<boolean>;
  /** Renews the lease. After its end a new life begins, which owns nothing yet. */
  renew(): Promise<void>;
  end(): Promise<void>;
}

/** The life of a process that has the database for itself: every session is free for it. */
export function createSoleLife(): Life {
  const name = systemClock.newId();
  return {
    name,
    free: () => sql<boolean>`1 = 1`,
    orphaned: () => sql<boolean>`(node is null or node <> ${name})`,
    isLiving: () => sql<boolean>`1 = 0`, // the row of no process: there are no others
    renew: () => Promise.resolve(),
    end: () => Promise.resolve(),
  };
}
