import type { Tokens } from '../../accounts/sign-ins.ts';
import type { Users } from '../../accounts/users.ts';
import { AppError } from '../../errors.ts';
import { route, type Call, type Route } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { Refusal, samePassword } from '../refusal.ts';
import { knownRefreshToken, refreshTokenOf, setRefreshCookie } from '../refresh-cookie.ts';

const text = { type: 'string' } as const;
/** A pair of tokens [RFC 6749 5.1]. */
const pair = {
  type: 'object',
  required: ['access_token', 'refresh_token', 'token_type'],
  properties: { access_token: text, refresh_token: text, token_type: { const: 'bearer' } },
} as const;
const nothing = { type: 'object' } as const;

type AccountParts = Pick<Parts, 'accounts'>;

/** The calls to register, to sign in and out, and to change one's own account. */
export function createAccountRoutes(parts: AccountParts): Route[] {
  return [
    register(parts),
    login(parts),
    refresh(parts),
    readMe(parts),
    changeUsername(parts),
    changeEmail(parts),
    changePassword(parts),
    logout(parts),
  ];
}

/** A taken e-mail or name is 409: a person who registers has to know. */
function register({ accounts: { passwords, signIns } }: AccountParts): Route {
  return route({
    method: 'POST',
    path: '/user/register',
    summary: 'Registers a user, and signs in.',
    access: 'open',
    body: {
      type: 'object',
      required: ['email', 'username', 'password'],
      examples: [{ email: 'ada@agent.example', username: 'ada', password: 'a lamp in every room' }],
      properties: { email: text, username: text, password: text },
    },
    answer: pair,
    async handle(call) {
      const { email, username, password } = call.body;
      const { uuid } = await passwords.register({ email, username, password }, call.client);
      return pairOf(call, await signIns.begin(uuid, { method: 'password', client: call.client }));
    },
  });
}

/** One text and one timing for every cause, so that nobody learns which e-mails are users. */
function login({ accounts: { passwords } }: AccountParts): Route {
  return route({
    method: 'POST',
    path: '/user/login',
    summary: 'Signs in with e-mail and password.',
    access: 'open',
    body: {
      type: 'object',
      required: ['email', 'password'],
      examples: [{ email: 'ada@agent.example', password: 'a lamp in every room' }],
      properties: { email: text, password: text },
    },
    answer: pair,
    async handle(call) {
      const { email, password } = call.body;
      const { client, request } = call;
      // A device that the user knows does not wait for the failed sign-ins of others (accounts/password-sign-ins.ts).
      const device = knownRefreshToken(request);
      return pairOf(call, await passwords.signIn({ who: { email }, password, client, device }));
    },
  });
}

/**
 * Takes the token as bearer or as cookie. For ten seconds the old one gets the same new pair: a client may have lost the answer.
 */
function refresh({ accounts: { signIns } }: AccountParts): Route {
  return route({
    method: 'POST',
    path: '/user/refresh',
    summary: 'Exchanges a refresh token for a new pair of tokens.',
    access: 'open',
    answer: pair,
    async handle(call) {
      return pairOf(call, await signIns.refresh(refreshTokenOf(call.request), call.client));
    },
  });
}

/** Never the password or its hash, although the seed lists it. */
function readMe({ accounts: { users } }: AccountParts): Route {
  return route({
    method: 'GET',
    path: '/user/me',
    summary: 'Shows the user that is signed in.',
    access: 'look',
    answer: {
      type: 'object',
      required: ['username', 'email', 'groups'],
      properties: {
        username: text,
        email: { type: ['string', 'null'] },
        groups: { type: 'array', items: text },
      },
    },
    async handle({ caller }) {
      accountOf(caller);
      const user = await users.find(caller.id);
      if (!user) throw new AppError('unauthorized', 'The user is gone.');
      return { username: user.username ?? user.name, email: user.email, groups: [user.role] };
    },
  });
}

/** The name is trimmed: a name that differs only by spaces looks like another user's. */
function changeUsername({ accounts: { users } }: AccountParts): Route {
  return route({
    method: 'POST',
    path: '/user/me/username',
    summary: 'Changes the username.',
    access: 'change the account',
    status: 202,
    body: {
      type: 'object',
      required: ['username'],
      examples: [{ username: 'ada.lovelace' }],
      properties: { username: text },
    },
    answer: nothing,
    handle: (call) => changeUser(users, call, { username: call.body.username.trim() }),
  });
}

