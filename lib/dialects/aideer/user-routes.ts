import type { IncomingMessage } from 'node:http';
import { may, requirePermission, type Action } from '../../accounts/permissions.ts';
import type { User } from '../../accounts/users.ts';
import type { Principal } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import { bearerOf } from '../../server/intake.ts';
import { route, type Call, type Route } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { samePassword } from '../refusal.ts';
import {
  anything,
  list,
  message,
  permissionOf,
  refuseChanges,
  sortedPageOf,
  sortedPageQuery,
  storable,
} from './shapes.ts';
import { findUser } from './find-user.ts';
import { formatUser } from './user-shape.ts';

const username = { type: 'string', minLength: 2, maxLength: 50, pattern: storable } as const;
const nickname = { type: 'string', minLength: 1, maxLength: 50, pattern: storable } as const;
/** Its length and its strength are checked by the accounts. */
const password = { type: 'string' } as const;
/** The columns of order_by. Users have no title; their name takes its place. */
const orders = { title: 'name', id: 'id', created_at: 'created_at', updated_at: 'updated_at' } as const;

/** Fields that only the server sets. */
const fixed = {
  id: { type: 'integer' },
  permission: { type: 'integer' },
  credits_left: { type: 'integer' },
} as const;

type UserParts = Pick<Parts, 'accounts' | 'chats' | 'presets' | 'modelConfigs' | 'objects' | 'ledger'>;

/** The users. A role is never taken from a body. */
export function createUserRoutes(parts: UserParts): Route[] {
  return [
    listUsers(parts),
    createUser(parts),
    readMe(parts),
    changeOwnPassword(parts),
    readUser(parts),
    changeUser(parts),
    removeUser(parts),
    setPassword(parts),
    approveUser(parts),
  ];
}

/** Only admins see other users: names are personal data. */
function listUsers(parts: UserParts): Route {
  const {
    accounts: { users },
  } = parts;
  return route({
    method: 'GET',
    path: '/users',
    summary: 'The users, for admins.',
    access: 'manage users',
    query: sortedPageQuery,
    answer: list,
    async handle({ query, origin }) {
      const { orderBy, ...page } = sortedPageOf(query);
      const found = await users.list({ ...page, orderBy: orders[orderBy] });
      return Promise.all(found.users.map((user) => formatUser(parts, user, origin)));
    },
  });
}

/**
 * Always with permission 1: a permission in the body is ignored (a hole of the original). Strangers register, where
 * REGISTRATION lets them; a user that an admin makes is approved.
 */
function createUser(parts: UserParts): Route {
  const {
    accounts: { passwords, access },
  } = parts;
  /** Whether the request has the token of somebody who may make users. A bad token is no fault: the call is open. */
  async function isOfAdmin(request: IncomingMessage, address: string): Promise<boolean> {
    const token = bearerOf(request);
    if (token === undefined) return false;
    const caller = await access.identify(token, { dialect: 'aideer', address }).catch(() => undefined);
    return caller !== undefined && may(caller, 'manage users');
  }
  return route({
    method: 'POST',
    path: '/users',
    summary: 'Registers a user; with the token of an admin, makes one.',
    access: 'open',
    body: {
      type: 'object',
      required: ['username', 'password'],
      examples: [{ username: 'grace', password: 'a lamp in every room', nickname: 'Grace' }],
      properties: { username, password, nickname },
    },
    answer: anything,
    async handle({ body, client, request, origin }) {
      const { nickname: name = body.username } = body;
      const user = { username: body.username, password: body.password, name };
      const make = (await isOfAdmin(request, client.address)) ? 'create' : 'register';
      return formatUser(parts, await passwords[make](user, client), origin);
    },
  });
}

/** The client asks for this first, to learn its own id, permission and credits. */
function readMe(parts: UserParts): Route {
  return route({
    method: 'GET',
    path: '/users/me',
    summary: 'Shows the user that is signed in.',
    access: 'look',
    answer: anything,
    handle: async ({ caller, origin }) => formatUser(parts, await findMe(parts, caller), origin),
  });
}

/** Needs the old password or a sign-in of the last ten minutes, so that a stolen token alone cannot take over the account. */
function changeOwnPassword(parts: UserParts): Route {
  const {
    accounts: { passwords },
  } = parts;
  return route({
    method: 'PUT',
    path: '/users/me/password',
    summary: 'Changes the password, with the old one or after a fresh sign-in; ends all sign-ins.',
    access: 'change the account',
    body: {
      type: 'object',
      required: ['new_password'],
      examples: [{ old_password: 'a lamp in every room', new_password: 'a lamp in each room' }],
      properties: { old_password: password, new_password: password },
    },
    answer: message,
    async handle({ caller, body, client }) {
      const { uuid } = await findMe(parts, caller);
      const { signedInAt } = accountOf(caller);
      const { old_password: old, new_password: wanted } = body;
      await passwords.prove({ uuid }, { signedInAt, client, password: old });
      if (await passwords.has(uuid, wanted)) throw samePassword();
      await passwords.set(uuid, wanted, { ...client, by: uuid });
      return { message: 'The password is changed: sign in again.' };
    },
  });
}

