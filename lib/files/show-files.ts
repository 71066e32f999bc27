import type { FairTurn } from '../common/fair-gate.ts';
import type { Content, ImageDetail } from '../core/message.ts';
import type { Model, ModelMessage } from '../core/model.ts';
import { AppError } from '../errors.ts';
import type { Files, StoredFile } from './files.ts';
import { fileText, isReadable } from './read/file-text.ts';

/** No model takes a larger file. */
export const SHOWN_MAX_BYTES = 20 * 1024 * 1024;
const pictures = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
const sounds: Record<string, 'wav' | 'mp3'> = {
  'audio/mpeg': 'mp3',
  'audio/wav': 'wav',
  'audio/vnd.wave': 'wav',
  'audio/x-wav': 'wav',
};
/** The caller that reads files: the right of the user was checked when the file came into the conversation. */
const reader = { id: 'operator', kind: 'operator' } as const;

/**
 * Returns a function that wraps a model. The wrapped model gets the files of a conversation: pictures and sound as data, texts and PDF
 * as text, other files by their names.
 */
export function showFiles(files: Files): (model: Model) => Model {
  /** A file is read once for all models, and kept as long as its message is in memory: clients name a model with each request. */
  const shown = new WeakMap<ModelMessage, Promise<ModelMessage>>();

  async function show(message: ModelMessage & { role: 'user' }): Promise<ModelMessage> {
    const content = await Promise.all(
      message.content.map(async (part) => (part.type === 'file' ? shownContent(files, part) : part)),
    );
    return { role: 'user', content };
  }

  async function withFiles(message: ModelMessage): Promise<ModelMessage> {
    if (!hasFiles(message)) return message;
    let known = shown.get(message);
    if (!known) {
      shown.set(message, (known = show(message)));
      known.catch(() => shown.delete(message)); // the next request reads it again
    }
    return known;
  }

  return (model) => ({
    async reply(request, options) {
      if (!request.messages.some(hasFiles)) return model.reply(request, options);
      return model.reply(
        { ...request, messages: await Promise.all(request.messages.map(withFiles)) },
        options,
      );
    },
  });
}

/** Whether a message of the user has a file. */
function hasFiles(message: ModelMessage): message is ModelMessage & { role: 'user' } {
  return message.role === 'user' && message.content.some(({ type }) => type === 'file');
}

/** The content of a file for a model, or a note in its place. */
export async function shownContent(files: Files, part: Content & { type: 'file' }): Promise<Content> {
  try {
    const file = await files.find(part.fileId, reader);
    return await contentOfBytes(file, () => bytesOfFile(files, file), part);
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found')
      return note('a file was here that has been deleted');
    throw error;
  }
}

/** The content of these bytes for a model, or a note in their place. They are read only where they are shown. */
export async function contentOfBytes(
  { filename, mimeType, bytes }: Pick<StoredFile, 'filename' | 'mimeType' | 'bytes'>,
  read: () => Promise<Buffer>,
  { detail, turn }: { detail?: ImageDetail | undefined; turn?: FairTurn } = {},
): Promise<Content> {
  const format = sounds[mimeType];
  if (bytes <= SHOWN_MAX_BYTES && isReadable(mimeType)) {
    const text = await fileText(mimeType, await read(), turn);
    return { type: 'text', text: `[file "${filename}", ${mimeType}]\n${text}\n[end of file "${filename}"]` };
  }
  if (bytes > SHOWN_MAX_BYTES || (format === undefined && !pictures.has(mimeType)))
    return note(
      `the file "${filename}", ${mimeType}, ${bytes} bytes, is attached; its content is not shown here`,
    );
  const data = (await read()).toString('base64');
  if (format !== undefined) return { type: 'audio', data, format };
  return { type: 'image', url: `data:${mimeType};base64,${data}`, ...(detail && { detail }) };
}

/** A remark for the model. */
function note(text: string): Content {
  return { type: 'text', text: `[${text}]` };
}

/** The whole content of a file. */
async function bytesOfFile(files: Files, file: StoredFile): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of files.open(file)) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
