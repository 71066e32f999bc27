/** Counts one more under a key; returns the function that counts it off once, or undefined when the key has its most. */
export type Tally = (key: string) => (() => void) | undefined;

/** A tally of at most `most` for each key; nothing is counted yet. */
export function createTally(most: number): Tally {
  const counts = new Map<string, number>();
  return (key) => {
    const count = counts.get(key) ?? 0;
    if (count >= most) return undefined;
    counts.set(key, count + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = (counts.get(key) ?? 1) - 1;
      if (left > 0) counts.set(key, left);
      else counts.delete(key);
    };
  };
}
