import { TokenKindError } from '../../accounts/access.ts';
import { isRefreshToken } from '../../accounts/refresh-tokens.ts';
import { AppError } from '../../errors.ts';
import { readForm } from '../../server/body.ts';
import { bearerOf } from '../../server/intake.ts';
import { route, type Route } from '../../server/mount.ts';
import { knownRefreshToken } from '../refresh-cookie.ts';
import type { Parts } from '../dialect.ts';

/** A name, a password and a few words. */
const FORM_MAX_BYTES = 16 * 1024;
/** The life of an access token (contract 5). */
const DAY_MS = 24 * 3600_000;

const text = { type: 'string' } as const;
/** A sign-in with a password has no refresh token. */
const tokens = {
  type: 'object',
  required: ['access_token', 'token_type'],
  properties: { access_token: text, refresh_token: text, token_type: { const: 'bearer' } },
} as const;

/** The calls to sign in: with a password [RFC 6749 4.3], or with WeChat. */
export function createSessionRoutes({ accounts, wechat }: Pick<Parts, 'accounts' | 'wechat'>): Route[] {
  const { passwords } = accounts;
  return [
    route({
      method: 'POST',
      path: '/session/oauth2/token',
      summary: 'An access token for a name and a password, sent as a form; it is valid for a day.',
      access: 'open',
      form: {
        username: { example: 'grace' },
        password: { example: 'a lamp in every room' },
        grant_type: 'text',
        scope: 'text',
      },
      answer: tokens,
      async handle({ request, response, client }) {
        const {
          username,
          password,
          grant_type: grant = 'password',
        } = await readForm(request, response, FORM_MAX_BYTES);
        if (username === undefined || password === undefined || !/^(password)?$/.test(grant))
          throw new AppError(
            'invalid_request',
            'The form needs username and password; grant_type is "password" or missing.',
          );
        // There is no refresh token. So the sign-in ends with its access token.
        const life = { accessMs: DAY_MS, absoluteMs: DAY_MS };
        const who = { login: username };
        // A device that the user knows does not wait for the failed sign-ins of others (accounts/password-sign-ins.ts).
        const device = knownRefreshToken(request);
        const signedIn = await passwords.signIn({ who, password, client, device, ...life });
        return { access_token: signedIn.accessToken, token_type: 'bearer' };
      },
    }),
    route({
      method: 'GET',
      path: '/session/wechat/token',
      summary: 'Tokens for a code of WeChat. A new person becomes a user.',
      access: 'open',
      changes: 'for all',
      query: {
        type: 'object',
        required: ['code'],
        properties: { code: { type: 'string', minLength: 1, maxLength: 200 } },
      },
      answer: tokens,
      async handle({ query, client }) {
        const { accessToken, refreshToken } = await wechat.signIn(query.code, client);
        return { access_token: accessToken, refresh_token: refreshToken, token_type: 'bearer' };
      },
    }),
    route({
      method: 'GET',
      path: '/session/wechat/refresh',
      summary: 'New tokens for a refresh token, as long as the WeChat session is valid.',
      access: 'open',
      changes: 'for all',
      answer: tokens,
      async handle({ request, client }) {
        const token = bearerOf(request);
        if (token === undefined) throw new AppError('unauthorized', 'A refresh token is needed.');
        if (!isRefreshToken(token)) throw new TokenKindError('This is not a refresh token.');
        // The refresh token is the same one: it lives its 90 days (contract 5).
        const { accessToken, refreshToken } = await wechat.refresh(token, client);
        return { access_token: accessToken, refresh_token: refreshToken, token_type: 'bearer' };
      },
    }),
  ];
}