/**
 * The owner of an e-mail can take over its account one day. So a new e-mail needs the same proof as a new password. Pages read
 * the e-mail from their token, and expect a new pair of tokens.
 */
function changeEmail({ accounts: { users, passwords, signIns } }: AccountParts): Route {
  return route({
    method: 'POST',
    path: '/user/me/email',
    summary: 'Changes the e-mail, with the password or after a fresh sign-in.',
    access: 'change the account',
    status: 202,
    body: {
      type: 'object',
      required: ['email'],
      examples: [{ email: 'ada@home.example' }],
      properties: { email: text, password: text },
    },
    answer: pair,
    async handle(call) {
      const { caller, client, body } = call;
      const { signedInAt } = accountOf(caller);
      await passwords.prove({ uuid: caller.id }, { signedInAt, password: body.password, client });
      await changeUser(users, call, { email: body.email.trim() });
      return pairOf(call, await signIns.begin(caller.id, { method: 'password', client }));
    },
  });
}

/**
 * The refresh token proves that the device is the user's; the old password, or a fresh sign-in, proves the user. Faults are 400
 * here (contract 4).
 */
function changePassword({ accounts: { passwords, signIns } }: AccountParts): Route {
  return route({
    method: 'POST',
    path: '/user/me/password',
    summary: 'Changes the password and signs out everywhere else; needs a refresh token.',
    access: 'open',
    body: {
      type: 'object',
      required: ['password'],
      examples: [{ password: 'a lamp in each room', old_password: 'a lamp in every room' }],
      properties: { password: text, old_password: text },
    },
    answer: pair,
    async handle(call) {
      // The refresh token is the credential, so that the route itself is open.
      const { signIn, user } = await signIns.find(refreshTokenOf(call.request));
      const { password, old_password: old } = call.body;
      const { client } = call;
      const proof = { signedInAt: signIn.createdAt, client, ...(old !== undefined && { password: old }) };
      await passwords.prove(user, proof);
      if (await passwords.has(user.uuid, password)) throw samePassword();
      await passwords.set(user.uuid, password, { ...client, by: user.uuid }).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'invalid_request')
          throw new Refusal(400, error.message);
        throw error;
      });
      // The change has ended all sign-ins, also that of this device.
      return pairOf(call, await signIns.begin(user.uuid, { method: 'password', client }));
    },
  });
}

/** Takes the refresh token as bearer or as cookie: a page cannot read its own HttpOnly cookie. */
function logout({ accounts: { signIns } }: AccountParts): Route {
  return route({
    method: 'POST',
    path: '/user/logout',
    summary: 'Signs out; needs a refresh token.',
    access: 'open',
    answer: nothing,
    async handle({ request, response, origin, client }) {
      const token = refreshTokenOf(request);
      // The browser forgets the cookie also when it holds an old token.
      setRefreshCookie(response, origin, undefined);
      const { signIn, user } = await signIns.find(token);
      await signIns.end(user.uuid, signIn.id, client);
      return {};
    },
  });
}

/** The answer of a sign-in; a browser gets the refresh token as a cookie, too. */
function pairOf({ response, origin }: Call, { accessToken, refreshToken }: Tokens) {
  setRefreshCookie(response, origin, refreshToken);
  return { access_token: accessToken, refresh_token: refreshToken, token_type: 'bearer' };
}

/** Changes one field. The same value as before is 400 in this contract, because clients show that as a fault of the form. */
async function changeUser(
  users: Users,
  { caller, client }: Call,
  changes: { username?: string; email?: string },
) {
  accountOf(caller);
  const user = await users.find(caller.id);
  // The callers change one field each.
  const [[field, wanted] = ['', '']] = Object.entries(changes);
  if (user?.[field as 'username' | 'email'] === wanted)
    throw new Refusal(400, `The ${field} is the same as before.`);
  await users.change(caller.id, changes, { ...client, by: caller.id });
  return {};
}
