/** How long the event loop is held between two pauses, in ms. */
const HOLD_MS = 10;

/** Resolves at once, or in the next turn of the event loop when the last one is longer ago than the longest hold. */
export function createPauses(): () => Promise<void> | undefined {
  let began = performance.now();
  return () => {
    if (performance.now() - began < HOLD_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        began = performance.now();
        resolve();
      });
    });
  };
}
