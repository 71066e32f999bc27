import { createHmac } from 'node:crypto';
import { AppError, messageOf } from '../errors.ts';

/** A session of a user in a WeChat app. */
export interface WeChatSession {
  openid: string;
  sessionKey: string;
}

/**
 * WeChat, as far as signing in needs it.
 *
 * Contract: rejects with an AppError: `unauthorized` for a code that is not good, `unavailable` when WeChat does not answer
 * or refuses this app; within ten seconds.
 */
export interface WeChat {
  /** Which app it is. */
  readonly appid: string;
  /** The session of a code from `wx.login`; a code is good once. */
  exchange(code: string): Promise<WeChatSession>;
  /** Whether WeChat still knows the session. */
  isAlive(session: WeChatSession): Promise<boolean>;
}

export interface WeChatOptions {
  appid: string;
  secret: string;
  fetch: typeof fetch;
  /** `https://api.weixin.qq.com` */
  baseUrl?: string | undefined;
  /** Ms since the epoch. */
  now?: () => number;
}

const BASE_URL = 'https://api.weixin.qq.com';
const TIMEOUT_MS = 10_000;
/** A token of the app is asked for anew so long before it ends. */
const MARGIN_MS = 5 * 60_000;

/** What WeChat says of a code that is unknown, used, or of a user that it has blocked. */
const badCodes = new Set([40_029, 40_163, 40_226, 41_008]);
/** Of the app's own token, when it is over. */
const badTokens = new Set([40_001, 40_014, 42_001]);
/** Of a session that is over, or not this user's. */
const deadSessions = new Set([87_009, 40_003]);

type Answer = Record<string, unknown> & { errcode?: number };

/** WeChat's API for mini programs. */
export function createWeChat({
  appid,
  secret,
  fetch: fetchIt,
  baseUrl,
  now = Date.now,
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
      // The URL holds secrets: of a failure only its text goes on.
      throw down(messageOf(cause).replaceAll(secret, '***'));
    }
    if (typeof answer !== 'object' || answer === null) throw down('an answer that is no object');
    return answer as Answer;
  }

  /** The app's own token; `fresh`: the one before was refused. */
  async function appToken(fresh: boolean): Promise<string> {
    if (!fresh && token && token.until > now()) return token.text;
    const body = { grant_type: 'client_credential', appid, secret, ...(fresh && { force_refresh: true }) };
    // The stable token: asking for it ends no token that another process has.
    const { access_token: text, expires_in: seconds, errcode } = await ask('/cgi-bin/stable_token', {}, body);
    if (typeof text !== 'string' || typeof seconds !== 'number') throw down(`no token, ${errcode}`);
    token = { text, until: now() + seconds * 1000 - MARGIN_MS };
    return text;
  }

  return {
    appid,

    async exchange(code) {
      const query = { appid, secret, js_code: code, grant_type: 'authorization_code' };
      const { openid, session_key: sessionKey, errcode = 0 } = await ask('/sns/jscode2session', query);
      if (badCodes.has(errcode)) throw new AppError('unauthorized', 'The WeChat code is not good.');
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
      throw down('a token that it has just given');
    },
  };
}

/** How a session signs what is said about it: HMAC-SHA256 under the session key's text. */
export function signatureOf(sessionKey: string, text: string): string {
  return createHmac('sha256', sessionKey).update(text).digest('hex');
}

function down(why: string): AppError {
  return new AppError('unavailable', 'WeChat does not answer as it should; try again later.', {
    cause: new Error(`WeChat: ${why}`),
    retryAfterSeconds: 5,
  });
}
