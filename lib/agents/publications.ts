import { AppError } from '../errors.ts';
import type { AgentsDb, AppPublicationsTable } from './schema.ts';

/** A configuration that was published; `number` counts from 1 for each app. */
export interface Publication {
  id: string;
  number: number;
  /** Ms since the epoch. */
  createdAt: number;
}

/** A configuration may have megabytes. With more publications of one app, the oldest are removed. */
const PUBLICATIONS_MAX_COUNT = 50;

/** Notes a publication as the newest one of its app. The caller has locked the app. */
export async function notePublication(
  trx: AgentsDb,
  publication: Omit<AppPublicationsTable, 'number'>,
): Promise<void> {
  const { app_id: app } = publication;
  const last = await trx
    .selectFrom('app_publications')
    .select(({ fn }) => fn.max('number').as('number'))
    .where('app_id', '=', app)
    .executeTakeFirst();
  // From the highest number and not from the count: the oldest publications are removed, and no number is used twice.
  const number = (last?.number ?? 0) + 1;
  await trx
    .insertInto('app_publications')
    .values({ ...publication, number })
    .execute();
  await trx
    .deleteFrom('app_publications')
    .where('app_id', '=', app)
    .where('number', '<=', number - PUBLICATIONS_MAX_COUNT)
    .execute();
}

/** The publications of an app, newest first: those that were made before a time (ms since the epoch, not included). */
export async function listPublications(
  db: AgentsDb,
  appId: string,
  { before, offset, limit }: { before: number; offset: number; limit: number },
): Promise<{ publications: Publication[]; total: number }> {
  const all = db.selectFrom('app_publications').where('app_id', '=', appId).where('created_at', '<', before);
  const { total } = await all.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  const rows = await all
    .select(['id', 'number', 'created_at as createdAt'])
    // By number: two publications may have the same ms.
    .orderBy('number', 'desc')
    .offset(offset)
    .limit(limit)
    .execute();
  return { publications: rows, total };
}

/** The stored configuration of a publication. Throws `not_found`. */
export async function findPublication(
  db: AgentsDb,
  appId: string,
  id: string,
): Promise<Pick<AppPublicationsTable, 'config' | 'remembers'>> {
  const found = await db
    .selectFrom('app_publications')
    .select(['config', 'remembers'])
    .where('app_id', '=', appId)
    .where('id', '=', id)
    .executeTakeFirst();
  if (found) return found;
  throw new AppError('not_found', `The app has no published version "${id.slice(0, 100)}".`);
}
