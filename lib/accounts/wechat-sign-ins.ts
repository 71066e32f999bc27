import { randomInt } from 'node:crypto';
import { systemClock, type Clock } from '../common/clock.ts';
import { AppError } from '../errors.ts';
import type { RequestSource } from './audit.ts';
import type { Vault } from '../store/vault.ts';
import type { Identities } from './identities.ts';
import type { AccountsDb } from './schema.ts';
import type { SignIns, Tokens } from './sign-ins.ts';
import type { User } from './users.ts';
import type { WeChat } from './wechat.ts';

/**
 * Signing in with WeChat.
 *
 * Contract: rejects with an AppError; `unauthorized` for an invalid code or token, `unavailable` when WeChat does not answer
 * or is not set up.
 */
export interface WeChatSignIns {
  /** Signs in the person of a code; a new person becomes a user. */
  signIn(code: string, client?: RequestSource): Promise<Tokens>;
  /** A new access token, as long as the WeChat session is alive. The refresh token lives its 90 days. */
  refresh(refreshToken: string, client?: RequestSource): Promise<Tokens>;
}

/** What WeChat sign-ins need. */
export interface WeChatSignInParts {
  db: AccountsDb;
  vault: Vault;
  /** Undefined: signing in with WeChat is not set up. */
  wechat: WeChat | undefined;
  identities: Identities;
  signIns: SignIns;
  clock?: Clock;
}

const DAY_MS = 24 * 3600_000;
/** The refresh token never changes (`renew`), so that the whole sign-in lives for its 90 days. */
const life = { accessMs: DAY_MS, idleMs: 90 * DAY_MS, absoluteMs: 90 * DAY_MS };
/** A random name of eight digits is rarely taken. */
const NAMES_TRIED = 5;

/** WeChat sign-ins over sign-ins and identities. */
export function createWeChatSignIns(parts: WeChatSignInParts): WeChatSignIns {
  const { db, vault, identities, signIns, clock = systemClock } = parts;

  /** Throws `unavailable` where the server has no app of WeChat. */
  function setUp(): WeChat {
    if (parts.wechat) return parts.wechat;
    throw new AppError(
      'unavailable',
      'Signing in with WeChat is not set up: set WECHAT_APPID and WECHAT_SECRET.',
    );
  }

  /** The user of a WeChat identity; a new one is named `wechat_` and eight digits that are free. */
  async function userOf(appid: string, openid: string, client: RequestSource): Promise<User> {
    for (let tries = 1; ; tries += 1) {
      const username = `wechat_${String(randomInt(1e8)).padStart(8, '0')}`;
      try {
        const identity = { provider: 'wechat', issuer: appid, subject: openid };
        return await identities.userOf(identity, { username }, client);
      } catch (error) {
        const taken = error instanceof AppError && error.code === 'conflict';
        if (!taken || tries === NAMES_TRIED) throw error;
      }
    }
  }

  return {
    async signIn(code, client = {}) {
      const wechat = setUp();
      const { openid, sessionKey } = await wechat.exchange(code);
      const user = await userOf(wechat.appid, openid, client);
      const tokens = await signIns.begin(user.uuid, { method: 'wechat', client, ...life });
      const row = {
        sign_in_id: tokens.signIn,
        openid,
        session_key: vault.seal(sessionKey),
        created_at: clock.now(),
      };
      await db.insertInto('wechat_sessions').values(row).execute();
      return tokens;
    },

    async refresh(refreshToken, client = {}) {
      const wechat = setUp();
      const { signIn, user } = await signIns.find(refreshToken);
      const row = await db
        .selectFrom('wechat_sessions')
        .selectAll()
        .where('sign_in_id', '=', signIn.id)
        .executeTakeFirst();
      if (!row) throw new AppError('unauthorized', 'This is not a sign-in with WeChat.');
      const session = { openid: row.openid, sessionKey: vault.open(row.session_key) };
      if (await wechat.isAlive(session)) return signIns.renew(refreshToken);
      await signIns.end(user.uuid, signIn.id, client);
      throw new AppError('unauthorized', 'The WeChat session has ended: sign in again.');
    },
  };
}
