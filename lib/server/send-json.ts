import type { ServerResponse } from 'node:http';
import { formatExactly } from '../common/exact-numbers.ts';
import type { JsonValue } from '../common/json.ts';
import { isLargeValue, jsonSlicesOf, stringifyInSlices } from '../common/write-json-slices.ts';

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

/**
 * Answers with a JSON list whose items come in portions, each when the client has read those before it. A short list is written as any
 * other value.
 */
export async function sendJsonList(
  response: ServerResponse,
  portions: AsyncIterable<readonly unknown[]>,
  contentType = 'application/json',
): Promise<void> {
  let opening = '[';
  let waiting: readonly unknown[] = [];
  const put = async (): Promise<void> => {
    if (waiting.length === 0) return;
    if (opening === '[') response.writeHead(response.statusCode, { 'Content-Type': contentType });
    const text = (await stringifyInSlices(waiting)).slice(1, -1);
    if (!response.write(opening + text)) await writable(response);
    opening = ',';
  };
  for await (const portion of portions) {
    await put();
    if (response.destroyed) return; // the client has left
    waiting = portion;
    if (response.req.method === 'HEAD') {
      response.writeHead(response.statusCode, { 'Content-Type': contentType }).end(); // the length is that of all portions
      return;
    }
  }
  if (opening === '[') return sendJson(response, waiting, contentType);
  await put();
  response.end(']');
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
