/** The calls that wait for each signal, as the functions that take them out. */
const watched = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `cancel` once the signal aborts; returns the way out. Many calls share the signal of their task, so there is one
 * listener a signal: Node warns of a leak when a signal has more than ten [events: MaxListenersExceededWarning].
 */
export function watchAbort(signal: AbortSignal, cancel: () => void): () => void {
  const known = watched.get(signal);
  const waiting = known ?? listenTo(signal);
  waiting.add(cancel);
  return () => void waiting.delete(cancel);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const waiting = new Set<() => void>();
  watched.set(signal, waiting);
  const onAbort = (): void => {
    for (const cancel of waiting) cancel();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return waiting;
}
