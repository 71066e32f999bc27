import { AppError } from '../../errors.ts';
import type { StoredFile } from '../../files/files.ts';
import type { Upload } from '../../files/uploads.ts';
import { secondsOf } from '../unix-time.ts';

/** The purposes of files, as OpenAI names them. */
export const purposeSchema = {
  enum: ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'],
} as const;

/** The life of a file. */
export const expirySchema = {
  type: 'object',
  required: ['anchor', 'seconds'],
  properties: {
    /** OpenAI has no other anchor. */
    anchor: { const: 'created_at' },
    /** From an hour to 30 days, as at OpenAI. */
    seconds: { type: 'integer', minimum: 3600, maximum: 2_592_000 },
  },
} as const;

/** A file, in OpenAI's shape. */
export const fileSchema = {
  type: 'object',
  required: ['id', 'object', 'bytes', 'created_at', 'filename', 'purpose', 'status'],
  properties: {
    id: { type: 'string' },
    object: { const: 'file' },
    bytes: { type: 'integer' },
    created_at: { type: 'integer' },
    /** Missing for a file that is kept until it is deleted. */
    expires_at: { type: 'integer' },
    filename: { type: 'string' },
    purpose: { type: 'string' },
    status: { const: 'processed' },
  },
} as const;

/** An upload, in OpenAI's shape. */
export const uploadSchema = {
  type: 'object',
  required: ['id', 'object', 'bytes', 'created_at', 'filename', 'purpose', 'status', 'expires_at'],
  properties: {
    id: { type: 'string' },
    object: { const: 'upload' },
    /** The size of the whole file, as the client announced it. */
    bytes: { type: 'integer' },
    created_at: { type: 'integer' },
    filename: { type: 'string' },
    purpose: { type: 'string' },
    status: { enum: ['pending', 'completed', 'cancelled', 'expired'] },
    expires_at: { type: 'integer' },
    /** Once the upload is complete. */
    file: fileSchema,
  },
} as const;

/** A stored file, in OpenAI's shape. */
export function formatFile({ id, bytes, createdAt, expiresAt, filename, purpose }: StoredFile) {
  return {
    id,
    object: 'file',
    bytes,
    created_at: secondsOf(createdAt),
    ...(expiresAt !== null && { expires_at: secondsOf(expiresAt) }),
    filename,
    purpose,
    // A file is listed when all its bytes are stored: it has no earlier state.
    status: 'processed',
  };
}

/** An upload, in OpenAI's shape, with its file once it is complete. */
export function formatUpload(upload: Upload, file?: StoredFile) {
  const { id, bytes, createdAt, expiresAt, filename, purpose, status } = upload;
  return {
    id,
    object: 'upload',
    bytes,
    created_at: secondsOf(createdAt),
    filename,
    purpose,
    status,
    expires_at: secondsOf(expiresAt),
    ...(file && { file: formatFile(file) }),
  };
}

/** A file's name without folders and invisible characters. Throws `invalid_request` when nothing is left of it. */
export function filenameOf(text: string, pointer: string): string {
  const name = (text.split(/[/\\]/).at(-1) ?? '').replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').trim();
  if (name === '' || name.length > 255)
    throw new AppError('invalid_request', 'The file needs a name of 1 to 255 characters.', {
      faults: [{ pointer, detail: 'must be a name of 1 to 255 characters' }],
    });
  return name;
}
