import { Readable } from 'node:stream';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../errors.ts';

/** A multipart form that is still arriving: one file, and fields before and after it. */
export interface Form {
  /** The name in the form; empty when it has none. */
  readonly filename: string;
  /** The bytes of the file, as they arrive. */
  readonly content: Readable;
  /** All fields, once the form is complete. */
  fields(): Promise<Record<string, string>>;
  /** Reads and drops the rest: a client that is still sending reads no answer. */
  drop(): void;
}

/** A field has to fit into memory; a file does not. */
const FIELD_MAX_BYTES = 8 * 1024 * 1024;
/** The fields besides the file are names and choices. */
const OTHER_FIELDS_MAX_BYTES = 1024 * 1024;
const FIELDS_MAX_COUNT = 20;

/**
 * Receives a form [RFC 7578] up to the part called `name`: a file, or a plain field of at most 8 MiB. Rejects with
 * `invalid_request` when there is no such part, or no form.
 */
export async function openForm(
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
): Promise<Form> {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? ''))
    throw new AppError('unsupported_media_type', 'The body must be multipart/form-data.');
  const { default: busboy } = await import('busboy');
  // The server leaves this to the reader of a body: a client that waits for it may have been refused before [RFC 9110 10.1.1].
  if (request.headers.expect !== undefined) response.writeContinue();
  return new Promise((resolve, reject) => {
    const fields: Record<string, string> = {};
    let parser: ReturnType<typeof busboy>;
    try {
      parser = busboy({
        headers: request.headers,
        // Fields are kept as bytes: one of them may be the file.
        defCharset: 'latin1',
        defParamCharset: 'utf8',
        // Two files: a second one has to be seen to be refused, and busboy skips files beyond its limit.
        limits: { fieldSize: FIELD_MAX_BYTES, fields: FIELDS_MAX_COUNT, files: 2 },
      });
    } catch (cause) {
      reject(new AppError('invalid_request', 'The form has no boundary, or a bad one.', { cause }));
      return;
    }
    let found = false;
    let fieldsBytes = 0;
    // The first fault: later ones follow from it.
    let refusal: AppError | undefined;
    const drop = (): void => {
      request.unpipe(parser).resume();
      parser.removeAllListeners('error').on('error', () => undefined);
      parser.destroy();
    };
    const ended = new Promise<void>((resolveEnd, rejectEnd) => {
      const fail = (
        message: string,
        code: 'invalid_request' | 'too_large' = 'invalid_request',
        cause?: unknown,
      ): void => {
        refusal ??= new AppError(code, message, { cause });
        rejectEnd(refusal);
        reject(refusal);
        drop();
      };
      // The form is handed over before it is complete, so that its content can be streamed. `fields` rejects with later faults.
      const give = (filename: string, content: Readable): void => {
        if (found) {
          content.resume();
          return fail(`The form has more than one part called "${name}".`);
        }
        found = true;
        resolve({ filename, content, fields: () => ended.then(() => fields), drop });
      };
      parser.on('file', (field, stream, { filename }) => {
        stream.on('error', () => undefined); // its reader gets the error, too
        if (field === name) return give(filename ?? '', Readable.from(whole(stream), { objectMode: false }));
        stream.resume();
        fail(`The form has a file called "${field.slice(0, 100)}"; it must be called "${name}".`);
      });
      parser.on('field', (field, value, { valueTruncated }) => {
        if (valueTruncated)
          return fail(`The field "${field.slice(0, 100)}" is larger than 8 MiB: send it as a file.`);
        if (field === name) return give('', Readable.from([Buffer.from(value, 'latin1')]));
        fieldsBytes += value.length;
        if (fieldsBytes > OTHER_FIELDS_MAX_BYTES)
          return fail('The fields of the form are larger than 1 MiB together.', 'too_large');
        fields[field] = Buffer.from(value, 'latin1').toString('utf8');
      });
      parser.on('fieldsLimit', () => fail(`The form has more than ${FIELDS_MAX_COUNT} fields.`));
      parser.on('error', (cause) => fail('The form is broken.', 'invalid_request', cause));
      parser.on('close', () => {
        if (!found) fail(`The form has no part called "${name}".`);
        resolveEnd();
      });
      // A pipe does not pass on that its source broke off.
      request.once('close', () => {
        if (!request.complete) fail('The form broke off.');
      });
    });
    ended.catch(() => undefined); // `fields` rejects with it
    request.pipe(parser);
  });
}

/** The bytes of a file. When they break off, the fault is the client's. */
async function* whole(stream: Readable): AsyncGenerator<Buffer> {
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new AppError('invalid_request', 'The form broke off.', { cause });
  }
}
