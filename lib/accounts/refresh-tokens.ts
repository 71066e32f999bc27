import { lockRow } from '../store/lock-row.ts';
import type { Ground } from './ground.ts';
import type { AccountsDb, SignInsTable } from './schema.ts';
import { hashOf, newSecretText } from './secret-text.ts';

/** The chain of refresh tokens of a sign-in. Stored as hashes; yet a child can be given twice, being made from its parent. */
export interface RefreshTokens {
  /** A new chain's first token. */
  first(on: AccountsDb, signIn: string): Promise<string>;
  /** The sign-in of a token, whoever else shows one of its tokens waiting until the transaction ends. */
  lock(trx: AccountsDb, token: string): Promise<SignInsTable | undefined>;
  /** The sign-in of a token that may still be rotated. */
  find(on: AccountsDb, token: string): Promise<SignInsTable | undefined>;
  /** The child of a locked token; undefined when it was rotated before, other than by its parent's second showing in time. */
  rotate(trx: AccountsDb, token: string): Promise<string | undefined>;
}

/** How long a client that did not get the answer may ask again. */
const GRACE_MS = 10_000;

const PREFIX = 'rt_';

/** Whether a text has the form of a refresh token. */
export function isRefreshToken(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** Refresh tokens over their table. */
export function createRefreshTokens({ now, keys }: Pick<Ground, 'now' | 'keys'>): RefreshTokens {
  const childrenOf = (token: string) => keys.all.map((key) => `${PREFIX}${key.digest('refresh', token)}`);

  function signInOf(on: AccountsDb, token: string) {
    return on.selectFrom('refresh_tokens').select('sign_in_id').where('hash', '=', hashOf(token));
  }

  function read(on: AccountsDb, token: string) {
    return on
      .selectFrom('refresh_tokens')
      .select(['sign_in_id', 'child_hash', 'rotated_at'])
      .where('hash', '=', hashOf(token))
      .executeTakeFirst();
  }

  /** Whether a rotated token is the parent of the newest one, and not for long. */
  async function inGrace(on: AccountsDb, childHash: string, rotatedAt: number): Promise<boolean> {
    if (now() - rotatedAt > GRACE_MS) return false;
    const child = await on
      .selectFrom('refresh_tokens')
      .select('rotated_at')
      .where('hash', '=', childHash)
      .executeTakeFirst();
    return child !== undefined && child.rotated_at === null;
  }

  return {
    async first(on, signIn) {
      const token = `${PREFIX}${newSecretText()}`;
      await on
        .insertInto('refresh_tokens')
        .values({ hash: hashOf(token), sign_in_id: signIn, child_hash: null, rotated_at: null })
        .execute();
      return token;
    },

    lock: (trx, token) =>
      lockRow(trx, 'sign_ins', 'ended_at')
        .where('id', '=', signInOf(trx, token))
        .returningAll()
        .executeTakeFirst(),

    async find(on, token) {
      const row = await read(on, token);
      if (!row) return undefined;
      const { child_hash: child, rotated_at: rotatedAt, sign_in_id: id } = row;
      if (child !== null && !(await inGrace(on, child, rotatedAt ?? 0))) return undefined;
      return on.selectFrom('sign_ins').selectAll().where('id', '=', id).executeTakeFirst();
    },

    async rotate(trx, token) {
      const row = await read(trx, token);
      if (!row) return undefined;
      const { child_hash: childHash, rotated_at: rotatedAt, sign_in_id: signIn } = row;
      if (childHash !== null) {
        if (!(await inGrace(trx, childHash, rotatedAt ?? 0))) return undefined;
        // Made under any of the keys: one may have been put in front meanwhile.
        return childrenOf(token).find((child) => hashOf(child) === childHash);
      }
      const child = childrenOf(token)[0]!;
      await trx
        .updateTable('refresh_tokens')
        .set({ child_hash: hashOf(child), rotated_at: now() })
        .where('hash', '=', hashOf(token))
        .execute();
      await trx
        .insertInto('refresh_tokens')
        .values({ hash: hashOf(child), sign_in_id: signIn, child_hash: null, rotated_at: null })
        .execute();
      return child;
    },
  };
}
