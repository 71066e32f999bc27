import { requirePermission, may } from '../../accounts/permissions.ts';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { withoutEnd } from '../../common/without-end.ts';
import type { Config } from '../../config.ts';
import type { Content } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import { AppError, isForLater } from '../../errors.ts';
import { isBase64, type GivenFile } from '../../files/given-files.ts';
import type { FileRoom } from '../../files/index.ts';
import { invalidField } from './errors.ts';

/** The parts that reading a message takes. */
export interface PartContext {
  files: Pick<FileRoom, 'files' | 'given'>;
  caller: Principal;
  /** The setting that says whose addresses the server may call. */
  documents: Config['documents'];
  /** Aborts when nobody waits for the message any more. */
  signal: AbortSignal;
}

/** A file that is in the message itself, before it is read. `field` is its place. */
interface Unread {
  type: 'given';
  file: GivenFile;
  field: string;
}

/** A part of a message, as far as it can be read without the network and the database. */
export type ReadPart = Content | Unread;

/** Reads a part. Throws `invalid_request` with the place of a fault; `at` is the place of the part. */
export function readPart(part: JsonValue, role: 'user' | 'assistant', at: string): ReadPart {
  if (!isObject(part)) throw invalidField(at, 'must be an object');
  switch (typeof part['type'] === 'string' ? part['type'] : '') {
    case 'input_text':
    case 'output_text':
    case 'text':
      return { type: 'text', text: textOf(part, 'text', at) };
    // The words with which a model refused are its text.
    case 'refusal':
      return { type: 'text', text: textOf(part, 'refusal', at) };
    case 'input_image':
      if (role === 'user') return readImage(part, at);
      break;
    case 'input_file':
      if (role === 'user') return readFile(part, at);
      break;
    case 'input_audio':
      if (role === 'user') return readSound(part['input_audio'], `${at}.input_audio`);
  }
  throw invalidField(`${at}.type`, `is no part that this server takes of the role ${role}`);
}

/** The content of a part. Rejects with `not_found` and `forbidden` for a file, and with `invalid_request` for one that cannot be read. */
export async function contentOfPart(
  part: ReadPart,
  { files, caller, documents, signal }: PartContext,
): Promise<Content> {
  // Only the rights are checked here: the file is read when a model is asked.
  if (part.type === 'file') await files.files.find(part.fileId, caller);
  if (part.type !== 'given') return part;
  const { file, field } = part;
  if ('url' in file) checkAddress(caller, documents, field);
  try {
    return await files.given.read(file, { party: caller.id, signal });
  } catch (error) {
    // A file that cannot be read is a fault of the request at its place. A server that is busy is not.
    if (signal.aborted || !(error instanceof AppError) || isForLater(error)) throw error;
    throw invalidField(field, `cannot be read: ${withoutEnd(error.message, '.')}`);
  }
}

/**
 * A file behind an address makes the server call that address, as a document of a device does. So it takes the same right: the
 * address may be that of a device.
 */
function checkAddress(caller: Principal, documents: Config['documents'], field: string): void {
  requirePermission(caller, 'bring a document');
  if (documents === 'registered' && !may(caller, 'manage devices'))
    throw new AppError(
      'forbidden',
      `This server calls addresses of admins only (DOCUMENTS=registered): send the file itself instead of ${field}.`,
    );
}

/** A picture: a file of the caller, or a URL. Of both, the file counts. */
function readImage({ image_url: url, file_id: fileId, detail }: JsonObject, at: string): Content {
  const how = detailOf(detail, at);
  if (typeof fileId === 'string') return { type: 'file', fileId, ...how };
  if (typeof url === 'string' && /^(https?:\/\/[^/]|data:image\/)/i.test(url))
    return { type: 'image', url, ...how };
  throw invalidField(`${at}.image_url`, 'must be an http, https or data:image URL, or file_id must be set');
}

/** How closely a model shall look. Throws `invalid_request` for a word that OpenAI does not have. */
function detailOf(detail: JsonValue | undefined, at: string): { detail?: 'low' | 'high' } {
  if (detail === undefined || detail === null || detail === 'auto') return {}; // the endpoint's own choice
  if (detail === 'original') return { detail: 'high' };
  if (detail === 'low' || detail === 'high') return { detail };
  throw invalidField(`${at}.detail`, 'must be one of auto, low, high, original');
}

/** A file: one of the caller by its id, its bytes, or its address. */
function readFile(part: JsonObject, at: string): ReadPart {
  const given = ['file_id', 'file_data', 'file_url'].filter((name) => (part[name] ?? null) !== null);
  const [name = 'file_id', second] = given;
  if (second !== undefined) throw invalidField(`${at}.${second}`, `and ${name} exclude each other`);
  const value = textOf(part, name, at);
  if (name === 'file_id') return { type: 'file', fileId: value };
  const filename = typeof part['filename'] === 'string' ? part['filename'] : undefined;
  const field = `${at}.${name}`;
  if (name === 'file_data') return { type: 'given', file: { filename, data: value }, field };
  if (!/^https?:\/\/[^/]/i.test(value) || !URL.canParse(value))
    throw invalidField(field, 'must be an http or https URL');
  return { type: 'given', file: { filename, url: value }, field };
}

/** Sound, as chat completions and responses write it. */
export function readSound(sound: JsonValue | undefined, at: string): Content {
  const { data, format } = isObject(sound) ? sound : {};
  if (format !== 'wav' && format !== 'mp3') throw invalidField(`${at}.format`, 'must be wav or mp3');
  if (typeof data !== 'string' || data === '' || !isBase64(data))
    throw invalidField(`${at}.data`, 'must be sound in base64');
  return { type: 'audio', data, format };
}

/** A text field of an item or a part. Throws `invalid_request` with its place where it is missing, or no text. */
export function textOf(item: JsonObject, name: string, at: string): string {
  const value = item[name];
  if (typeof value === 'string') return value;
  throw invalidField(`${at}.${name}`, value === undefined ? 'is missing' : 'must be a text');
}
