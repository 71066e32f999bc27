import { LRUCache } from 'lru-cache';
import { unlessAborted, withDeadline } from '../../common/deadline.ts';
import { isObject } from '../../common/json.ts';
import { decodeText } from '../../drivers/decode-text.ts';
import type { HttpContext, HttpDriver, HttpResponse } from '../../drivers/http.ts';
import { AppError } from '../../errors.ts';
import { encodeForm } from './body.ts';
import type { ClientGrant } from './security.ts';
import { parseServer } from './servers.ts';

const TOKENS_MAX_COUNT = 256;
/** A token is replaced this long before it expires, so that it does not expire on its way. */
const RENEW_EARLY_MS = 60_000;
/** The life of a token whose answer does not say it [RFC 6749 5.1]. */
const LIFE_DEFAULT_SECONDS = 3600;
const ANSWER_MAX_BYTES = 64 * 1024;
/** A request for a token is not tied to the call that needed it first: other calls may wait for the same token. */
const REQUEST_TIMEOUT_MS = 30_000;

interface Entry {
  token: Promise<string>;
  /** The token, once it has arrived. */
  text?: string;
  /** Infinity while the token is on its way. */
  expiresAtMs: number;
}

/**
 * The access tokens of the client-credentials grant [RFC 6749 4.4]. A token is requested once and kept until shortly
 * before it expires.
 *
 * Written by hand and not with `openid-client`: that package refuses an answer without `token_type`, which the token
 * endpoints of many devices leave out, and it does not try the credentials in the body after the header failed.
 */
export class DeviceTokens {
  readonly #http: HttpDriver;
  readonly #now: () => number;
  readonly #entries = new LRUCache<string, Entry>({ max: TOKENS_MAX_COUNT });

  constructor(http: HttpDriver, now: () => number = Date.now) {
    this.#http = http;
    this.#now = now;
  }

  /**
   * The token for a grant; a relative token URL is resolved against `base`. Rejects with an AppError: `unauthorized` or
   * `unavailable` with the answer of the token endpoint, `timeout` or `stopped` when the call cannot wait longer.
   */
  async tokenFor(grant: ClientGrant, base: string, { signal, timeoutMs }: HttpContext): Promise<string> {
    const { token } = this.#entryFor(grant, tokenUrlOf(grant, base));
    const late = (): AppError => new AppError('timeout', 'No access token in time');
    try {
      return await withDeadline(unlessAborted(token, signal), timeoutMs, late);
    } catch (error) {
      throw signal.aborted ? new AppError('stopped', 'Stopped before it was sent') : error;
    }
  }

  /** Forgets a token that the device refused. */
  forget(token: string): void {
    for (const [key, { text }] of this.#entries.entries()) if (text === token) this.#entries.delete(key);
  }

  /** The entry of a grant; a missing or expired token is requested once for all calls. */
  #entryFor(grant: ClientGrant, url: string): Entry {
    const key = JSON.stringify([url, grant.clientId, grant.clientSecret, grant.scopes.toSorted()]);
    const known = this.#entries.get(key);
    if (known !== undefined && known.expiresAtMs > this.#now()) return known;
    const entry: Entry = { token: Promise.resolve(''), expiresAtMs: Number.POSITIVE_INFINITY };
    entry.token = this.#request(grant, url, entry);
    entry.token.catch(() => this.#entries.delete(key));
    this.#entries.set(key, entry);
    return entry;
  }

  /** Requests a token and notes when it expires. */
  async #request(grant: ClientGrant, url: string, entry: Entry): Promise<string> {
    const response = await this.#postGrant(grant, url);
    const answer = parseAnswer(response);
    const token = answer['access_token'];
    if (response.statusCode !== 200 || typeof token !== 'string')
      throw tokenError(url, response, answer['error']);
    const seconds = Number(answer['expires_in'] ?? LIFE_DEFAULT_SECONDS);
    const lifeMs = (Number.isFinite(seconds) ? seconds : LIFE_DEFAULT_SECONDS) * 1000;
    entry.expiresAtMs = this.#now() + Math.max(lifeMs - RENEW_EARLY_MS, lifeMs / 2);
    entry.text = token;
    return token;
  }

  /** Sends the grant with the credentials in the header, and once more in the body. */
  async #postGrant({ clientId, clientSecret, scopes }: ClientGrant, url: string): Promise<HttpResponse> {
    const pair = Buffer.from(`${formPart(clientId)}:${formPart(clientSecret)}`).toString('base64');
    const scope = scopes.length === 0 ? {} : { scope: scopes.join(' ') };
    const form = { grant_type: 'client_credentials', ...scope };
    const response = await this.#post(url, encodeForm(form), { authorization: `Basic ${pair}` });
    if (response.statusCode !== 400 && response.statusCode !== 401) return response;
    // Servers must accept the header, but many read only the body [RFC 6749 2.3.1].
    return this.#post(url, encodeForm({ ...form, client_id: clientId, client_secret: clientSecret }), {});
  }

  /** Sends a form to the token endpoint, through the egress like every request. */
  #post(url: string, body: string, headers: Record<string, string>): Promise<HttpResponse> {
    const { origin, pathname, search } = new URL(url);
    const form = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    return this.#http.exchange(
      {
        method: 'POST',
        origin,
        path: pathname + search,
        headers: { ...headers, ...form },
        body,
        effect: 'write',
      },
      { signal: new AbortController().signal, timeoutMs: REQUEST_TIMEOUT_MS },
      ANSWER_MAX_BYTES,
    );
  }
}

/** The URL of a grant's token endpoint; a relative one is resolved against `base`. Throws a SpecError for one that is not http(s). */
export function tokenUrlOf({ tokenUrl }: ClientGrant, base: string): string {
  parseServer(tokenUrl === '' ? 'none:' : tokenUrl, base);
  return new URL(tokenUrl, base).href;
}

/** The error of a token endpoint: its message holds the endpoint's own error code, and no secret. */
function tokenError(tokenUrl: string, response: HttpResponse, error: unknown): AppError {
  // The grant holds the client's secret: a redirect of it is never followed.
  const { location } = response.headers;
  const told = typeof error === 'string' ? `, ${error}` : '';
  const leads =
    location === undefined ? '' : `, which redirects to ${location.split(/[?#]/)[0]}; give that token URL`;
  const reason = response.error?.message ?? `HTTP ${response.statusCode}${told}${leads}`;
  const code = response.statusCode === undefined ? 'unavailable' : 'unauthorized';
  return new AppError(code, `No access token from ${tokenUrl.split('?')[0]}: ${reason}`);
}

/** The answer of a token endpoint; empty for a body that is no JSON object. */
function parseAnswer({ bytes }: HttpResponse): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(decodeText(bytes));
    return isObject(value) ? value : {};
  } catch {
    return {}; // The answer has no token then, and that is reported.
  }
}

/** A client id or secret in the form of the header [RFC 6749 2.3.1]. */
function formPart(text: string): string {
  return encodeURIComponent(text).replaceAll('%20', '+');
}
