import { AppError } from '../errors.ts';

/** The kinds of records of one user that are limited. */
type RecordKind = 'keys' | 'apps' | 'presets' | 'chats';

/** The creations under way of each owner and kind: the next one waits for the one before. */
const queues = new Map<string, Promise<unknown>>();

/** Records that are about to be made. */
interface NewRecord<T> {
  owner: string;
  kind: RecordKind;
  /** How many the owner has. */
  count(): Promise<number>;
  make(): Promise<T>;
}

/**
 * Makes a record where its owner has fewer of its kind than the settings allow. Rejects with `too_many_requests`. This process makes
 * one record of an owner and a kind at a time, so that requests at once cannot pass the limit together.
 */
export async function makeRecord<T>(
  { recordsPerOwnerMaxCount: most }: { recordsPerOwnerMaxCount: number },
  { owner, kind, count, make }: NewRecord<T>,
): Promise<T> {
  const key = `${kind} ${owner}`;
  const before = queues.get(key) ?? Promise.resolve();
  const made = before
    .catch(() => undefined) // its own request reports that
    .then(async () => {
      requireRoom(most, await count(), kind);
      return make();
    });
  queues.set(key, made);
  try {
    return await made;
  } finally {
    if (queues.get(key) === made) queues.delete(key);
  }
}

function requireRoom(most: number, count: number, kind: RecordKind): void {
  if (count < most) return;
  throw new AppError(
    'too_many_requests',
    `You have ${count} ${kind} already, and ${most} are the limit (RECORDS_PER_OWNER_MAX_COUNT): remove some that you do not need.`,
  );
}
