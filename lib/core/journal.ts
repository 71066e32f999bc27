import type { Clock } from '../common/clock.ts';
import { AppError } from '../errors.ts';
import type { JournalEntry, JournalKey, Outcome, Store } from './store.ts';

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
   * The permission to send a write, committed. False when it was given before. Rejects with `conflict` when this node
   * does not own the session any more.
   *
   * A commit that took long may have ended after a stall, in which another node took the session over: an old permission
   * says nothing about the present owner. So the lease is renewed until the answer is younger than half a lease.
   */
  async permit(entry: JournalEntry): Promise<boolean> {
    let askedAt = this.#clock.monotonicNow();
    const isPermitted = await this.#store.permit(this.#id, this.#epoch, entry);
    while (isPermitted && this.#clock.monotonicNow() - askedAt > this.#store.leaseMs / 2) {
      askedAt = this.#clock.monotonicNow();
      const kept = await this.#store.renew(new Map([[this.#id, this.#epoch]]));
      if (!kept.has(this.#id)) throw new AppError('conflict', 'The session has been taken over meanwhile.');
    }
    return isPermitted;
  }

  /** Writes down the outcome of a permitted call. An epoch is not needed: the outcome is true whoever owns the session. */
  settle(key: JournalKey, outcome: Outcome): Promise<void> {
    return this.#store.settle(this.#id, key, outcome);
  }
}
