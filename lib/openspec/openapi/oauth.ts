import { isObject } from '../../common/json.ts';
import { AppError } from '../../errors.ts';
import type { HttpContext, HttpDriver, HttpResponse } from '../../drivers/http.ts';
import type { Grant } from './security.ts';
import { parseServer } from './servers.ts';
import { encodeForm } from './body.ts';

/** Access tokens for client credentials, asked for once and kept until shortly before they expire. */
export interface Tokens {
  /** Rejects with an AppError `unauthorized` or `unavailable` that says what the token endpoint said. */
  tokenFor(grant: Grant, base: string, context: HttpContext): Promise<string>;
  /** Forgets a token that the device refused. */
  forget(token: string): void;
}

const KEPT_MAX_COUNT = 256;
const EARLY_MS = 60_000;
const TOKEN_MAX_BYTES = 64 * 1024;
/** Asking is not tied to the call that asked first: others may wait for the same token. */
const ASK_TIMEOUT_MS = 30_000;

interface Kept {
  token: Promise<string>;
  text?: string;
  expiresAt: number;
}

/** Opens an empty set of tokens. */
export function openTokens(http: HttpDriver, now: () => number = Date.now): Tokens {
  const kept = new Map<string, Kept>();

  async function ask(grant: Grant, url: string, entry: Kept): Promise<string> {
    const header = Buffer.from(`${formPart(grant.clientId)}:${formPart(grant.clientSecret)}`).toString(
      'base64',
    );
    const scope = grant.scopes.length === 0 ? {} : { scope: grant.scopes.join(' ') };
    const body = { grant_type: 'client_credentials', ...scope };
    let response = await post(url, encodeForm(body), { authorization: `Basic ${header}` });
    // Servers have to take the header, but many only read the body [RFC 6749 2.3.1].
    if (response.statusCode === 400 || response.statusCode === 401) {
      const { clientId, clientSecret } = grant;
      response = await post(
        url,
        encodeForm({ ...body, client_id: clientId, client_secret: clientSecret }),
        {},
      );
    }
    const answer = parse(response);
    const token = answer['access_token'];
    if (response.statusCode !== 200 || typeof token !== 'string')
      throw refused(url, response, answer['error']);
    const seconds = Number(answer['expires_in'] ?? 3600);
    const lifeMs = (Number.isFinite(seconds) ? seconds : 3600) * 1000;
    entry.expiresAt = now() + Math.max(lifeMs - EARLY_MS, lifeMs / 2);
    entry.text = token;
    return token;
  }

  function post(url: string, body: string, headers: Record<string, string>): Promise<HttpResponse> {
    const { origin, pathname, search } = new URL(url);
    return http.exchange(
      {
        method: 'POST',
        origin,
        path: pathname + search,
        headers: {
          ...headers,
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        },
        body,
        effect: 'write',
      },
      { signal: new AbortController().signal, timeoutMs: ASK_TIMEOUT_MS },
      TOKEN_MAX_BYTES,
    );
  }

  return {
    async tokenFor(grant, base, { signal, timeoutMs }) {
      const url = tokenUrl(grant, base);
      const key = JSON.stringify([url, grant.clientId, grant.clientSecret, [...grant.scopes].sort()]);
      let entry = kept.get(key);
      if (entry === undefined || entry.expiresAt <= now()) {
        const fresh: Kept = { token: Promise.resolve(''), expiresAt: Number.POSITIVE_INFINITY };
        fresh.token = ask(grant, url, fresh);
        fresh.token.catch(() => kept.delete(key));
        entry = fresh;
        kept.set(key, entry);
        const [oldest] = kept.keys();
        if (kept.size > KEPT_MAX_COUNT && oldest !== undefined) kept.delete(oldest);
      }
      return within(entry.token, signal, timeoutMs);
    },
    forget(token) {
      for (const [key, entry] of kept) if (entry.text === token) kept.delete(key);
    },
  };
}

function tokenUrl({ tokenUrl }: Grant, base: string): string {
  parseServer(tokenUrl === '' ? 'none:' : tokenUrl, base); // refuses what is no http(s) URL
  return new URL(tokenUrl, base).href;
}

function refused(tokenUrl: string, response: HttpResponse, error: unknown): AppError {
  const reason =
    response.error?.message ?? `HTTP ${response.statusCode}${typeof error === 'string' ? `, ${error}` : ''}`;
  const code = response.statusCode === undefined ? 'unavailable' : 'unauthorized';
  return new AppError(code, `No access token from ${tokenUrl.split('?')[0]}: ${reason}`);
}

function parse({ bytes }: HttpResponse): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isObject(value) ? value : {};
  } catch {
    return {}; // then it has no token, which is what is reported
  }
}

function formPart(text: string): string {
  return encodeURIComponent(text).replaceAll('%20', '+');
}

async function within<T>(work: Promise<T>, signal: AbortSignal, timeoutMs: number): Promise<T> {
  const { promise: ended, resolve: end } = deferred<AppError>();
  const timer = setTimeout(() => end(new AppError('timeout', 'No access token in time')), timeoutMs);
  const stop = () => end(new AppError('stopped', 'Stopped before it was sent'));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const first = await Promise.race([work, ended]);
    if (first instanceof AppError) throw first;
    return first;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
