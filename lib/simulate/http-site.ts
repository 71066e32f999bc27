import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sleep } from '../common/deadline.ts';
import { AppError, messageOf } from '../errors.ts';
import type { DeviceFault } from './fault.ts';

/** A request as it came in, read to its end. */
export interface SiteRequest {
  method: string;
  /** As it came, without the query. */
  path: string;
  /** As it came, without the "?". */
  query: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** The answer to a request. */
export interface SiteAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  body?: string | Buffer;
}

/** An HTTP server of a simulated device. `close` frees its port at once. */
export interface Site {
  /** `http://127.0.0.1:41234`. */
  url: string;
  /** When the last request came, in ms since the epoch; at first when the site was opened. */
  usedAt(): number;
  fault(fault: DeviceFault | undefined): void;
  close(): Promise<void>;
}

/** Where a site listens, and how it answers. */
interface SiteOptions {
  /** 127.0.0.1 by default. */
  host?: string;
  /** Any free one by default. */
  port?: number;
  answer(request: SiteRequest): SiteAnswer | Promise<SiteAnswer>;
  /** The answer that stands for an error with this code. */
  refuse?(code: number, request: SiteRequest): SiteAnswer;
}

/** A longer body is answered with 413. */
const bodyMaxBytes = 16 * 1024 * 1024;

/** Opens a server that answers HTTP requests, or fails as its fault says. Rejects when the port is taken. */
export async function openSite({
  host = '127.0.0.1',
  port = 0,
  answer,
  refuse = (status) => ({ status }),
}: SiteOptions): Promise<Site> {
  const closing = new AbortController();
  let fault: DeviceFault | undefined;
  let usedAt = Date.now();

  const respond = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    usedAt = Date.now();
    const { method = '', url = '/', headers } = incoming;
    const [path = '/', ...rest] = url.split('?');
    const body = await bodyOf(incoming);
    const request = { method, path, query: rest.join('?'), headers, body: body ?? Buffer.alloc(0) };
    // The fault of the moment when the request is complete holds for the whole answer.
    const now = fault;
    if (now?.kind === 'drop') return;
    if (now?.kind === 'garbage') return void incoming.socket.end('\u0000\u0001 this is no HTTP\r\n\r\n');
    if (now?.kind === 'delay') await sleep(now.ms, closing.signal);
    if (body === undefined) return send(response, { status: 413 }, method);
    send(response, now?.kind === 'exception' ? refuse(now.code, request) : await answer(request), method);
  };
  const server = createServer((incoming, response) => {
    response.on('error', () => response.destroy());
    respond(incoming, response).catch((error: unknown) => {
      if (response.headersSent || closing.signal.aborted) response.destroy();
      else response.writeHead(500, { 'content-type': 'text/plain' }).end(messageOf(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    usedAt: () => usedAt,
    fault: (next) => void (fault = next),
    close() {
      closing.abort(new AppError('stopped', 'The device is gone.'));
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** A JSON answer. */
export function jsonAnswer(status: number, value: unknown, type = 'application/json'): SiteAnswer {
  return { status, headers: { 'content-type': type }, body: JSON.stringify(value) };
}

/** All of a request's body; undefined when it is too long. */
async function bodyOf(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= bodyMaxBytes) chunks.push(chunk);
  }
  return bytes > bodyMaxBytes ? undefined : Buffer.concat(chunks);
}

function send(response: ServerResponse, { status, headers = {}, body }: SiteAnswer, method: string): void {
  response.writeHead(status, headers);
  // A 204 and a 304 have no body, nor has the answer to HEAD [RFC 9110 6.4.1].
  response.end(method === 'HEAD' || status === 204 || status === 304 ? undefined : body);
}
