import type { ServerResponse } from 'node:http';
import { formatExactly } from '../common/exact-numbers.ts';
import type { JsonValue } from '../common/json.ts';
import { isLargeValue, jsonSlicesOf } from '../common/write-json-slices.ts';

/** Answers with a JSON value, and with nothing where the status is 204. A large value is written in slices, as fast as the client reads. */
export async function sendJson(
  response: ServerResponse,
  value: unknown,
  contentType = 'application/json',
): Promise<void> {
  if (response.statusCode === 204) {
    response.end();
    return;
  }
  const slices = isLargeValue(value) ? await jsonSlicesOf(value) : [formatExactly(value as JsonValue)];
  response.writeHead(response.statusCode, {
    'Content-Type': contentType,
    'Content-Length': slices.reduce((sum, slice) => sum + Buffer.byteLength(slice), 0),
  });
  for (const slice of slices) if (!response.write(slice)) await writable(response);
  // Also for a client that has left: the record for a repeated request learns of the end.
  response.end();
}

/** Resolves when the client has read on, or has left. */
function writable(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
