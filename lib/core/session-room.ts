import { AppError } from '../errors.ts';
import type { Principal } from './principal.ts';
import type { Store } from './store.ts';

/** The limits of the open sessions of one caller. */
export interface SessionRoom {
  sessionsPerOwnerMaxCount: number;
  /** The bytes of their configurations together. */
  sessionsPerOwnerMaxBytes: number;
}

/** Throws `too_many_requests` where a caller has no room for another session. */
export async function checkSessionRoom(
  store: Pick<Store, 'countSessions'>,
  owner: Principal,
  { sessionsPerOwnerMaxCount: most, sessionsPerOwnerMaxBytes: mostBytes }: SessionRoom,
): Promise<void> {
  const { count, bytes } = await store.countSessions(owner.id);
  if (count < most && bytes < mostBytes) return;
  const told =
    count < most
      ? `The open sessions take ${bytes} bytes already (SESSIONS_PER_OWNER_MAX_BYTES).`
      : `${most} sessions are open already (SESSIONS_PER_OWNER_MAX_COUNT).`;
  throw new AppError('too_many_requests', told, { retryAfterSeconds: 60 });
}
