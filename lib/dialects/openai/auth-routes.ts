import type { IncomingMessage } from 'node:http';
import { isRefreshToken } from '../../accounts/refresh-tokens.ts';
import type { Tokens } from '../../accounts/sign-ins.ts';
import { AppError } from '../../errors.ts';
import { bearerOf } from '../../server/intake.ts';
import { route, type Route } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';

const text = { type: 'string', minLength: 1, maxLength: 2000 } as const;

/** The answer of a sign-in. */
const tokensSchema = {
  type: 'object',
  required: ['token', 'token_type', 'expires_in', 'refresh_token', 'user'],
  properties: {
    token: { type: 'string' },
    token_type: { const: 'Bearer' },
    /** In seconds. */
    expires_in: { type: 'integer' },
    refresh_token: { type: 'string' },
    user: {
      type: 'object',
      required: ['uuid', 'name'],
      properties: { uuid: { type: 'string' }, name: { type: 'string' } },
    },
  },
} as const;

type AuthParts = Pick<Parts, 'accounts' | 'access'>;

/** The calls to sign in and out, for programs. People have pages (page-routes.ts). */
export function authRoutes(parts: AuthParts): Route[] {
  return [exchange(parts), sendText(parts), verifyText(parts), refresh(parts), logout(parts)];
}

/** The browser brings a code back, not a token: an address ends up in histories and logs. */
function exchange({ accounts: { signInCodes } }: AuthParts): Route {
  return route({
    method: 'POST',
    path: '/auth/exchange',
    summary: 'Tokens for the code that a browser brought back. The code is valid once, for a minute.',
    access: 'open',
    bodyLenient: true,
    body: {
      type: 'object',
      required: ['code'],
      examples: [{ code: 'the code in the address' }],
      properties: { code: text },
    },
    answer: tokensSchema,
    handle: async ({ body, client }) => formatTokens(await signInCodes.exchange({ code: body.code, client })),
  });
}

/**
 * Always 202, whether the telephone belongs to a user or not, so that nobody can try numbers. Limits per number and client are
 * the accounts' work.
 */
function sendText({ accounts: { textCodes } }: AuthParts): Route {
  return route({
    method: 'POST',
    path: '/auth/sms/send',
    summary: 'Sends a code to a telephone.',
    access: 'open',
    bodyLenient: true,
    status: 202,
    body: {
      type: 'object',
      required: ['telephone'],
      examples: [{ telephone: '+86 138 0013 8000' }],
      properties: { telephone: text },
    },
    answer: {
      type: 'object',
      required: ['object', 'sent'],
      properties: { object: { const: 'sms' }, sent: { const: true } },
    },
    async handle({ body, client }) {
      await textCodes.send(body.telephone, client);
      return { object: 'sms', sent: true };
    },
  });
}

/** The first sign-in with a telephone number makes a user. */
function verifyText({ accounts: { textCodes } }: AuthParts): Route {
  return route({
    method: 'POST',
    path: '/auth/sms/verify',
    summary: 'Tokens for the code that was sent to a telephone.',
    access: 'open',
    bodyLenient: true,
    body: {
      type: 'object',
      required: ['telephone', 'code'],
      examples: [{ telephone: '+86 138 0013 8000', code: '123456' }],
      properties: { telephone: text, code: text },
    },
    answer: tokensSchema,
    handle: async ({ body: { telephone, code }, client }) =>
      formatTokens(await textCodes.signIn({ telephone, code, client })),
  });
}

/** The old refresh token is used up. Its second use ends the sign-in: one of the two clients has stolen it. */
function refresh({ accounts: { signIns } }: AuthParts): Route {
  return route({
    method: 'POST',
    path: '/auth/refresh',
    summary: 'New tokens for a refresh token, which is valid once.',
    access: 'open',
    bodyLenient: true,
    body: {
      type: 'object',
      required: ['refresh_token'],
      examples: [{ refresh_token: 'the newest refresh token' }],
      properties: { refresh_token: text },
    },
    answer: tokensSchema,
    handle: async ({ body, client }) => formatTokens(await signIns.refresh(body.refresh_token, client)),
  });
}

/** Ends one sign-in, with all its tokens, and closes its open connections. */
function logout(parts: AuthParts): Route {
  const {
    accounts: { signIns },
  } = parts;
  return route({
    method: 'POST',
    path: '/auth/logout',
    summary: 'Signs out. Needs the refresh token, or one of its access tokens as a bearer.',
    access: 'open',
    bodyLenient: true,
    body: {
      type: 'object',
      examples: [{ refresh_token: 'the newest refresh token' }],
      properties: { refresh_token: text },
    },
    answer: {
      type: 'object',
      required: ['object', 'deleted'],
      properties: { object: { const: 'session.deleted' }, deleted: { const: true } },
    },
    async handle({ body, request, client }) {
      const { uuid, id } = await shown(parts, request, body.refresh_token, client.address);
      await signIns.end(uuid, id, client);
      return { object: 'session.deleted', deleted: true };
    },
  });
}

/**
 * The sign-in that a client shows: by its refresh token, or by one of its access tokens. Throws `unauthorized` for a bad or missing
 * token, and `forbidden` for a key, which has no sign-in.
 */
async function shown(
  { accounts: { signIns }, access }: AuthParts,
  request: IncomingMessage,
  refreshToken: string | undefined,
  address: string,
) {
  const token = refreshToken ?? bearerOf(request);
  if (token === undefined)
    throw new AppError('unauthorized', 'A token is needed, to say which sign-in ends.');
  if (isRefreshToken(token)) {
    const { signIn, user } = await signIns.find(token);
    return { uuid: user.uuid, id: signIn.id };
  }
  const caller = await access.identify(token, { dialect: 'openai', address });
  // The bearer may be a key, which acts for its user without a sign-in.
  const { credential } = accountOf(caller);
  if (credential.kind !== 'signIn') throw new AppError('forbidden', 'A key is revoked, not signed out.');
  return { uuid: caller.id, id: credential.id };
}

/** The tokens on the wire; `expires_in` is in seconds [RFC 6749 5.1]. The name `token` is the seed's. */
function formatTokens({ accessToken, expiresInSeconds, refreshToken, user }: Tokens) {
  return {
    token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresInSeconds,
    refresh_token: refreshToken,
    user: { uuid: user.uuid, name: user.name },
  };
}
