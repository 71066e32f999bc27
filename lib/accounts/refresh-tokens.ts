/*
 * A chain: token -> child -> grandchild. Using a token marks it as rotated and stores the hash of its child. A client
 * whose answer was lost repeats the request with the old token; within ten seconds it gets the same child again, if
 * nobody has used the child yet. Any later use of an old token shows that two parties have the chain: the sign-in ends
 * [RFC 9700 4.14.2].
 */

import { lockRow } from '../store/lock-row.ts';
import type { AccountsContext } from './context.ts';
import type { AccountsDb, SignInsTable } from './schema.ts';
import { hashOf, newSecretText } from './secret-text.ts';

/**
 * The chain of refresh tokens of a sign-in: each use replaces a token by its child. Tokens are stored as hashes. A child is
 * computed from its parent, so that it can be issued a second time.
 */
export interface RefreshTokens {
  /** A new chain's first token. */
  first(on: AccountsDb, signIn: string): Promise<string>;
  /** The sign-in of a token, locked: another request with a token of the same chain waits until the transaction ends. */
  lock(trx: AccountsDb, token: string): Promise<SignInsTable | undefined>;
  /** The sign-in of a token that may still be rotated. */
  find(on: AccountsDb, token: string): Promise<SignInsTable | undefined>;
  /** The child of a locked token; undefined when the token was rotated before, except for a repeat within ten seconds. */
  rotate(trx: AccountsDb, token: string): Promise<string | undefined>;
}

/** How long a client that did not get the answer may repeat its request. */
const GRACE_MS = 10_000;

const PREFIX = 'rt_';

/** Whether a text has the form of a refresh token. */
export function isRefreshToken(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** Refresh tokens over their table. */
export function createRefreshTokens({ clock, keys }: Pick<AccountsContext, 'clock' | 'keys'>): RefreshTokens {
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

  /** Whether a rotated token is the parent of the newest token, and was rotated just now. */
  async function inGrace(on: AccountsDb, childHash: string, rotatedAt: number): Promise<boolean> {
    if (clock.now() - rotatedAt > GRACE_MS) return false;
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
        // The child may be of any key: a new key may have become the first meanwhile.
        return childrenOf(token).find((child) => hashOf(child) === childHash);
      }
      const child = childrenOf(token)[0]!;
      await trx
        .updateTable('refresh_tokens')
        .set({ child_hash: hashOf(child), rotated_at: clock.now() })
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
