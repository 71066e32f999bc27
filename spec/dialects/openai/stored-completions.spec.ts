import { expect } from 'chai';
import type OpenAI from 'openai';
import { openOpenAiDocument } from '../../support/openai-document.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from '../../support/model-server.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../../support/threads.ts';
import { refusal } from '../../support/openai-refusal.ts';

const document = openOpenAiDocument();

describe('stored chat completions', () => {
  let server: ThreadServer;
  let model: ModelServer;
  let ada: Caller;
  let bob: Caller;
  const steps: ModelServerStep[] = [];
  before(async () => {
    model = await startModelServer(steps);
    model.models.push('gpt-4o', 'meta-llama/Llama-3.3-70B');
    server = await openThreadServer({ baseUrl: model.baseUrl, COMPLETIONS_PER_OWNER_MAX_COUNT: '4' });
    ada = await server.caller('ada');
    bob = await server.caller('bob');
  });
  after(async () => {
    await server.close();
    await model.close();
  });

  const say = (content: string, metadata?: Record<string, string>) => {
    steps.push({ text: `You said ${content}.` });
    return ada.openai.chat.completions.create({
      model: 'gpt-4o',
      messages: [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: [{ type: 'text', text: content }] },
      ],
      store: true,
      ...(metadata && { metadata }),
    });
  };
  const idsOf = async (query: OpenAI.ChatCompletionListParams = {}): Promise<string[]> =>
    (await ada.openai.chat.completions.list(query)).data.map(({ id }) => id);

  it('are kept here, and not at the endpoint: read, changed, and deleted', async () => {
    const made = await say('one', { room: 'kitchen' });
    expect(model.requests.at(-1)?.body).to.not.have.any.keys('store', 'metadata');
    const path = `/v1/chat/completions/${made.id}`;
    expect((await ada.call('GET', path)).body).to.deep.equal(made);
    document?.expectValid('CreateChatCompletionResponse', made);
    const changed = await ada.openai.chat.completions.update(made.id, { metadata: { room: 'bath' } });
    expect(changed).to.deep.equal({ ...made, metadata: { room: 'bath' } });
    expect((await ada.call('GET', path)).body).to.deep.equal(changed);
    const { data } = await ada.openai.chat.completions.messages.list(made.id);
    expect(data).to.deep.equal([
      { id: `${made.id}-0`, role: 'system', content: 'Be short.', refusal: null, content_parts: null },
      {
        id: `${made.id}-1`,
        role: 'user',
        content: null,
        refusal: null,
        content_parts: [{ type: 'text', text: 'one' }],
      },
    ]);
    expect((await bob.call('GET', path)).status).to.equal(404);
    expect(await ada.openai.chat.completions.delete(made.id)).to.deep.equal({
      object: 'chat.completion.deleted',
      id: made.id,
      deleted: true,
    });
    expect((await ada.call('GET', path)).status).to.equal(404);
    expect((await ada.call('DELETE', path)).status).to.equal(404);
  });

  it('are listed page by page, by model and by metadata; the oldest leave', async () => {
    const made: string[] = [];
    for (const room of ['a', 'b', 'a', 'b', 'a']) made.push((await say(room, { room })).id);
    const kept = made.slice(1);
    expect(await idsOf()).to.deep.equal(kept);
    expect(await idsOf({ order: 'desc', limit: 2 })).to.deep.equal(kept.toReversed().slice(0, 2));
    expect(await idsOf({ after: kept[0]! })).to.deep.equal(kept.slice(1));
    expect(await idsOf({ metadata: { room: 'a' } })).to.deep.equal([kept[1], kept[3]]);
    expect(await idsOf({ model: 'other' })).to.deep.equal([]);
    const all: string[] = [];
    for await (const { id } of ada.openai.chat.completions.list({ limit: 1 })) all.push(id);
    expect(all).to.deep.equal(kept);
    expect(refusal(await ada.call('GET', '/v1/chat/completions?after=nothing'))).to.deep.equal([
      400,
      'after',
    ]);
    const messages = `/v1/chat/completions/${kept[0]}/messages?after=nothing`;
    expect(refusal(await ada.call('GET', messages))).to.deep.equal([400, 'after']);
  });

  it('hold the whole answer of a stream, calls included', async () => {
    steps.push({ text: 'Wait.', calls: [{ name: 'lamp', arguments: { on: true } }] });
    const stream = ada.openai.chat.completions.stream({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: 'Light!' }],
      store: true,
    });
    const { id } = await stream.finalChatCompletion();
    const { choices } = await ada.openai.chat.completions.retrieve(id);
    expect(choices).to.deep.equal([
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'Wait.',
          refusal: null,
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'lamp', arguments: '{"on":true}' } },
          ],
        },
        finish_reason: 'tool_calls',
        logprobs: null,
      },
    ]);
  });

  it('stand beside the models, each of which can be read, also with a slash in its name', async () => {
    expect(await ada.openai.models.retrieve('gpt-4o')).to.deep.equal({
      id: 'gpt-4o',
      object: 'model',
      created: 0,
      owned_by: 'endpoint',
    });
    expect((await ada.openai.models.retrieve('meta-llama/Llama-3.3-70B')).id).to.equal(
      'meta-llama/Llama-3.3-70B',
    );
    expect((await ada.call('GET', '/v1/models/meta-llama/Llama-3.3-70B')).status).to.equal(200);
    expect((await ada.call('GET', '/v1/models/nothing')).status).to.equal(404);
  });
});
