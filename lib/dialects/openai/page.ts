import { unknownCursor } from './errors.ts';
import { listOf } from './schemas.ts';

/** The cursors of a page, and its size. */
interface PageQuery {
  after?: string | undefined;
  /** With `after` the page ends here. Without it the page is the one right before this item. */
  before?: string | undefined;
  limit?: string | undefined;
}

/** A page of items that are all in memory, in their order; `thing` is the thing that `after` must name. */
export function pageOf<Item extends { id: string }>(
  items: readonly Item[],
  { after, before, limit = '20' }: PageQuery,
  thing: string,
) {
  const stop = before === undefined ? items.length : items.findIndex(({ id }) => id === before);
  if (stop < 0) throw unknownCursor('before', thing);
  const start = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) throw unknownCursor('after', thing);
  if (after === undefined && before !== undefined) {
    // The page right before `before`: `has_more` is about the items in front of it.
    const first = Math.max(0, stop - Number(limit));
    return listOf(items.slice(first, stop), first > 0);
  }
  const end = start + Number(limit);
  return listOf(items.slice(start, Math.min(end, stop)), end < stop);
}
