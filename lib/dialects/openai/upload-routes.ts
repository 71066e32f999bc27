import type { Principal } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import type { Upload } from '../../files/uploads.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { expirySchema, filenameOf, formatUpload, purposeSchema, uploadSchema } from './files.ts';
import { openForm } from '../form.ts';
import { secondsOf } from '../unix-time.ts';
import { findThread } from './threads.ts';

/** The seed's clients name the thread that they are in; OpenAI's clients do not. */
const threadId = { type: 'string', minLength: 1, maxLength: 100 } as const;

type UploadParts = Pick<Parts, 'sessions' | 'files'>;

/** Files that are sent in parts. */
export function uploadRoutes(parts: UploadParts): Route[] {
  return [createUpload(parts), addPart(parts), completeUpload(parts), cancelUpload(parts)];
}

/** `bytes` is the size that the parts must add up to. 0 is a valid size: an empty file. */
function createUpload(parts: UploadParts): Route {
  const {
    files: { uploads },
    sessions,
  } = parts;
  return route({
    method: 'POST',
    path: '/v1/uploads',
    summary: 'Begins a file that is sent in parts. It must be complete within an hour.',
    access: 'chat',
    bodyLenient: true,
    body: {
      type: 'object',
      required: ['purpose', 'filename', 'bytes', 'mime_type'],
      examples: [{ purpose: 'user_data', filename: 'plan.txt', bytes: 5, mime_type: 'text/plain' }],
      properties: {
        purpose: purposeSchema,
        filename: { type: 'string', minLength: 1 },
        /** Of the whole file; 0 is an empty file. */
        bytes: { type: 'integer', minimum: 0 },
        mime_type: {
          type: 'string',
          pattern: '^[\\x20-\\x7e]+$',
          description: 'a media type; any printable text, as at OpenAI',
          maxLength: 200,
        },
        thread_id: threadId,
        expires_after: expirySchema,
      },
    },
    answer: uploadSchema,
    async handle({ body, caller }) {
      const thread = body.thread_id;
      const session = thread === undefined ? undefined : await findThread(sessions, thread, caller);
      const upload = await uploads.create({
        owner: caller.id,
        // Parts and the completion may name the thread again: it must be this one.
        sessionId: session?.id,
        filename: filenameOf(body.filename, '/filename'),
        purpose: body.purpose,
        mimeType: body.mime_type,
        bytes: body.bytes,
        fileLifeMs: body.expires_after && body.expires_after.seconds * 1000,
      });
      return formatUpload(upload);
    },
  });
}

/**
 * The bytes go to the object store while they arrive: at most 64 MB a part, never whole in memory. The fields of the form may
 * come after the file, so the thread is checked at the end.
 */
function addPart(parts: UploadParts): Route {
  const {
    files: { uploads },
  } = parts;
  return route({
    method: 'POST',
    path: '/v1/uploads/:upload/parts',
    summary: 'Adds a part: a form with the bytes as `data`.',
    access: 'chat',
    form: { data: 'file', thread_id: 'text' },
    answer: {
      type: 'object',
      required: ['id', 'object', 'created_at', 'upload_id'],
      properties: {
        id: { type: 'string' },
        object: { const: 'upload.part' },
        created_at: { type: 'integer' },
        upload_id: { type: 'string' },
      },
    },
    async handle({ params, request, response, caller }) {
      const upload = await uploads.find(params.upload, caller);
      const form = await openForm(request, response, 'data');
      try {
        const part = await uploads.addPart(upload, form.content, async () =>
          checkThread(parts, upload, (await form.fields())['thread_id'], caller),
        );
        const { id, createdAt, uploadId } = part;
        return { id, object: 'upload.part', created_at: secondsOf(createdAt), upload_id: uploadId };
      } finally {
        form.drop();
      }
    },
  });
}

/**
 * The order is that of part_ids, not that of arrival: clients send parts in parallel. A wrong sum of sizes or a wrong md5 is
 * 400, and no file is made.
 */
function completeUpload(parts: UploadParts): Route {
  const {
    files: { uploads },
  } = parts;
  return route({
    method: 'POST',
    path: '/v1/uploads/:upload/complete',
    keepsAnswer: true,
    summary: 'Makes the file of its parts, in the order of part_ids.',
    access: 'chat',
    bodyLenient: true,
    body: {
      type: 'object',
      required: ['part_ids'],
      examples: [{ part_ids: ['the id of the first part'] }],
      properties: {
        part_ids: { type: 'array', maxItems: 10_000, items: { type: 'string' } },
        md5: {
          type: 'string',
          pattern: '^[0-9a-fA-F]{32}$',
          description: 'an md5 as 32 hexadecimal digits',
        },
        thread_id: threadId,
      },
    },
    answer: uploadSchema,
    async handle({ params, body, caller }) {
      const upload = await uploads.find(params.upload, caller);
      await checkThread(parts, upload, body.thread_id, caller);
      const made = await uploads.complete(upload, body.part_ids, body.md5);
      return formatUpload(made.upload, made.file);
    },
  });
}

/** An upload that is complete, expired or cancelled already is 400. */
function cancelUpload({ files: { uploads } }: UploadParts): Route {
  return route({
    method: 'POST',
    path: '/v1/uploads/:upload/cancel',
    keepsAnswer: true,
    summary: 'Cancels an upload.',
    access: 'chat',
    answer: uploadSchema,
    async handle({ params, caller }) {
      return formatUpload(await uploads.cancel(await uploads.find(params.upload, caller)));
    },
  });
}

/** A client may name the thread that it is in. It must be the client's own, and the upload's. */
async function checkThread(
  { sessions }: UploadParts,
  upload: Upload,
  id: string | undefined,
  caller: Principal,
): Promise<void> {
  if (id === undefined || id === '') return;
  const session = await findThread(sessions, id, caller);
  if (upload.sessionId === session.id) return;
  throw new AppError('invalid_request', 'The upload was not made in this thread.', {
    faults: [{ pointer: '/thread_id', detail: 'is not the thread of the upload' }],
  });
}
