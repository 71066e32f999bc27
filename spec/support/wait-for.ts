/** How long a busy machine may take. A condition that holds ends the wait at once. */
const TIMEOUT_MS = 20_000;

/** Resolves as soon as a condition holds, also one that has to be awaited. Rejects when it does not hold in time. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${String(condition)} does not hold after ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
