/** The queue before a bus: first in first out within a party, and party by party in turn. */
interface FairQueue<T> {
  readonly size: number;
  /** Puts an item behind the others of its party. */
  push(party: object, item: T): void;
  /** Puts an item before all others (its next attempt). */
  pushFront(item: T): void;
  /** The item whose turn it is, without taking it. */
  peek(): T | undefined;
  /** Takes the item whose turn it is; undefined when nothing waits. */
  take(): T | undefined;
  /** False when the item does not wait here. */
  remove(item: T): boolean;
  /** All that wait, in no promised order. */
  items(): T[];
}

/** An empty queue. */
export function createFairQueue<T>(): FairQueue<T> {
  /** Next attempts, and the next requests of a call. They come before every party. */
  const first: T[] = [];
  // A Map keeps the order of insertion: the party whose turn it is comes first, and goes to the end after its turn.
  const parties = new Map<object, T[]>();
  let size = 0;

  const dropFrom = (list: T[], item: T): boolean => {
    const index = list.indexOf(item);
    if (index === -1) return false;
    list.splice(index, 1);
    size--;
    return true;
  };

  return {
    get size() {
      return size;
    },
    push(party, item) {
      const waiting = parties.get(party);
      if (waiting === undefined) parties.set(party, [item]);
      else waiting.push(item);
      size++;
    },
    pushFront(item) {
      first.unshift(item);
      size++;
    },
    peek: () => first[0] ?? parties.values().next().value?.[0],
    take() {
      if (size === 0) return undefined;
      size--;
      if (first.length > 0) return first.shift();
      for (const [party, waiting] of parties) {
        const item = waiting.shift();
        parties.delete(party);
        if (waiting.length > 0) parties.set(party, waiting);
        return item;
      }
      return undefined;
    },
    remove(item) {
      if (dropFrom(first, item)) return true;
      for (const [party, waiting] of parties) {
        if (!dropFrom(waiting, item)) continue;
        if (waiting.length === 0) parties.delete(party);
        return true;
      }
      return false;
    },
    items: () => [...first, ...[...parties.values()].flat()],
  };
}
