// A fake: an HTTP device that counts how often each call reached it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface CrashDevice {
  /** An OpenAPI document with one operation that writes and one that reads, each with the `id` of its call. */
  readonly document: object;
  /** When each write came, by id of the call; ms since the epoch. */
  readonly writes: ReadonlyMap<string, number[]>;
  readonly reads: ReadonlyMap<string, number[]>;
  close(): Promise<void>;
}

export async function startCrashDevice(latencyMs: () => number): Promise<CrashDevice> {
  const writes = new Map<string, number[]>();
  const reads = new Map<string, number[]>();
  const note = (seen: Map<string, number[]>, id: string): void => {
    seen.set(id, [...(seen.get(id) ?? []), Date.now()]);
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined); // its node was killed
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://device');
      if (url.pathname === '/write')
        note(writes, (JSON.parse(Buffer.concat(chunks).toString()) as { id: string }).id);
      else note(reads, url.searchParams.get('id') ?? '');
      void delay(latencyMs()).then(() => {
        if (!response.destroyed)
          response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
      });
    });
  });
  server.keepAliveTimeout = 600_000; // a connection that ends by itself under a call would look like a crash
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    document: documentOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    writes,
    reads,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function documentOf(url: string): object {
  const id = { type: 'string' };
  const responses = { 200: { description: 'Done' } };
  const body = { type: 'object', required: ['id'], properties: { id } };
  return {
    openapi: '3.0.3',
    info: { title: 'Crash device', version: '1' },
    servers: [{ url }],
    paths: {
      '/write': {
        post: {
          operationId: 'write',
          summary: 'Change the device.',
          requestBody: { required: true, content: { 'application/json': { schema: body } } },
          responses,
        },
      },
      '/read': {
        get: {
          operationId: 'read',
          summary: 'Read the device.',
          parameters: [{ name: 'id', in: 'query', required: true, schema: id }],
          responses,
        },
      },
    },
  };
}
