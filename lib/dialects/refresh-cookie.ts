import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRefreshToken } from '../accounts/refresh-tokens.ts';
import { AppError } from '../errors.ts';
import { bearerOf } from '../server/intake.ts';
import { findCookie, setCookie } from './cookies.ts';

/** The name is the contract's (contract 4). */
const NAME = 'refresh_token';
/** The browser keeps the cookie as long as a sign-in may be unused (accounts/sign-ins.ts). */
const MAX_AGE_SECONDS = 30 * 24 * 3600;

/** Stores a refresh token in the browser, where no script reads it; `undefined` removes it. */
export function setRefreshCookie(response: ServerResponse, origin: string, token: string | undefined): void {
  const cookie = { name: NAME, value: token, path: '/', maxAgeSeconds: MAX_AGE_SECONDS } as const;
  // `strict`: no other site makes the browser send it.
  setCookie(response, origin, { ...cookie, sameSite: 'strict' });
}

/** The refresh token of an earlier sign-in that a request brings as its cookie; undefined without one. */
export function knownRefreshToken(request: IncomingMessage): string | undefined {
  const token = findCookie(request, NAME);
  return token !== undefined && isRefreshToken(token) ? token : undefined;
}

/**
 * The refresh token of a request: its bearer, else its cookie. Pages send their access token as the bearer of every call, so that
 * such a bearer does not hide the cookie. Throws `unauthorized` when neither is a refresh token.
 */
export function refreshTokenOf(request: IncomingMessage): string {
  const given = [bearerOf(request), findCookie(request, NAME)].filter((token) => token !== undefined);
  const token = given.find(isRefreshToken);
  if (token !== undefined) return token;
  const fault = given.length === 0 ? 'A refresh token is needed.' : 'This is not a refresh token.';
  throw new AppError('unauthorized', fault);
}
