import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { Content } from '../../core/message.ts';
import { shownContent } from '../../files/show-files.ts';
import { contentOfPart, readPart, type PartContext } from './input-parts.ts';

/**
 * The messages of a completion with the content of files in the place of `{type: "file", file: {file_id}}` and `{file_data}`. The
 * model's endpoint does not know our files, and each endpoint takes other files. Rejects with `not_found` for an unknown file, with
 * `forbidden` for one of another user, and with `invalid_request` for one that cannot be read.
 */
export function withFiles(messages: readonly JsonValue[], context: PartContext): Promise<JsonValue[]> {
  return Promise.all(
    messages.map(async (message, index) => {
      if (!isObject(message) || !Array.isArray(message['content'])) return message;
      const at = `messages.${index}.content`;
      const parts = message['content'].map((part, place) => resolve(part, `${at}.${place}.file`, context));
      return { ...message, content: await Promise.all(parts) };
    }),
  );
}

/** A part with the content of its file; any other part as it is. */
async function resolve(part: JsonValue, at: string, context: PartContext): Promise<JsonValue> {
  const file = isObject(part) && part['type'] === 'file' ? part['file'] : undefined;
  if (!isObject(file)) return part;
  const content = await contentOfPart(readPart({ ...file, type: 'input_file' }, 'user', at), context);
  return formatPart(content.type === 'file' ? await shownContent(context.files.files, content) : content);
}

/** A part of a message, as chat completions write it. */
function formatPart(content: Content): JsonObject {
  if (content.type === 'image') return { type: 'image_url', image_url: { url: content.url } };
  if (content.type === 'audio')
    return { type: 'input_audio', input_audio: { data: content.data, format: content.format } };
  return { type: 'text', text: content.type === 'text' ? content.text : '' };
}
