import { AppError } from '../errors.ts';
import type { Control, Store } from './store.ts';

/** How long an owner may take to do what it is asked. */
export const OWNER_TIMEOUT_MS = 20_000;
const POLL_MS = 25;

/** Asks the node that owns a session, whichever it is, and resolves once it has done so; `unavailable` when none does. */
export async function askOwner(store: Store, id: string, control: Control): Promise<void> {
  const key = await store.addControl(id, control);
  for (const until = Date.now() + OWNER_TIMEOUT_MS; Date.now() < until;) {
    if (await store.isControlHandled(id, key)) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new AppError(
    'unavailable',
    "The session's node does not answer; what was asked is kept and done as soon as one does.",
    { retryAfterSeconds: 5 },
  );
}
