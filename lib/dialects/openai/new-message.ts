import type { XStatic } from 'typebox/schema';
import type { JsonObject } from '../../common/json.ts';
import type { Attachment, Content } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import type { NewMessage } from '../../core/session.ts';
import { AppError } from '../../errors.ts';
import type { Files } from '../../files/files.ts';
import { invalidField } from './errors.ts';
import type { newMessageSchema } from './schemas.ts';

type Body = XStatic<typeof newMessageSchema>;
type Part = Exclude<Body['content'], string>[number];

/** A message of a client. Throws when a part is incomplete, or names a file of another user. */
export async function readMessage(
  files: Files,
  { role, content, attachments = [], metadata = {} }: Body,
  caller: Principal,
): Promise<Omit<NewMessage, 'run'>> {
  const parts: Content[] =
    typeof content === 'string' ? [{ type: 'text', text: content }] : content.map(contentOf);
  const attached = attachments.map(({ file_id: fileId, tools = [] }): Attachment => ({
    fileId,
    tools: tools as JsonObject[],
  }));
  // A file of any kind may be attached. One in the content must be a picture.
  await Promise.all([
    ...attached.map(({ fileId }) => files.find(fileId, caller)),
    ...parts.map((part, index) => checkPicture(files, part, `content.${index}.image_file.file_id`, caller)),
  ]);
  return { role, content: parts, attachments: attached, metadata };
}

/** Throws unless a part that names a picture names one of the caller. A file that is no picture can be attached. */
async function checkPicture(files: Files, part: Content, field: string, caller: Principal): Promise<void> {
  if (part.type !== 'file') return;
  const { mimeType } = await files.find(part.fileId, caller);
  if (!mimeType.startsWith('image/'))
    throw invalidField(field, `is a file of ${mimeType}, no picture: attach it`);
}

/** A part of a message. Throws `invalid_request` when the field that its type names is missing. */
function contentOf({ type, text, image_url: image, image_file: file }: Part, index: number): Content {
  if (type === 'text' && text !== undefined) return { type, text };
  if (type === 'image_url' && image)
    return { type: 'image', url: image.url, ...(image.detail && { detail: image.detail }) };
  if (type === 'image_file' && file)
    return { type: 'file', fileId: file.file_id, ...(file.detail && { detail: file.detail }) };
  throw new AppError('invalid_request', `The body is not valid: /content/${index}/${type} is missing.`, {
    faults: [{ pointer: `/content/${index}/${type}`, detail: 'is missing' }],
  });
}
