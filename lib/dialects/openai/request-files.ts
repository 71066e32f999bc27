import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { Content } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import type { Files } from '../../files/files.ts';
import { shownContent } from '../../files/show-files.ts';

/**
 * The messages of a completion with the content of files in the place of `{type: "file", file: {file_id}}`. The model's endpoint
 * does not know our files. Rejects with `not_found` for an unknown file, and with `forbidden` for one of another user.
 */
export function withFiles(
  messages: readonly JsonValue[],
  files: Files,
  caller: Principal,
): Promise<JsonValue[]> {
  return Promise.all(
    messages.map(async (message) => {
      if (!isObject(message) || !Array.isArray(message['content'])) return message;
      const content = await Promise.all(message['content'].map((part) => resolve(part, files, caller)));
      return { ...message, content };
    }),
  );
}

async function resolve(part: JsonValue, files: Files, caller: Principal): Promise<JsonValue> {
  const file = isObject(part) && part['type'] === 'file' ? part['file'] : undefined;
  const fileId = isObject(file) ? file['file_id'] : undefined;
  if (typeof fileId !== 'string') return part;
  await files.find(fileId, caller);
  return formatPart(await shownContent(files, { type: 'file', fileId }));
}

/** A part of a message, as chat completions write it. */
function formatPart(content: Content): JsonObject {
  if (content.type === 'image') return { type: 'image_url', image_url: { url: content.url } };
  if (content.type === 'audio')
    return { type: 'input_audio', input_audio: { data: content.data, format: content.format } };
  return { type: 'text', text: content.type === 'text' ? content.text : '' };
}
