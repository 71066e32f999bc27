import { AppError } from '../errors.ts';
import type { JournalEntry, Store } from './store.ts';

/**
 * The permission to send a write, committed: false when it was given before. One that took long may be stale, because the
 * node stalled and another owns the session by now: then the lease is prolonged first, and `conflict` when it is lost.
 */
export async function permitFresh(
  store: Store,
  id: string,
  epoch: number,
  entry: JournalEntry,
): Promise<boolean> {
  let asked = performance.now();
  const permitted = await store.permit(id, epoch, entry);
  while (permitted && performance.now() - asked > store.leaseMs / 2) {
    asked = performance.now();
    const kept = await store.renew(new Map([[id, epoch]]));
    if (!kept.has(id)) throw new AppError('conflict', 'The session has been taken over meanwhile.');
  }
  return permitted;
}
