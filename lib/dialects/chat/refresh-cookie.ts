import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRefreshToken } from '../../accounts/refresh-tokens.ts';
import { AppError } from '../../errors.ts';
import { bearerOf } from '../../server/intake.ts';

const NAME = 'refresh_token';

/** Lets the browser keep a refresh token where no script reads it; `undefined` makes it forget [RFC 6265 5.3]. */
export function setRefreshCookie(
  response: ServerResponse,
  origin: string,
  token: string | undefined,
  maxAgeSeconds = 30 * 24 * 3600,
): void {
  const secure = origin.startsWith('https:') ? '; Secure' : '';
  const age = token === undefined ? 0 : maxAgeSeconds;
  response.setHeader(
    'Set-Cookie',
    `${NAME}=${token ?? ''}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`,
  );
}

/** The refresh token of a request: its bearer, else its cookie. Throws `unauthorized` for none, and for an access token. */
export function refreshTokenOf(request: IncomingMessage): string {
  const token = bearerOf(request) ?? cookieOf(request);
  if (token === undefined) throw new AppError('unauthorized', 'A refresh token is needed.');
  if (!isRefreshToken(token)) throw new AppError('unauthorized', 'This is not a refresh token.');
  return token;
}

function cookieOf({ headers }: IncomingMessage): string | undefined {
  for (const part of headers.cookie?.split(';') ?? []) {
    const [name, value] = part.trim().split('=');
    if (name === NAME && value !== undefined && value !== '') return value;
  }
  return undefined;
}
