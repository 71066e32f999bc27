import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../errors.ts';
import type { ObjectStore } from '../../files/object-store.ts';
import { isPictureKey, typeOfKey } from '../../files/picture-types.ts';
import { OBJECTS_PATH, type UrlSigner } from '../../files/url-signer.ts';
import { route, type Call, type PathParams, type Route } from '../../server/mount.ts';
import { formatProblem } from '../../server/problem.ts';
import type { Dialect } from '../dialect.ts';

const query = {
  type: 'object',
  required: ['expires', 'signature'],
  properties: { expires: { type: 'string', pattern: '^\\d{1,12}$' }, signature: { type: 'string' } },
} as const;

/** The same behind a proxy that strips the first `/api`: that of the chat page does. */
const STRIPPED_PATH = '/v1/objects';
type KeyParams = PathParams<'/*key'>;

/** The signed URLs of the disk store. Each URL allows one method on one object. It needs no other proof. */
export const objects: Dialect<'objects' | 'signer' | 'config'> = {
  name: 'objects',
  mount({ objects: store, signer, config }) {
    return {
      name: 'objects',
      prefixes: [OBJECTS_PATH, STRIPPED_PATH],
      routes: [OBJECTS_PATH, STRIPPED_PATH].flatMap((path) =>
        createRoutes(`${path}/*key`, { store, signer, maxBytes: config.limits.imageMaxBytes }),
      ),
      sockets: [],
      anonymous: undefined,
      formatError: (error) => formatProblem(error),
    };
  },
};

/** The bytes of a body. A reader that breaks off leaves the connection open, for the answer that says why. */
async function* bytesOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
}

function createRoutes(
  keyPath: `${string}/*key`,
  { store, signer, maxBytes }: { store: ObjectStore; signer: UrlSigner; maxBytes: number },
): Route[] {
  /** The key of a request. Throws `forbidden` when the signature does not allow it. */
  const keyOf = (
    method: 'GET' | 'PUT',
    { params, query: given }: Call<{ expires: string; signature: string }, unknown, KeyParams>,
  ) => {
    const name = params.key.join('/');
    if (!signer.allows(method, name, new URLSearchParams(given)))
      throw new AppError('forbidden', 'The signature of this URL is wrong or has expired.');
    return name;
  };
  return [
    route({
      method: 'PUT',
      path: keyPath,
      summary: 'Stores the body at a signed URL.',
      access: 'open',
      query,
      async handle(call) {
        const key = keyOf('PUT', call);
        const { request } = call;
        if (Number(request.headers['content-length']) > maxBytes)
          throw new AppError('too_large', `The file is larger than ${maxBytes} bytes (IMAGE_MAX_BYTES).`);
        if (request.headers.expect !== undefined) call.response.writeContinue();
        const body = Readable.from(bytesOf(request), { objectMode: false });
        await store.write(body, maxBytes, key).catch((cause: unknown) => {
          request.resume(); // a client that still sends reads the answer when it has sent all
          if (!request.destroyed || request.complete) throw cause;
          throw new AppError('invalid_request', 'The body broke off.', { cause });
        });
        return {};
      },
    }),
    route({
      method: 'GET',
      path: keyPath,
      summary: 'Reads the object at a signed URL.',
      access: 'open',
      query,
      async handle(call) {
        const key = keyOf('GET', call);
        const body = await store.read(key);
        const { response } = call;
        response.writeHead(200, {
          'Content-Type': typeOfKey(key),
          ...(!isPictureKey(key) && { 'Content-Disposition': 'attachment' }),
          // A browser must not show an uploaded file as a page of this server.
          'Content-Security-Policy': "default-src 'none'; sandbox",
          'Cache-Control': 'private, max-age=300',
        });
        await pipeline(body, response).catch((error: unknown) => {
          if (!response.destroyed || body.errored !== null) throw error; // else the client has disconnected
        });
      },
    }),
  ];
}
