import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as it came over the wire. */
export interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  socket: Socket;
}

/** A simulated HTTP device on loopback: records every request, answers as told. */
export interface HttpDevice {
  readonly url: string;
  readonly port: number;
  readonly seen: SeenRequest[];
  /** How it answers; 200 with an empty JSON object until told otherwise. */
  answer: (response: ServerResponse, request: SeenRequest) => void;
  /** The next request, whole. */
  next(): Promise<SeenRequest>;
  close(): Promise<void>;
}

export async function openHttpDevice(): Promise<HttpDevice> {
  const waiting: ((request: SeenRequest) => void)[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '', headers, socket } = incoming;
      const request = { method, url, headers, body: Buffer.concat(chunks), socket };
      device.seen.push(request);
      for (const tell of waiting.splice(0)) tell(request);
      device.answer(response, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const device: HttpDevice = {
    url: `http://127.0.0.1:${port}`,
    port,
    seen: [],
    answer: (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
    next: () => new Promise((resolve) => waiting.push(resolve)),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return device;
}