/** Another user's profile is forbidden, so that ids cannot be walked through. */
function readUser(parts: UserParts): Route {
  return route({
    method: 'GET',
    path: '/users/:id',
    summary: 'Shows a user, to itself and to admins.',
    access: 'look',
    answer: anything,
    handle: async (call) => formatUser(parts, await managed(parts, call, 'look'), call.origin),
  });
}

/** Changes names only. Nobody gets rights or credits from a body (a hole of the original), and a password has a call of its own. */
function changeUser(parts: UserParts): Route {
  const {
    accounts: { users },
  } = parts;
  return route({
    method: 'PUT',
    path: '/users/:id',
    summary: 'Changes the names of a user.',
    access: 'look',
    body: {
      type: 'object',
      examples: [{ nickname: 'Grace H.' }],
      properties: { username, nickname, password, ...fixed },
    },
    answer: anything,
    async handle(call) {
      const { uuid, id, role } = await managed(parts, call, 'change the account');
      const credits = await parts.ledger.balance(uuid);
      // A client may send back the fields that it got. A password is refused: it has a call of its own.
      const own = { id, permission: permissionOf(role), credits_left: credits, password: undefined };
      refuseChanges(call.body, own);
      const { username: login, nickname: name } = call.body;
      const changes = {
        ...(login !== undefined && { username: login }),
        ...(name !== undefined && { name }),
      };
      const changed = await users.change(uuid, changes, { ...call.client, by: call.caller.id });
      return formatUser(parts, changed, call.origin);
    },
  });
}

/**
 * Everything of the user goes with it: chats, presets, keys, pictures, credits. So a user who removes himself needs the same
 * proof as for a new password.
 */
function removeUser(parts: UserParts): Route {
  const {
    accounts: { users, passwords },
  } = parts;
  return route({
    method: 'DELETE',
    path: '/users/:id',
    summary:
      'Removes a user with everything that the server keeps about it. The user itself needs a fresh sign-in, or the password in the body.',
    access: 'look',
    bodyLenient: true,
    body: { type: 'object', examples: [{ password: 'a lamp in every room' }], properties: { password } },
    answer: message,
    async handle(call) {
      const { caller, client, body } = call;
      const { uuid } = await managed(parts, call, 'change the account');
      if (uuid === caller.id) {
        const { signedInAt } = accountOf(caller);
        await passwords.prove({ uuid }, { signedInAt, client, password: body.password });
      }
      await users.remove(uuid, { ...client, by: caller.id });
      return { message: 'The user is removed.' };
    },
  });
}

/** For a user who forgot the password. It ends all sign-ins of that user. */
function setPassword(parts: UserParts): Route {
  const {
    accounts: { passwords },
  } = parts;
  return route({
    method: 'PUT',
    path: '/users/:id/password',
    summary: 'Sets the password of a user, for admins; ends all its sign-ins.',
    access: 'manage users',
    body: {
      type: 'object',
      required: ['new_password'],
      examples: [{ new_password: 'a lamp in each room' }],
      properties: { new_password: password },
    },
    answer: message,
    async handle({ caller, params, body, client }) {
      const { uuid } = await findUser(parts, params.id);
      await passwords.set(uuid, body.new_password, { ...client, by: caller.id });
      return { message: 'The password is changed.' };
    },
  });
}

/** For a user who registered where REGISTRATION asks for an approval. */
function approveUser(parts: UserParts): Route {
  const {
    accounts: { users },
  } = parts;
  return route({
    method: 'POST',
    path: '/users/:id/approve',
    summary: 'Approves a user who registered, for admins: from now on the user may use devices.',
    access: 'manage users',
    answer: anything,
    async handle({ caller, params, client, origin }) {
      const { uuid } = await findUser(parts, params.id);
      return formatUser(parts, await users.approve(uuid, { ...client, by: caller.id }), origin);
    },
  });
}

/** The user of the path. Throws `forbidden` unless it is the caller and may do `own`, or the caller manages users. */
async function managed(
  parts: UserParts,
  { params, caller }: Call<unknown, unknown, { id: string }>,
  own: Action,
): Promise<User> {
  const user = await findUser(parts, params.id);
  requirePermission(caller, user.uuid === caller.id ? own : 'manage users');
  return user;
}

/** The caller's user. Throws `unauthorized` when it was removed meanwhile. */
async function findMe({ accounts: { users } }: UserParts, caller: Principal): Promise<User> {
  accountOf(caller);
  const user = await users.find(caller.id);
  if (user) return user;
  throw new AppError('unauthorized', 'The user is gone.');
}
