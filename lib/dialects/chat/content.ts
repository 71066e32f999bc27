import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { Content } from '../../core/message.ts';
import { AppError } from '../../errors.ts';
import type { ObjectStore } from '../../files/object-store.ts';
import { pictureTypeOf } from '../../files/pictures.ts';
import { headOf } from '../../files/upload-parts.ts';

/** The content of a stored message: a text, or parts. A picture is one of our objects, or a URL of another server. */
export type Said = string | SaidPart[];
/** `key` is that of an object: `<owner>/<conversation>/images/<uuid>.<suffix>` (contract 4). */
type SaidPart =
  | { type: 'text'; text: string }
  | { type: 'image'; key: string }
  | { type: 'image'; url: string };

/** How long the URL of a picture is valid. */
const URL_SECONDS = 3600;
const PARTS_MAX_COUNT = 100;

/** Reads the contents of one user's messages, and formats them for models and clients. */
export interface Contents {
  /** Parses a content. Throws `invalid_request` with the pointer of a fault, and `not_found` for a picture of another user. */
  read(content: JsonValue, pointer: string): Said;
  /**
   * Looks at the bytes of our pictures: a client may have sent them to the object store itself. Rejects with `not_found` for a picture
   * that was never sent, with `too_large` for one of more than `maxBytes`, and with `invalid_request` and the pointer for bytes that
   * are no picture.
   */
  check(said: Said, pointer: string, maxBytes: number): Promise<void>;
  /** The content for a model, with pictures as URLs that its endpoint can read. */
  forModel(said: Said): Promise<Content[]>;
  /** The content as clients send it, with pictures as URLs that the client can read. */
  forClient(said: Said): Promise<JsonValue>;
}

/** Contents of one user; `origin` is how clients name this server. */
export function openContents(objects: ObjectStore, owner: string, origin: string): Contents {
  const urlOf = (key: string) => objects.sign({ method: 'GET', key, seconds: URL_SECONDS, origin });

  /** The keys of objects that are pictures. */
  const pictures = new Set<string>();

  function readImage(url: string, pointer: string): SaidPart {
    // An upload URL, a download URL of the history, either of them without its query, or the key itself.
    const key = url.startsWith('cos://') ? url.slice('cos://'.length) : objects.keyOf(url, origin);
    if (key !== undefined) {
      // The key begins with its owner. With `..` it could lead to another one.
      if (key.startsWith(`${owner}/`) && !key.includes('..')) return { type: 'image', key };
      throw new AppError('not_found', 'There is no such picture.');
    }
    if (/^(https?:\/\/|data:image\/)/i.test(url)) return { type: 'image', url };
    fail(`${pointer}/image_url`, 'must be an http(s) or data URL');
  }

  return {
    read(content, pointer) {
      if (typeof content === 'string') return content;
      if (!Array.isArray(content) || content.length === 0 || content.length > PARTS_MAX_COUNT)
        fail(pointer, `must be a text, or 1 to ${PARTS_MAX_COUNT} parts`);
      return content.map((part, index) => {
        const at = `${pointer}/${index}`;
        if (isObject(part)) {
          const { type, text, image_url: image } = part;
          if (type === 'text' && typeof text === 'string') return { type, text };
          // Clients send {url}, as OpenAI has it, or the URL itself.
          const url = isObject(image) ? image['url'] : image;
          if (type === 'image_url' && typeof url === 'string') return readImage(url, at);
        }
        fail(at, 'must be {type: "text", text} or {type: "image_url", image_url: {url}}');
      });
    },

    async check(said, pointer, maxBytes) {
      if (typeof said === 'string') return;
      for (const [index, part] of said.entries()) {
        // A picture of another server is the model's to read. One of ours is looked at once in a request.
        if (part.type !== 'image' || !('key' in part) || pictures.has(part.key)) continue;
        await objects.admit(part.key, maxBytes);
        if ((await pictureTypeOf(await headOf(objects, part.key))) === undefined)
          fail(`${pointer}/${index}/image_url`, 'must lead to a picture');
        pictures.add(part.key);
      }
    },

    async forModel(said) {
      if (typeof said === 'string') return [{ type: 'text', text: said }];
      return Promise.all(
        said.map(async (part): Promise<Content> => {
          if (part.type === 'text') return part;
          return { type: 'image', url: 'key' in part ? await urlOf(part.key) : part.url };
        }),
      );
    },

    async forClient(said) {
      if (typeof said === 'string') return said;
      return Promise.all(
        said.map(async (part): Promise<JsonObject> => {
          if (part.type === 'text') return { ...part };
          const url = 'key' in part ? await urlOf(part.key) : part.url;
          return { type: 'image_url', image_url: { url } };
        }),
      );
    },
  };
}

/** The text of a content, without its pictures. */
export function saidTextOf(said: Said): string {
  if (typeof said === 'string') return said;
  return said.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

function fail(pointer: string, detail: string): never {
  throw new AppError('invalid_request', `The body is not valid: ${pointer} ${detail}.`, {
    faults: [{ pointer, detail }],
  });
}
