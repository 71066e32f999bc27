import type { ApiKey } from '../../accounts/api-keys.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { anything, list, message, storable, timeOf } from './shapes.ts';

/** `app:` and an id of at most 100 characters are the longest scope. */
const scope = { type: 'string', maxLength: 110 } as const;

type KeyParts = Pick<Parts, 'accounts' | 'config'>;

/** The keys for machines of the caller. A key can neither make nor see keys. */
export function createKeyRoutes(parts: KeyParts): Route[] {
  return [listKeys(parts), createKey(parts), revokeKey(parts)];
}

/** The secret text of a key is in no list: only its hash is stored. */
function listKeys({ accounts: { apiKeys } }: KeyParts): Route {
  return route({
    method: 'GET',
    path: '/users/me/keys',
    summary: 'The keys of the caller that are not revoked, newest first.',
    access: 'change the account',
    answer: list,
    handle: async ({ caller }) => (await apiKeys.list(caller.id)).map(formatKey),
  });
}

/** A key outlives the sign-in that made it. So it needs the same proof as a new password. */
function createKey({ accounts: { apiKeys, passwords } }: KeyParts): Route {
  return route({
    method: 'POST',
    path: '/users/me/keys',
    summary:
      'Makes a key with these scopes: chat, devices, admin or app:<id>. Needs a fresh sign-in or the password; the key is shown this once.',
    access: 'change the account',
    bodyLenient: true,
    body: {
      type: 'object',
      examples: [{ name: 'of my script', scopes: ['chat'], expire_time: '2030-01-31T12:00:00Z' }],
      properties: {
        name: { type: 'string', maxLength: 100, pattern: storable },
        scopes: { type: 'array', maxItems: 20, items: scope },
        /** The names of the only dialects that the key is for; all when missing. */
        dialects: { type: 'array', maxItems: 20, items: scope },
        expire_time: { type: 'string' },
        password: { type: 'string' },
      },
    },
    answer: anything,
    async handle({ caller, body, client }) {
      const { name, scopes, dialects, expire_time: until, password } = body;
      const { signedInAt } = accountOf(caller);
      await passwords.prove({ uuid: caller.id }, { signedInAt, password, client });
      const expiresAt = until === undefined ? undefined : Date.parse(until);
      if (Number.isNaN(expiresAt))
        throw new AppError('invalid_request', 'expire_time must be a time such as 2030-01-31T12:00:00Z.');
      // The text of the key is in this answer only.
      const { key, ...made } = await apiKeys.create(caller.id, {
        client,
        ...(name !== undefined && { name }),
        ...(scopes && { scopes }),
        ...(dialects && { dialects }),
        ...(expiresAt !== undefined && { expiresAt }),
      });
      return { ...formatKey(made), key };
    },
  });
}

/** Open connections of the key end at once. */
function revokeKey({ accounts: { apiKeys } }: KeyParts): Route {
  return route({
    method: 'DELETE',
    path: '/users/me/keys/:key_id',
    summary: 'Revokes a key of the caller.',
    access: 'change the account',
    answer: message,
    async handle({ caller, params, client }) {
      if (await apiKeys.revoke(caller.id, params.key_id, client)) return { message: 'The key is revoked.' };
      throw new AppError('not_found', 'You have no such key.');
    },
  });
}

/** A key on the wire, without its secret text. */
function formatKey({ id, name, masked, scopes, dialects, createdAt, usedAt, expiresAt }: ApiKey) {
  return {
    id,
    name,
    masked,
    scopes,
    dialects,
    create_time: timeOf(createdAt),
    // Null until the key was used. It is noted once an hour at most.
    use_time: usedAt === null ? null : timeOf(usedAt),
    expire_time: expiresAt === null ? null : timeOf(expiresAt),
  };
}
