import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { JsonValue } from '../core/json.ts';
import { AppError, messageOf } from '../errors.ts';

/** A simulated device that listens on loopback: no hardware moves. */
export interface SimulatedDevice {
  /** Where its document's server is, as the `server` of an openSpecList entry takes it. */
  server: string;
  /** Its whole state in a line, for people. */
  state(): string;
  /** Frees its port at once; open connections are cut. */
  close(): Promise<void>;
}

/** What a device answers a request with. */
export interface Answer {
  status: number;
  body?: JsonValue;
}

/** Serves `answer` as JSON over HTTP on 127.0.0.1, on any free port when `port` is 0. Rejects when the port is taken. */
export async function serveJson(
  port: number,
  answer: (request: { method: string; path: string; body: string }) => Answer,
): Promise<{ url: string; close(): Promise<void> }> {
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '/' } = request;
    const { status, body } = answer({ method, path: url.split('?')[0] ?? '/', body: await text(request) });
    response.writeHead(status, body === undefined ? {} : { 'content-type': 'application/json' });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  };
  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end(messageOf(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The JSON value of a text; undefined when it is none. */
export function parseJson(source: string): JsonValue | undefined {
  try {
    return JSON.parse(source) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw new AppError('internal', messageOf(error), { cause: error });
  }
}
