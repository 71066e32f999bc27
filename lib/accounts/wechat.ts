import { createHmac } from 'node:crypto';
import { systemClock, type Clock } from '../common/clock.ts';
import { AppError, messageOf } from '../errors.ts';

/** A session of a user in a WeChat app. */
export interface WeChatSession {
  openid: string;
  sessionKey: string;
}

/**
 * The part of WeChat's API that signing in needs.
 *
 * Contract: rejects with an AppError: `unauthorized` for an invalid code, `unavailable` when WeChat does not answer or
 * refuses this app; within ten seconds.
 */
export interface WeChat {
  /** The id of the app. */
  readonly appid: string;
  /** The session of a code from `wx.login`; a code is valid once. */
  exchange(code: string): Promise<WeChatSession>;
  /** Whether WeChat still knows the session. */
  isAlive(session: WeChatSession): Promise<boolean>;
}

/** The app and its secret, and how WeChat is reached. */
export interface WeChatOptions {
  appid: string;
  secret: string;
  fetch: typeof fetch;
  /** `https://api.weixin.qq.com` */
  baseUrl?: string | undefined;
  clock?: Clock;
}

const BASE_URL = 'https://api.weixin.qq.com';
const TIMEOUT_MS = 10_000;
/** The app asks for a new token so long before the old one ends. */
const MARGIN_MS = 5 * 60_000;

/** Error codes for a code that is unknown or used, or whose user WeChat has blocked. */
const badCodes = new Set([40_029, 40_163, 40_226, 41_008]);
/** Error codes for an expired token of the app. */
const badTokens = new Set([40_001, 40_014, 42_001]);
/** Error codes for a session that has ended or belongs to another user. */
const deadSessions = new Set([87_009, 40_003]);

/** An answer of WeChat; `errcode` is missing or 0 when all is well. */
type Answer = Record<string, unknown> & { errcode?: number };

/** WeChat's API for mini programs. */
export function createWeChat({
  appid,
  secret,
  fetch: fetchIt,
  baseUrl,
  clock = systemClock,
}: WeChatOptions): WeChat {
  const base = (baseUrl ?? BASE_URL).replace(/\/+$/, '');
  let token: { text: string; until: number } | undefined;

  async function ask(path: string, query: Record<string, string>, body?: object): Promise<Answer> {
    let answer: unknown;
    try {
      const response = await fetchIt(`${base}${path}?${new URLSearchParams(query).toString()}`, {
        method: body ? 'POST' : 'GET',
        ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      answer = JSON.parse(await response.text());
    } catch (cause) {
      // The URL holds secrets, so only the text of the failure is kept.
      throw down(messageOf(cause).replaceAll(secret, '***'));
    }
    if (typeof answer !== 'object' || answer === null) throw down('it answered with no object');
    return answer as Answer;
  }

  /** The app's own token; a new one when `fresh`, because WeChat refused the last. */
  async function appToken(fresh: boolean): Promise<string> {
    if (!fresh && token && token.until > clock.now()) return token.text;
    const body = { grant_type: 'client_credential', appid, secret, ...(fresh && { force_refresh: true }) };
    // The stable token: a request for it does not end the token of another process.
    const { access_token: text, expires_in: seconds, errcode } = await ask('/cgi-bin/stable_token', {}, body);
    if (typeof text !== 'string' || typeof seconds !== 'number') throw down(`no token, ${errcode}`);
    token = { text, until: clock.now() + seconds * 1000 - MARGIN_MS };
    return text;
  }

  return {
    appid,

    async exchange(code) {
      const query = { appid, secret, js_code: code, grant_type: 'authorization_code' };
      const { openid, session_key: sessionKey, errcode = 0 } = await ask('/sns/jscode2session', query);
      if (badCodes.has(errcode)) throw new AppError('unauthorized', 'The WeChat code is not valid.');
      if (errcode !== 0 || typeof openid !== 'string' || typeof sessionKey !== 'string')
        throw down(`error ${errcode}`);
      return { openid, sessionKey };
    },

    async isAlive({ openid, sessionKey }) {
      const signature = signatureOf(sessionKey, '');
      for (const fresh of [false, true]) {
        const query = { access_token: await appToken(fresh), openid, signature, sig_method: 'hmac_sha256' };
        const { errcode = 0 } = await ask('/wxa/checksession', query);
        if (errcode === 0) return true;
        if (deadSessions.has(errcode)) return false;
        if (!badTokens.has(errcode)) throw down(`error ${errcode}`);
      }
      throw down('it refused a token that it has just issued');
    },
  };
}

/** The signature of a session for a text: HMAC-SHA256 under the session key [WeChat checksession]. */
export function signatureOf(sessionKey: string, text: string): string {
  return createHmac('sha256', sessionKey).update(text).digest('hex');
}

/** The error for a WeChat that does not answer as documented. */
function down(why: string): AppError {
  return new AppError('unavailable', 'WeChat does not answer as it should; try again later.', {
    cause: new Error(`WeChat: ${why}`),
    retryAfterSeconds: 5,
  });
}
