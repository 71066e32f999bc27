import { randomUUID } from 'node:crypto';

/**
 * The id of a call, which it adds to `taken`: the endpoint's own, or a new one where the endpoint gave none, or gave it to another
 * call before. Some endpoints count the calls of each reply from 0, and a result must belong to one call.
 */
export function callIdFor(id: string, taken: Set<string>): string {
  const own = id !== '' && !taken.has(id) ? id : `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
  taken.add(own);
  return own;
}
