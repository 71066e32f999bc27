import { unknownCursor } from './errors.ts';
import { listOf } from './schemas.ts';

/** A page of items that are all in memory, in their order; `thing` is the thing that `after` must name. */
export function pageOf<Item extends { id: string }>(
  items: readonly Item[],
  { after, limit = '20' }: { after?: string | undefined; limit?: string | undefined },
  thing: string,
) {
  const start = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) throw unknownCursor('after', thing);
  const end = start + Number(limit);
  return listOf(items.slice(start, end), end < items.length);
}
