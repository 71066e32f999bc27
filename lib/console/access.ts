import { signal } from '@preact/signals';
import { bearer, call, CallError, renewal } from './api.ts';

/** How people come in (`GET /api/access`). */
export interface Entrance {
  /** `none`: everybody is the operator, and nobody signs in. */
  auth: 'none' | 'required';
  /** `approval`: anybody may make an account, and an admin lets it use devices. */
  registration: 'open' | 'approval' | 'closed';
  ways: ('password' | 'telephone' | 'token')[];
  /** Other servers to sign in at; `name` is for the address, `title` for people. */
  providers: { name: string; title: string }[];
}

/** The way in; undefined until the server has said it. */
export const entrance = signal<Entrance | undefined>(undefined);
/** Whether the page may call: no token is needed, or there is one. */
export const isInside = signal(false);
/** The name of the user; undefined where there is none. */
export const userName = signal<string | undefined>(undefined);

const KEPT = 'lite-agent.token';
/** A tab that closes forgets the token. The refresh token is in a cookie that no script can read. */
const kept = (): string | undefined => sessionStorage.getItem(KEPT) ?? undefined;

/** Asks how people come in, and takes up an earlier sign-in. Rejects with a CallError. */
export async function enter(): Promise<void> {
  renewal.renew = renew;
  entrance.value = await call<Entrance>('GET', '/api/access');
  if (entrance.value.auth === 'none') {
    isInside.value = true;
    return;
  }
  const code = takeCode();
  if (code !== undefined) await useCode(code).catch(() => undefined);
  if (bearer.value === undefined && kept() !== undefined) bearer.value = kept();
  // The cookie of an earlier visit.
  if (bearer.value === undefined) await renew();
  if (bearer.value !== undefined) await learnName();
  isInside.value = bearer.value !== undefined;
}

/** The code that a provider's redirect brought; it is removed from the address. */
function takeCode(): string | undefined {
  const code = new URLSearchParams(location.search).get('code') ?? undefined;
  if (code !== undefined) history.replaceState(null, '', location.pathname + location.hash);
  return code;
}

/** The answer of a sign-in. The refresh token beside it is in a cookie. */
interface Pair {
  access_token: string;
}
/** The answer of a sign-in that sets no cookie by itself. */
interface NewTokens {
  refresh_token: string;
}

/** Signs in with the code of a provider's redirect. A code is good once. */
async function useCode(code: string): Promise<void> {
  await keepCookie(await call<NewTokens>('POST', '/auth/exchange', { code }));
}

/** Exchanges a refresh token for a cookie that no script can read. */
async function keepCookie({ refresh_token: token }: NewTokens): Promise<void> {
  bearer.value = token;
  const { access_token: access } = await call<Pair>('POST', '/user/refresh');
  bearer.value = access;
}

/** Signs in with a name or an e-mail. Only the sign-in with an e-mail leaves a cookie; that with a name lasts a day. */
export async function signInWithPassword(login: string, password: string): Promise<void> {
  if (login.includes('@')) {
    bearer.value = (await call<Pair>('POST', '/user/login', { email: login, password })).access_token;
  } else {
    const form = new URLSearchParams({ username: login, password });
    // A form, as OAuth 2 wants it [RFC 6749 4.3.2]; `call` sends JSON.
    const answer = await fetch('/api/v1/session/oauth2/token', { method: 'POST', body: form });
    const value = (await answer.json()) as Partial<Pair> & { message?: string; detail?: string };
    if (value.access_token === undefined)
      throw new CallError(answer.status, value.message ?? value.detail ?? answer.statusText);
    bearer.value = value.access_token;
    sessionStorage.setItem(KEPT, value.access_token);
  }
  await come();
}

/** Makes an account, and signs in. */
export async function register(person: { email: string; username: string; password: string }): Promise<void> {
  bearer.value = (await call<Pair>('POST', '/user/register', person)).access_token;
  await come();
}

/** Sends a code to a telephone. */
export async function sendCode(telephone: string): Promise<void> {
  await call('POST', '/auth/sms/send', { telephone });
}

/** Signs in with the code that a telephone got. */
export async function signInWithCode(telephone: string, code: string): Promise<void> {
  await keepCookie(await call<NewTokens>('POST', '/auth/sms/verify', { telephone, code }));
  await come();
}

/** Signs in with a token or a key, after a look whether the server takes it. */
export async function signInWithToken(token: string): Promise<void> {
  bearer.value = token.trim();
  try {
    await call('GET', '/api/sessions');
  } catch (error) {
    bearer.value = undefined;
    throw error;
  }
  sessionStorage.setItem(KEPT, token.trim());
  await come();
}

/** The page shows its parts when there is a token that the server has taken. */
async function come(): Promise<void> {
  await learnName();
  isInside.value = true;
}

async function learnName(): Promise<void> {
  // The operator has a token and no account.
  userName.value = await call<{ username: string }>('GET', '/user/me').then(
    ({ username }) => username,
    () => undefined,
  );
}

let renewing: Promise<boolean> | undefined;

/** Gets a new access token by the cookie. Calls that need it at the same time share one request: the cookie is good once. */
function renew(): Promise<boolean> {
  renewing ??= fetch('/user/refresh', { method: 'POST' })
    .then(async (answer) => {
      bearer.value = answer.ok ? ((await answer.json()) as Pair).access_token : undefined;
      sessionStorage.removeItem(KEPT);
      if (!answer.ok) isInside.value = false;
      return answer.ok;
    })
    .catch(() => false)
    .finally(() => (renewing = undefined));
  return renewing;
}

/** Signs out, and forgets the token. */
export async function signOut(): Promise<void> {
  await fetch('/user/logout', { method: 'POST' }).catch(() => undefined);
  sessionStorage.removeItem(KEPT);
  bearer.value = undefined;
  userName.value = undefined;
  isInside.value = false;
}
