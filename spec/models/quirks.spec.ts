import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { openModels } from '../../lib/models/index.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from '../support/model-server.ts';

const request = {
  messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Hello' }] }],
  tools: [],
};

/** Three events, the next one when the one before is surely on its way. */
async function inPieces(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const content of ['one ', 'two ', 'three']) {
    const chunk = { choices: [{ index: 0, delta: { content } }] };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  response.end('data: [DONE]\n\n');
}

describe('a model with fields of its own', () => {
  let server: ModelServer;
  afterEach(() => server.close());

  async function ask(steps: ModelServerStep[], extra: Record<string, number>, pace?: () => Promise<void>) {
    server = await startModelServer(steps);
    const models = openModels({ fetch, defaults: { baseUrl: server.baseUrl, apiKey: 'k', model: 'm' } });
    const deltas: string[] = [];
    const reply = await models.open({ extra }).reply(request, {
      signal: new AbortController().signal,
      ...(pace && { onDelta: (text: string) => deltas.push(text), pace }),
    });
    server.expectDone();
    return { reply, deltas };
  }

  it('sends them as they are', async () => {
    await ask([{ text: 'Hi.' }], { top_k: 5, seed: 7 });
    expect(server.requests[0]?.body).to.include({ top_k: 5, seed: 7, model: 'm' });
  });

  it('leaves one out that the endpoint refuses, and keeps the others', async () => {
    const refusal = { error: { message: 'Unrecognized request argument supplied: top_k' } };
    await ask([{ status: 400, body: refusal }, { text: 'Hi.' }], { top_k: 5, seed: 7 });
    expect(server.requests[1]?.body).to.include({ seed: 7 });
    expect(server.requests[1]?.body).to.not.have.property('top_k');
  });

  it('does not read on before it is told to', async () => {
    let held = 0;
    let free = 0;
    const { reply, deltas } = await ask([{ answer: inPieces }], {}, async () => {
      expect(held).to.equal(free);
      held += 1;
      await new Promise((resolve) => setImmediate(resolve));
      free += 1;
    });
    expect(deltas).to.deep.equal(['one ', 'two ', 'three']);
    expect(reply.text).to.equal('one two three');
    expect([held > 0, held]).to.deep.equal([true, free]);
  });
});
