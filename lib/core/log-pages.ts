import type { Message } from './message.ts';
import type { Store } from './store.ts';

/** Every line of a session's log, in order, as many at a time as the store reads at once. */
export async function* logPages(store: Pick<Store, 'readPage'>, id: string): AsyncGenerator<Message[]> {
  let after = 0;
  for (let hasMore = true; hasMore;) {
    const page = await store.readPage(id, after);
    yield page.lines;
    after = page.lines.at(-1)?.seq ?? after;
    hasMore = page.hasMore;
  }
}
