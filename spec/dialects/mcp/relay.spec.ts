import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { expect } from 'chai';
import { relay } from '../../../lib/dialects/mcp/relay.ts';
import type { Call } from '../../../lib/server/mount.ts';

type Pull = (controller: ReadableStreamDefaultController<Uint8Array>) => void | Promise<void>;
type Limits = Parameters<typeof relay>[2];

const limits = { heartbeatIntervalMs: 60_000, socketStallTimeoutMs: 60_000 } as Limits;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the stream of an answer to an MCP host', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  /** A server that answers each request with a stream that is pulled so. */
  async function serve(pullFor: (response: ServerResponse) => Pull): Promise<string> {
    const server = createServer((request, response) => {
      const stream = new ReadableStream({ pull: pullFor(response) }, { highWaterMark: 0 });
      const answer = new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
      const transport = { handleRequest: async () => answer };
      const call = { request, response, body: {}, caller: { id: 'ann' } };
      void relay(
        transport as unknown as WebStandardStreamableHTTPServerTransport,
        call as unknown as Call,
        limits,
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('keeps its head and its first piece back for a moment, so that a short answer leaves as one', async () => {
    const corked: number[] = [];
    const pieces = ['one ', 'two ', 'three'];
    const url = await serve((response) => (controller) => {
      corked.push(response.writableCorked);
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(bytes(piece));
    });
    const answer = await fetch(url);
    expect([await answer.text(), corked]).to.deep.equal(['one two three', [1, 1, 1, 1]]);
  });

  it('shows its head and its first piece when the next one takes long', async () => {
    const url = await serve(() => {
      let count = 0;
      return async (controller) => {
        count += 1;
        if (count > 1) await new Promise(() => undefined);
        controller.enqueue(bytes('one'));
      };
    });
    const { body } = await fetch(url);
    const reader = body!.getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).to.equal('one');
    await reader.cancel();
  });

  it('keeps nothing back when the host takes a large piece more slowly', async () => {
    const large = 'x'.repeat(1 << 20);
    const corked: number[] = [];
    let sent = 0;
    const url = await serve((response) => (controller) => {
      corked.push(response.writableCorked);
      if (sent === 2) controller.close();
      else controller.enqueue(bytes(large));
      sent += 1;
    });
    const answer = await fetch(url);
    expect([(await answer.text()).length, corked]).to.deep.equal([2 * large.length, [1, 0, 0]]);
  });
});
