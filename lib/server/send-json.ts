import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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
  const slices = isLargeValue(value) ? await jsonSlicesOf(value) : [JSON.stringify(value)];
  response.writeHead(response.statusCode, {
    'Content-Type': contentType,
    'Content-Length': slices.reduce((sum, slice) => sum + Buffer.byteLength(slice), 0),
  });
  if (slices.length === 1) response.end(slices[0]);
  else await pipeline(Readable.from(slices), response).catch(() => undefined); // the client has left
}
