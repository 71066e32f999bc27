import type { AccountsDb } from './schema.ts';

const DAY_MS = 24 * 3600_000;
/** How long ended sign-ins are kept, so that old tokens are recognised and all nodes learn of the end. */
const KEEP_ENDED_MS = 7 * DAY_MS;

/**
 * Removes expired vouchers and first requests, the codes and failures of yesterday, sign-ins that ended a week ago, and the marks of
 * removals that were done yesterday. `now` is in ms since the epoch.
 */
export async function sweepAccounts(db: AccountsDb, now: number): Promise<void> {
  await db.deleteFrom('vouchers').where('until', '<=', now).execute();
  await db.deleteFrom('first_requests').where('until', '<=', now).execute();
  const yesterday = now - DAY_MS;
  await db.deleteFrom('text_codes').where('until', '<=', yesterday).execute();
  await db.deleteFrom('failures').where('at', '<', yesterday).execute();
  await db.deleteFrom('user_removals').where('done_at', '<', yesterday).execute();
  const ended = db
    .selectFrom('sign_ins')
    .select('id')
    .where(({ or, eb }) =>
      or([eb('ended_at', '<', now - KEEP_ENDED_MS), eb('until', '<', now - KEEP_ENDED_MS)]),
    );
  await db.deleteFrom('refresh_tokens').where('sign_in_id', 'in', ended).execute();
  await db.deleteFrom('sign_ins').where('id', 'in', ended).execute();
  await db
    .deleteFrom('wechat_sessions')
    .where('sign_in_id', 'not in', db.selectFrom('sign_ins').select('id'))
    .execute();
}
