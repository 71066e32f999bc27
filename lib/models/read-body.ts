import { ModelError } from '../errors.ts';
import type { Limit } from './limit.ts';

/** The body of an answer broke off before its end. Nothing of it was used, so that the request may be made again. */
export class BrokenBodyError extends ModelError {
  constructor(cause?: unknown) {
    super("the model's reply broke off before its end", { cause });
  }
}

/** The text of a body that is not streamed. Rejects with a BrokenBodyError, and with a ModelError for more than `maxBytes`. */
export async function readBodyText(response: Response, maxBytes: number): Promise<string> {
  const { headers } = response;
  const isPlain = headers.get('content-encoding') === null;
  const size = isPlain ? Number(headers.get('content-length') ?? 'NaN') : NaN;
  const chunks: Uint8Array[] = [];
  try {
    if (size <= maxBytes) return await response.text(); // costs much less than reading piece by piece
    for await (const bytes of boundedBody(response, maxBytes)) chunks.push(bytes);
  } catch (error) {
    throw error instanceof ModelError ? error : new BrokenBodyError(error);
  }
  return Buffer.concat(chunks).toString();
}

/** The pieces of a body. Throws a ModelError when there are more than `maxBytes`. */
export async function* boundedBody(response: Response, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const bytes of response.body ?? []) {
    size += bytes.length;
    if (size > maxBytes)
      throw new ModelError(`the model endpoint sent more than ${maxBytes / 1024 / 1024} MiB`);
    yield bytes;
  }
}

/** Whether only the end of the connection ends the body [RFC 9112 6.3, item 8], so that a cut one looks like a whole one. */
export function endsWithConnection({ headers }: Response): boolean {
  return headers.get('content-length') === null && headers.get('transfer-encoding') === null;
}

/** Does the work, and once more when the body of the answer broke off: nothing was decided then. The limit holds for both. */
export async function withSecondTry<T>(limit: Limit, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BrokenBodyError) || limit.over !== undefined) throw error;
    return work();
  }
}
