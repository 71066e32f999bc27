import { randomInt } from 'node:crypto';
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
 * Contract: rejects with an AppError; `unauthorized` for a code or token that is not good, `unavailable` when WeChat is down
 * or is not set up.
 */
export interface WeChatSignIns {
  /** Signs in whoever a code stands for; somebody new becomes a user. */
  signIn(code: string, client?: RequestSource): Promise<Tokens>;
  /** New tokens, as long as the WeChat session lives. */
  refresh(refreshToken: string, client?: RequestSource): Promise<Tokens>;
}

export interface WeChatSignInParts {
  db: AccountsDb;
  vault: Vault;
  /** Undefined: it is not set up. */
  wechat: WeChat | undefined;
  identities: Identities;
  signIns: SignIns;
  /** Ms since the epoch. */
  now?: () => number;
}

const DAY_MS = 24 * 3600_000;
const life = { accessMs: DAY_MS, idleMs: 90 * DAY_MS, absoluteMs: 90 * DAY_MS };
const NAMES_TRIED = 5;

/** WeChat sign-ins over sign-ins and identities. */
export function openWeChatSignIns(parts: WeChatSignInParts): WeChatSignIns {
  const { db, vault, identities, signIns, now = Date.now } = parts;

  function setUp(): WeChat {
    if (parts.wechat) return parts.wechat;
    throw new AppError('unavailable', 'Signing in with WeChat is not set up: WECHAT_APPID, WECHAT_SECRET.');
  }

  /** `wechat_` and eight digits that nobody has yet. */
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
        created_at: now(),
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
      if (await wechat.isAlive(session)) return signIns.refresh(refreshToken, client);
      await signIns.end(user.uuid, signIn.id, client);
      throw new AppError('unauthorized', 'The WeChat session is over: sign in again.');
    },
  };
}
