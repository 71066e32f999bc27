import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { openReplies } from '../../../lib/chats/replies.ts';
import type { Model } from '../../../lib/core/model.ts';
import { send, type SendParts } from '../../../lib/dialects/chat/send.ts';
import { waitFor } from '../../support/wait-for.ts';

const PIECE = 'x'.repeat(1 << 16);
/** More than all sockets between here and there hold. */
const COUNT = 1024;

describe('a client of /chat/send that does not read', () => {
  it('holds the model up, and gets everything once it reads', async () => {
    let said = 0;
    let waits = 0;
    const model: Model = {
      async reply(_, { onDelta, pace }) {
        for (; said < COUNT; said += 1) {
          onDelta?.(PIECE);
          const held = pace?.();
          if (held) {
            waits += 1;
            await held;
          } else await new Promise((resolve) => setImmediate(resolve));
        }
        const usage = { promptTokens: 1, completionTokens: 1, totalTokens: 2 };
        return { text: 'all of it', calls: [], completion: { id: '1', model: 'm', usage } };
      },
    };
    const chat = { id: 1, owner: 'u', presetId: null };
    const chats = { find: async () => chat, append: async () => 7 };
    const limits = { heartbeatIntervalMs: 60_000, socketStallTimeoutMs: 60_000 };
    const replies = openReplies(chats);
    const modelConfigs = { keyFor: async () => 'k' };
    const context = { chats, replies, modelConfigs, models: { open: () => model }, config: { limits } };
    const body = {
      conversation_id: 1,
      messages: [{ role: 'user' as const, content: 'Hi' }],
      base_url: 'http://model.example',
      model_name: 'm',
      api_key: 'k',
    };
    const caller = { id: 'u', kind: 'user', account: {} };
    let ended: Promise<void> | undefined;
    const server = createServer((request, response) => {
      const call = { request, response, body, caller, origin: '', log: console };
      ended = send(context as unknown as SendParts, call as never);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.pause().write('POST / HTTP/1.1\r\nHost: x\r\n\r\n');
    await waitFor(() => waits > 0, 5000);
    // It stands still, with most of it unsaid: nobody keeps it for the client.
    for (let still = 0, before = -1; still < 10; still = said === before ? still + 1 : 0) {
      before = said;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(said).to.be.below(COUNT / 2);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length)).resume();
    await ended;
    await waitFor(() => bytes > COUNT * PIECE.length, 5000);
    socket.destroy();
    server.close();
    await once(server, 'close');
  }).timeout(20_000);
});
