import { AppError } from '../errors.ts';

/** Throws `too_many_requests` when a user has as many records of a kind (`keys`, `apps` …) as the settings allow. */
export function requireRecordRoom(
  { recordsPerOwnerMaxCount: most }: { recordsPerOwnerMaxCount: number },
  count: number,
  kind: string,
): void {
  if (count < most) return;
  throw new AppError(
    'too_many_requests',
    `You have ${count} ${kind} already, and ${most} are the limit (RECORDS_PER_OWNER_MAX_COUNT): remove some that you do not need.`,
  );
}
