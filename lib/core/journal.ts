import type { Clock } from '../common/clock.ts';
import { AppError } from '../errors.ts';
import type { Clearance, JournalEntry, JournalKey, Outcome, Permitted, Store } from './store.ts';

/** The journal of one session, under the epoch of its owner. */
export class Journal {
  readonly #store: Store;
  readonly #id: string;
  readonly #epoch: number;
  readonly #clock: Clock;

  constructor(store: Store, id: string, epoch: number, clock: Clock) {
    this.#store = store;
    this.#id = id;
    this.#epoch = epoch;
    this.#clock = clock;
  }

  /**
   * The permission to send a write, committed. Rejects with `conflict` when this node does not own the session any more.
   *
   * A commit that took long may have ended after a stall, in which another node took the session over: an old permission
   * says nothing about the present owner. So the lease is renewed until the answer is younger than half a lease.
   */
  async permit(entry: JournalEntry, clearance?: Clearance): Promise<Permitted> {
    let askedAt = this.#clock.monotonicNow();
    const permission = await this.#store.permit(this.#id, this.#epoch, entry, clearance);
    while (permission === 'given' && this.#clock.monotonicNow() - askedAt > this.#store.leaseMs / 2) {
      askedAt = this.#clock.monotonicNow();
      const kept = await this.#store.renew(new Map([[this.#id, this.#epoch]]));
      if (!kept.has(this.#id)) throw new AppError('conflict', 'The session has been taken over meanwhile.');
    }
    return permission;
  }

  /** Whether a call has a permission of an earlier owner. */
  isPermitted(key: JournalKey): Promise<boolean> {
    return this.#store.isPermitted(this.#id, key);
  }

  /** Writes down the outcome of a permitted call. An epoch is not needed: the outcome is true under every owner of the session. */
  settle(key: JournalKey, outcome: Outcome, also?: (transaction: unknown) => Promise<void>): Promise<void> {
    return this.#store.settle(this.#id, key, outcome, also);
  }
}
