import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import type { ModelMessage, ModelReply, ModelRequest } from '../../lib/core/model.ts';
import { openModels } from '../../lib/models/index.ts';
import { ask, rejection, sentence, withModelServer } from '../support/model-asking.ts';
import { sendEvents, sendJson, startModelServer, type ModelServerStep } from '../support/model-server.ts';
import { call, vendorReplies, type VendorReply } from './vendors.ts';

const tools = [{ name: 'get_status', description: 'Read the status.', parameters: { type: 'object' } }];

/** The recorded reply as one answer, or as a stream. */
function recorded({ message, deltas }: VendorReply, streamed: boolean): ModelServerStep {
  const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => ({
    id: 'r1',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const chunks = [{ id: 'r1', choices: [] }, ...deltas.map((delta) => chunk(delta)), chunk({}, 'tool_calls')];
  const whole = { id: 'r1', choices: [{ index: 0, message, finish_reason: 'tool_calls' }] };
  return { answer: (response) => (streamed ? sendEvents(response, chunks) : sendJson(response, 200, whole)) };
}

/** The conversation after a reply: the user's sentence, the reply, and the result of each of its calls. */
function after({ text, calls, provider }: ModelReply): ModelRequest {
  const assistant: ModelMessage = { role: 'assistant', text, calls, ...(provider && { provider }) };
  const results = calls.map(({ callId }): ModelMessage => ({ role: 'tool', callId, result: { body: 'ok' } }));
  return { messages: [...sentence('Status?').messages, assistant, ...results], tools };
}

/** Asks a vendor, and asks it again with its reply in the conversation; then asks another model of the same endpoint. */
async function converse(vendor: VendorReply, streamed: boolean) {
  const server = await startModelServer([recorded(vendor, streamed), { text: 'Done.' }, { text: 'Done.' }]);
  try {
    const models = openModels({ fetch });
    const [deltas, thoughts] = [[] as string[], [] as string[]];
    const options = {
      signal: new AbortController().signal,
      onReasoning: (text: string) => void thoughts.push(text),
      ...(streamed && { onDelta: (text: string) => void deltas.push(text) }),
    };
    const model = models.open({ baseUrl: server.baseUrl, model: 'm' });
    const reply = await model.reply(sentence('Status?', tools), options);
    const next = JSON.parse(JSON.stringify(after(reply))) as ModelRequest; // as it comes back from the store
    await model.reply(next, options);
    await models.open({ baseUrl: server.baseUrl, model: 'other' }).reply(next, options);
    const [, back, elsewhere] = server.requests.map(({ body }) => (body['messages'] as JsonObject[])[1]);
    return { reply, back, elsewhere, deltas, thoughts };
  } finally {
    await server.close();
  }
}

describe('a model reply with additions of its vendor', () => {
  for (const vendor of vendorReplies)
    for (const streamed of [false, true])
      it(`${vendor.vendor}, ${streamed ? 'streamed' : 'whole'}: thinking is no answer, and the additions go back`, async () => {
        const { reply, back, elsewhere, deltas, thoughts } = await converse(vendor, streamed);
        expect(thoughts.join('')).to.equal(vendor.reasoning);
        expect(reply.text).to.equal(vendor.text);
        if (streamed) expect(deltas.join('')).to.equal(`${vendor.text}Done.Done.`);
        expect(reply.calls).to.deep.equal([
          { callId: 'c1', name: 'get_status', arguments: { room: 'bath' } },
        ]);
        const { channel: _channel, ...same } = back!;
        const tool_calls = [call('c1', vendor.callBack)];
        expect(same).to.deep.equal({ role: 'assistant', ...vendor.back, tool_calls });
        const plain = { role: 'assistant', content: vendor.text === '' ? null : vendor.text };
        expect(elsewhere).to.deep.equal({ ...plain, tool_calls: [call('c1')] });
      });

  const thinking = { role: 'assistant', content: 'Hi.', reasoning_content: 'Greet.' };
  const answer = (message: JsonObject): ModelServerStep => ({
    answer: (response) => sendJson(response, 200, { choices: [{ message, finish_reason: 'stop' }] }),
  });
  const refusal = (message: string): ModelServerStep => ({ status: 400, body: { error: { message } } });
  const history = ({ text, calls, provider }: ModelReply): ModelRequest => ({
    messages: [
      ...sentence('Hello').messages,
      { role: 'assistant', text, calls, ...(provider && { provider }) },
      ...sentence('And?').messages,
    ],
    tools: [],
  });
  const backIn = (body: JsonObject = {}): JsonObject => (body['messages'] as JsonObject[])[1]!;

  it('that the vendor refuses to get back: it is left out, and that is remembered', () =>
    withModelServer(
      [
        answer(thinking),
        refusal('The `reasoning_content` is not allowed in the input messages.'),
        { text: 'One.' },
        { text: 'Two.' },
      ],
      async (model, server) => {
        const next = history(await ask(model));
        expect([(await ask(model, next)).text, (await ask(model, next)).text]).to.deep.equal([
          'One.',
          'Two.',
        ]);
        const sent = server.requests.slice(1).map(({ body }) => 'reasoning_content' in backIn(body));
        expect(sent).to.deep.equal([true, false, false]);
      },
    ));

  it('that the vendor misses somewhere is no refusal: it is sent on', () =>
    withModelServer(
      [
        answer(thinking),
        refusal('The `reasoning_content` in the thinking mode must be passed back to the API.'),
        { text: 'One.' },
      ],
      async (model, server) => {
        const next = history(await ask(model));
        expect(await rejection(ask(model, next))).to.include({ name: 'ModelError', status: 400 });
        await ask(model, next);
        expect(backIn(server.requests[2]?.body)).to.include({ reasoning_content: 'Greet.' });
        expect(server.requests[2]?.body).to.have.property('thinking');
      },
      { config: { extra: { thinking: { type: 'enabled' } } } },
    ));

  it('of more than 1 MiB: the long field is left out, and the others are kept', () =>
    withModelServer(
      [answer({ ...thinking, signature: 's', pictures: 'x'.repeat(2 ** 20) })],
      async (model) => {
        const { provider } = await ask(model);
        expect(provider?.data).to.deep.equal({ message: { reasoning_content: 'Greet.', signature: 's' } });
      },
    ));

  it('comes from an origin without the query of the address, which may hold a key', async () => {
    const server = await startModelServer([answer(thinking)]);
    const model = openModels({ fetch }).open({ baseUrl: `${server.baseUrl}/?key=secret`, model: 'm' });
    expect((await ask(model)).provider?.origin).to.equal(`${server.baseUrl} m`);
    await server.close();
  });
});
