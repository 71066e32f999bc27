import { createHash } from 'node:crypto';
import { checkObjectSize, HEAD_MAX_BYTES, type StoredObject } from './object-store.ts';

/** Measures bytes on their way into a store. */
export interface Measure {
  /** The same bytes as they come; throws `too_large` at the first one too many. */
  bytes(): AsyncGenerator<Buffer, void, undefined>;
  /** The measures of the bytes that have passed. */
  result(key: string): StoredObject;
}

/** A measure of a source. */
export function createMeasure(source: AsyncIterable<Buffer>, maxBytes: number): Measure {
  const hash = createHash('md5');
  const head: Buffer[] = [];
  let headBytes = 0;
  let bytes = 0;
  return {
    async *bytes() {
      for await (const chunk of source) {
        bytes += chunk.length;
        checkObjectSize(bytes, maxBytes);
        hash.update(chunk);
        if (headBytes < HEAD_MAX_BYTES) {
          head.push(Buffer.from(chunk.subarray(0, HEAD_MAX_BYTES - headBytes)));
          headBytes += chunk.length;
        }
        yield chunk;
      }
    },
    result: (key) => ({ key, bytes, md5: hash.digest('hex'), head: Buffer.concat(head) }),
  };
}
