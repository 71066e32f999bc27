import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../errors.ts';
import { avatarKey } from '../../files/avatar-key.ts';
import type { ObjectStore } from '../../files/object-store.ts';
import { AVATAR_MAX_BYTES, defaultAvatar, toAvatar } from '../../files/pictures.ts';
import { openForm } from '../form.ts';
import { route, type Route } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { message } from './shapes.ts';
import { findUser } from './find-user.ts';

/** The key of the picture of users without one. All users share it. */
const DEFAULT = 'avatars/default.jpg';
/** How long the address of a picture is valid, in seconds: a day, as an access token. */
const URL_SECONDS = 24 * 3600;

/** Pictures of users: 128×128, JPEG. */
export function createAvatarRoutes(parts: Pick<Parts, 'accounts' | 'objects'>): Route[] {
  const { objects } = parts;

  return [
    // The picture is always made anew as a JPEG, which removes EXIF (places, cameras) and anything hidden behind the pixels.
    route({
      method: 'POST',
      path: '/users/me/avatar',
      summary: 'Sets the picture of the caller: a form with the field avatar_file, at most 5 MB.',
      access: 'change the account',
      form: { avatar_file: 'file' },
      answer: message,
      async handle({ caller, request, response }) {
        accountOf(caller);
        const form = await openForm(request, response, 'avatar_file');
        try {
          // Its type is found in the bytes; the name and the type that the client sends say nothing.
          const picture = await toAvatar(await bytesOf(form.content, AVATAR_MAX_BYTES), { party: caller.id });
          await objects.write(Readable.from([picture]), AVATAR_MAX_BYTES, avatarKey(caller.id));
        } finally {
          form.drop();
        }
        return { message: 'The picture is set.' };
      },
    }),
    // The bytes themselves, as the seed's client reads them; the picture of another user is a redirect.
    route({
      method: 'GET',
      path: '/users/me/avatar',
      summary: 'The picture of the caller, or a default one.',
      access: 'look',
      async handle({ caller, response }) {
        accountOf(caller);
        const body = await open(objects, await keyOf(objects, caller.id));
        response.writeHead(200, { 'Content-Type': 'image/jpeg' });
        await pipeline(body, response).catch((error: unknown) => {
          if (!response.destroyed || body.errored !== null) throw error; // else the client has disconnected
        });
      },
    }),
    // A redirect to a signed address of the object store (contract 5: 307).
    route({
      method: 'GET',
      path: '/users/:id/avatar',
      summary: 'Redirects to the picture of a user.',
      access: 'look',
      async handle({ caller, params, response, origin }) {
        accountOf(caller);
        const { uuid } = await findUser(parts, params.id);
        const location = await avatarUrl(objects, uuid, origin);
        response.writeHead(307, { Location: location }).end();
      },
    }),
  ];
}

/** The signed URL of a user's picture: an `<img>` sends no token. */
export async function avatarUrl(objects: ObjectStore, uuid: string, origin: string): Promise<string> {
  return objects.sign({ method: 'GET', key: await keyOf(objects, uuid), seconds: URL_SECONDS, origin });
}

/** The key of a user's picture, or of the default one, which is made when it is first needed. */
async function keyOf(objects: ObjectStore, uuid: string): Promise<string> {
  if (await exists(objects, avatarKey(uuid))) return avatarKey(uuid);
  if (!(await exists(objects, DEFAULT)))
    await objects.write(Readable.from([await defaultAvatar()]), AVATAR_MAX_BYTES, DEFAULT);
  return DEFAULT;
}

/** Opens the object and closes it at once: the store's port has no call for this alone. */
async function exists(objects: ObjectStore, key: string): Promise<boolean> {
  try {
    (await objects.read(key)).destroy();
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return false;
    throw error;
  }
}

function open(objects: ObjectStore, key: string): Promise<Readable> {
  return objects.read(key);
}

/** The whole content. Throws `too_large` for more than `maxBytes`. */
async function bytesOf(content: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new AppError('too_large', `The picture is larger than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
