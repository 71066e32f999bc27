import { pipeline } from 'node:stream/promises';
import type { Files, NewFile } from '../../files/files.ts';
import { route, type Call, type Route } from '../../server/mount.ts';
import { refuseFaults } from '../../server/intake.ts';
import { readerOf } from '../../server/validate.ts';
import type { Parts } from '../dialect.ts';
import { expirySchema, fileSchema, filenameOf, formatFile, purposeSchema } from './files.ts';
import { openForm } from '../form.ts';
import { deletedSchema, listOf, listSchema, orderSchema } from './schemas.ts';

/** The fields that go with a file. */
const fieldsSchema = {
  type: 'object',
  required: ['purpose'],
  properties: {
    purpose: purposeSchema,
    expires_after: expirySchema,
  },
} as const;

type FileParts = Pick<Parts, 'files'>;

/** Files that are sent in one piece, and all files once they are complete. */
export function fileRoutes(parts: FileParts): Route[] {
  return [
    createFile(parts),
    createFileOfFormat(parts),
    listFiles(parts),
    readFile(parts),
    deleteFile(parts),
    readContent(parts),
  ];
}

/** The bytes go to the object store while they arrive, never whole in memory. */
function createFile({ files: { files } }: FileParts): Route {
  return route({
    method: 'POST',
    path: '/v1/files',
    summary: 'Takes a file: a form with the bytes as `file`.',
    access: 'chat',
    form: { file: 'file', purpose: { example: 'user_data' } },
    answer: fileSchema,
    handle: (call) => receiveFile(files, call),
  });
}

/** The seed's paths: `/v1/files/pdf`. The format is found in the bytes, not in the name, and another one is 400. */
function createFileOfFormat({ files: { files } }: FileParts): Route {
  return route({
    method: 'POST',
    path: '/v1/files/:file',
    summary: 'Takes a file that must be of the format that the path names: pdf, docx, txt, markdowns, png…',
    access: 'chat',
    form: { file: 'file', purpose: { example: 'user_data' } },
    answer: fileSchema,
    handle: (call) => receiveFile(files, call, call.params.file),
  });
}

/** Without a limit a page has 10,000 files, as at OpenAI. */
function listFiles({ files: { files } }: FileParts): Route {
  return route({
    method: 'GET',
    path: '/v1/files',
    summary: "The caller's files, newest first unless asked otherwise.",
    access: 'look',
    query: {
      type: 'object',
      properties: {
        limit: {
          type: 'string',
          pattern: '^([1-9]\\d{0,3}|10000)$',
          description: 'a whole number from 1 to 10000',
        },
        order: orderSchema,
        after: { type: 'string', minLength: 1, maxLength: 100 },
        purpose: { type: 'string', minLength: 1, maxLength: 100 },
      },
    },
    answer: listSchema(fileSchema),
    async handle({ query, caller }) {
      const page = await files.list(caller.id, {
        limit: Number(query.limit ?? 10_000),
        order: query.order ?? 'desc',
        after: query.after,
        purpose: query.purpose,
      });
      return listOf(page.files.map(formatFile), page.more);
    },
  });
}

function readFile({ files: { files } }: FileParts): Route {
  return route({
    method: 'GET',
    path: '/v1/files/:file',
    summary: 'Shows a file.',
    access: 'look',
    answer: fileSchema,
    handle: async ({ params, caller }) => formatFile(await files.find(params.file, caller)),
  });
}

function deleteFile({ files: { files } }: FileParts): Route {
  return route({
    method: 'DELETE',
    path: '/v1/files/:file',
    keepsAnswer: true,
    summary: 'Deletes a file.',
    access: 'chat',
    answer: deletedSchema('file'),
    async handle({ params, caller }) {
      const id = params.file;
      await files.remove(id, caller);
      return { id, object: 'file', deleted: true };
    },
  });
}

/** The bytes as they were sent, always as a download. */
function readContent({ files: { files } }: FileParts): Route {
  return route({
    method: 'GET',
    path: '/v1/files/:file/content',
    summary: "A file's bytes.",
    access: 'look',
    async handle({ params, caller, response, log }) {
      const file = await files.find(params.file, caller);
      response.writeHead(200, {
        'Content-Type': file.mimeType,
        'Content-Length': file.bytes,
        'Content-Disposition': `attachment; filename*=UTF-8''${encodeRfc8187(file.filename)}`,
        // A browser must not show the file as a page of this server.
        'Content-Security-Policy': "sandbox; default-src 'none'",
      });
      try {
        await pipeline(files.open(file), response);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE') return; // the client has disconnected
        log.error({ err: error, file: file.id }, 'a file could not be read to its end');
        response.destroy();
      }
    },
  });
}

/** The fields of a form may come after the file, so they are read when its bytes are stored. */
async function receiveFile(files: Files, { request, response, caller }: Call, format?: string) {
  const form = await openForm(request, response, 'file');
  try {
    const describe = async (): Promise<NewFile> => ({
      ...(await readFields(await form.fields())),
      filename: filenameOf(form.filename, '/file'),
    });
    return formatFile(await files.create(caller.id, form.content, describe, format));
  } finally {
    form.drop();
  }
}

/** The fields of a form: OpenAI's clients write `expires_after[seconds]`. */
async function readFields(fields: Record<string, string>): Promise<Omit<NewFile, 'filename'>> {
  const anchor = fields['expires_after[anchor]'];
  const seconds = fields['expires_after[seconds]'];
  const given = {
    ...(fields['purpose'] !== undefined && { purpose: fields['purpose'] }),
    // A missing one of the two is a fault of the schema.
    ...((anchor ?? seconds) !== undefined && { expires_after: { anchor, seconds: Number(seconds) } }),
  };
  const read = await readerOf(fieldsSchema);
  const { faults } = read(given);
  refuseFaults('body', faults);
  return { purpose: given.purpose!, lifeMs: given.expires_after && given.expires_after.seconds * 1000 };
}

/** A name in a header [RFC 8187 3.2.1], which forbids four of the signs that `encodeURIComponent` leaves. */
function encodeRfc8187(text: string): string {
  return encodeURIComponent(text).replaceAll(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
}
