import type { Store } from './store.ts';

const PAUSE_MS = 20;

export interface Retention {
  store: Pick<Store, 'prune' | 'pruneJournal'>;
  /** What is older goes, in ms since the epoch. */
  before: number;
  /** Removes sessions that nobody touched since, unless somebody did by now. */
  removeIdle(ids: readonly string[]): Promise<void>;
  /** Nothing more is wanted. */
  over(): boolean;
}

/** One round through all sessions and the journal, with a pause after each few, so that nobody waits for it. */
export async function retain({ store, before, removeIdle, over }: Retention): Promise<void> {
  for (let after: string | undefined = ''; after !== undefined && !over(); await pause()) {
    const { idle, next } = await store.prune(before, after);
    await removeIdle(idle);
    after = next;
  }
  for (let after: string | undefined = ''; after !== undefined && !over(); await pause())
    after = await store.pruneJournal(before, after);
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PAUSE_MS);
  });
}
