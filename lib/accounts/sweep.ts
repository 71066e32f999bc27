import type { AccountsDb } from './schema.ts';

const DAY_MS = 24 * 3600_000;
/** How long it stays known what is over, so that old tokens are recognised and holders on all nodes hear of it. */
const KEEP_MS = 7 * DAY_MS;

/** Takes away what is over: used and old vouchers, codes, failures of yesterday, sign-ins that ended a week ago. */
export async function sweepAccounts(db: AccountsDb, now: number): Promise<void> {
  await db.deleteFrom('vouchers').where('until', '<=', now).execute();
  await db
    .deleteFrom('text_codes')
    .where('until', '<=', now - DAY_MS)
    .execute();
  await db
    .deleteFrom('failures')
    .where('at', '<', now - DAY_MS)
    .execute();
  const over = db
    .selectFrom('sign_ins')
    .select('id')
    .where(({ or, eb }) => or([eb('ended_at', '<', now - KEEP_MS), eb('until', '<', now - KEEP_MS)]));
  await db.deleteFrom('refresh_tokens').where('sign_in_id', 'in', over).execute();
  await db
    .deleteFrom('sign_ins')
    .where(({ or, eb }) => or([eb('ended_at', '<', now - KEEP_MS), eb('until', '<', now - KEEP_MS)]))
    .execute();
  await db
    .deleteFrom('wechat_sessions')
    .where('sign_in_id', 'not in', db.selectFrom('sign_ins').select('id'))
    .execute();
}
