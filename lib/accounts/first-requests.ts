import type { Clock } from '../common/clock.ts';
import type { AccountsDb } from './schema.ts';

/** A request that its client may send again. `key` tells it from the caller's other requests. */
export interface RequestMark {
  caller: string;
  key: string;
  /** A digest of everything that the request asks for. */
  digest: string;
}

/** An answer as the client of the first request got it. */
export interface GivenAnswer {
  status: number;
  contentType: string;
  body: string;
}

/** The first request of a key. Without an answer it is under way, or its process died. A `lost` answer can never be given. */
export interface FirstRequest {
  digest: string;
  answer: GivenAnswer | 'lost' | undefined;
}

/** The first request of every key, with its answer, on all nodes. Contract: rejects with errors of the database only. */
export interface FirstRequests {
  /**
   * Makes this the first request of its key, for `keepMs`. Resolves with the id of the attempt, or with the first request
   * when there is one already. `renews`: it is the first one in any case, and an earlier one is forgotten.
   */
  begin(mark: RequestMark, keepMs: number, renews: boolean): Promise<{ attempt: string } | FirstRequest>;
  /** The first request of a key; undefined when there is none, or when it is too old. */
  find(mark: RequestMark): Promise<FirstRequest | undefined>;
  /** Keeps the answer of an attempt. */
  finish(attempt: string, answer: GivenAnswer | 'lost'): Promise<void>;
  /** Forgets an attempt that was refused before it began anything. */
  forget(attempt: string): Promise<void>;
  /** Removes the requests of a user. */
  removeCaller(caller: string): Promise<void>;
}

/** First requests over their table. */
export function createFirstRequests(db: AccountsDb, clock: Clock): FirstRequests {
  async function find({ caller, key }: RequestMark): Promise<FirstRequest | undefined> {
    const row = await db
      .selectFrom('first_requests')
      .select(['digest', 'status', 'content_type', 'body'])
      .where('caller', '=', caller)
      .where('key', '=', key)
      .where('until', '>', clock.now())
      .executeTakeFirst();
    if (!row) return undefined;
    const { digest, status, content_type: contentType, body } = row;
    if (status === null) return { digest, answer: undefined };
    const isLost = contentType === null || body === null;
    return { digest, answer: isLost ? 'lost' : { status, contentType, body } };
  }

  return {
    find,
    async begin(mark, keepMs, renews) {
      const { caller, key, digest } = mark;
      const attempt = clock.newId();
      const now = clock.now();
      const begun = { attempt, digest, until: now + keepMs, status: null, content_type: null, body: null };
      const taken = await db
        .insertInto('first_requests')
        .values({ caller, key, ...begun })
        .onConflict((conflict) => {
          const update = conflict.columns(['caller', 'key']).doUpdateSet(begun);
          return renews ? update : update.where('first_requests.until', '<=', now);
        })
        .returning('attempt')
        .executeTakeFirst();
      if (taken) return { attempt };
      return (await find(mark)) ?? { digest, answer: undefined }; // it has become too old in this moment
    },
    async finish(attempt, answer) {
      const row =
        answer === 'lost'
          ? { status: 0 }
          : { status: answer.status, content_type: answer.contentType, body: answer.body };
      await db.updateTable('first_requests').set(row).where('attempt', '=', attempt).execute();
    },
    async forget(attempt) {
      await db.deleteFrom('first_requests').where('attempt', '=', attempt).execute();
    },
    async removeCaller(caller) {
      await db.deleteFrom('first_requests').where('caller', '=', caller).execute();
    },
  };
}
