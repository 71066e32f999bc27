import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRefreshToken } from '../accounts/refresh-tokens.ts';
import { AppError } from '../errors.ts';
import { bearerOf } from '../server/intake.ts';
import { findCookie, setCookie } from './cookies.ts';

const NAME = 'refresh_token';
const MAX_AGE_SECONDS = 30 * 24 * 3600;

/** Stores a refresh token in the browser, where no script reads it; `undefined` removes it. */
export function setRefreshCookie(response: ServerResponse, origin: string, token: string | undefined): void {
  const cookie = { name: NAME, value: token, path: '/', maxAgeSeconds: MAX_AGE_SECONDS } as const;
  setCookie(response, origin, { ...cookie, sameSite: 'strict' });
}

/** The refresh token of an earlier sign-in that a request brings as its cookie; undefined without one. */
export function knownRefreshToken(request: IncomingMessage): string | undefined {
  const token = findCookie(request, NAME);
  return token !== undefined && isRefreshToken(token) ? token : undefined;
}

/** The refresh token of a request: its bearer, else its cookie. Throws `unauthorized` for none, and for an access token. */
export function refreshTokenOf(request: IncomingMessage): string {
  const token = bearerOf(request) ?? findCookie(request, NAME);
  if (token === undefined) throw new AppError('unauthorized', 'A refresh token is needed.');
  if (!isRefreshToken(token)) throw new AppError('unauthorized', 'This is not a refresh token.');
  return token;
}
