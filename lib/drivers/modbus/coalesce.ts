import type { ModbusRequest } from './request.ts';

/** The most that one request may read [Modbus Application Protocol 1.1b3, 6.1 to 6.4]. */
export const readLimits: Record<1 | 2 | 3 | 4, number> = { 1: 2000, 2: 2000, 3: 125, 4: 125 };

/**
 * One read for several: of `others`, those that touch or overlap the range of `first`, or a range that joined it, while the
 * whole fits one request. The registers between two ranges are never read.
 */
export function joinReads<T extends { request: ModbusRequest }>(
  first: T,
  others: readonly T[],
): { request: ModbusRequest; joined: T[] } {
  const { fc, unit } = first.request;
  if (fc > 4) return { request: first.request, joined: [] };
  const limit = readLimits[fc as 1 | 2 | 3 | 4];
  let from = first.request.address;
  let to = from + first.request.count;
  const joined = new Set<T>();
  for (let before = -1; before !== joined.size;) {
    before = joined.size;
    for (const other of others) {
      const { address, count } = other.request;
      if (joined.has(other) || other.request.fc !== fc || other.request.unit !== unit) continue;
      const start = Math.min(from, address);
      const end = Math.max(to, address + count);
      if (address > to || address + count < from || end - start > limit) continue;
      [from, to] = [start, end];
      joined.add(other);
    }
  }
  return {
    request: { fc: fc as 1 | 2 | 3 | 4, unit, address: from, count: to - from },
    joined: [...joined],
  };
}
