import { expect } from 'chai';
import OpenAI, { toFile } from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { refusal } from '../../support/openai-refusal.ts';
import { waitFor } from '../../support/wait-for.ts';

/** The clients check answers by OpenAI's own document when they are asked to (`_strict_response_validation` in Python). */
describe("the routes of OpenAI's own tests of its clients", () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
    world.model.models.push('m');
  });
  after(() => world.close());

  /** The fields of a response that every strict client asks for, as they are when the request leaves them out. */
  const defaults = {
    object: 'response',
    background: false,
    conversation: null,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    max_tool_calls: null,
    metadata: {},
    model: 'm',
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, mode: 'standard', summary: null },
    service_tier: 'default',
    store: true,
    temperature: null,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_p: null,
    truncation: 'auto',
    usage: {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
      output_tokens: 20,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 120,
    },
  };

  it('give a whole response when it is made, read, streamed and cancelled', async () => {
    world.steps.push({ text: 'Hello.' }, { text: 'Hello.' });
    const made = await client.responses.create({ model: 'm', input: 'Hi' });
    const whole = {
      ...defaults,
      id: made.id,
      created_at: made.created_at,
      completed_at: made.completed_at,
      status: 'completed',
      output: made.output,
      output_text: 'Hello.',
    };
    expect(made).to.deep.equal(whole);
    expect(await client.responses.retrieve(made.id)).to.deep.equal(whole);
    expect(await client.responses.cancel(made.id)).to.deep.include({ id: made.id, status: 'completed' });
    const { data } = await client.responses.inputItems.list(made.id);
    expect(data.map((item) => 'content' in item && item.content)).to.deep.equal([
      [{ type: 'input_text', text: 'Hi' }],
    ]);
    const stream = await client.responses.create({ model: 'm', input: 'Hi', stream: true });
    let last: OpenAI.Responses.Response | undefined;
    for await (const event of stream) if (event.type === 'response.completed') last = event.response;
    const { output_text: _text, ...streamed } = whole;
    expect(last).to.deep.equal({
      ...streamed,
      id: last!.id,
      created_at: last!.created_at,
      completed_at: last!.completed_at,
      output: last!.output,
    });
    await client.responses.delete(made.id);
    expect((await world.ada.call('GET', `/v1/responses/${made.id}`)).status).to.equal(404);
  });

  it('take the hints of today’s clients, and no input where the conversation has the messages', async () => {
    const { id: conversation } = await client.conversations.create({
      ...world.devices,
      items: [{ type: 'message', role: 'user', content: 'Light!' }],
    });
    world.steps.push(setLamp(true), { text: 'It is on.' });
    const answer = await world.ada.call('POST', '/v1/responses', {
      model: 'm',
      conversation,
      context_management: [{ type: 'compaction', compact_threshold: 1000 }],
      prompt_cache_options: { mode: 'implicit', ttl: '30m' },
      top_logprobs: 0,
    });
    expect([answer.status, (answer.body as { status: string }).status]).to.deep.equal([200, 'completed']);
    const asked = world.model.requests.at(-2)!.body['messages'] as object[];
    expect(asked.at(-1)).to.deep.equal({ role: 'user', content: 'Light!' });
    expect(refusal(await world.ada.call('POST', '/v1/responses', {}))).to.deep.equal([400, 'input']);
    const { data } = await client.conversations.items.list(conversation, { order: 'asc' });
    expect(data.map(({ type }) => type)).to.deep.equal([
      'message',
      'function_call',
      'function_call_output',
      'message',
    ]);
    const item = await client.conversations.items.retrieve(data[0]!.id!, { conversation_id: conversation });
    expect(item).to.deep.equal(data[0]);
  });

  it('answer for threads, runs and steps, files, uploads, models and stored completions', async () => {
    const thread = await client.beta.threads.create();
    const message = await client.beta.threads.messages.create(thread.id, { role: 'user', content: 'Hi' });
    world.steps.push({ text: 'Hello.' });
    const run = await client.beta.threads.runs.create(thread.id, { assistant_id: 'default' });
    const at = { thread_id: thread.id };
    await waitFor(async () => (await client.beta.threads.runs.retrieve(run.id, at)).status === 'completed');
    const steps = await client.beta.threads.runs.steps.list(run.id, at);
    expect(
      await client.beta.threads.runs.steps.retrieve(steps.data[0]!.id, { ...at, run_id: run.id }),
    ).to.deep.equal(steps.data[0]);
    expect((await client.beta.threads.runs.list(thread.id)).data.map(({ id }) => id)).to.deep.equal([run.id]);
    expect(await client.beta.threads.messages.retrieve(message.id, at)).to.deep.equal(message);
    expect((await client.beta.assistants.list()).data.map(({ id }) => id)).to.deep.equal(['default']);
    expect((await client.models.retrieve('m')).id).to.equal('m');
    const upload = await client.uploads.create({
      bytes: 5,
      filename: 'a.txt',
      mime_type: 'text/plain',
      purpose: 'assistants',
    });
    const part = await client.uploads.parts.create(upload.id, { data: await toFile(Buffer.from('hello')) });
    const { file } = await client.uploads.complete(upload.id, { part_ids: [part.id] });
    expect(await client.files.retrieve(file!.id)).to.deep.equal(file);
    expect(await (await client.files.content(file!.id)).text()).to.equal('hello');
    world.steps.push({ text: 'Kept.' });
    const kept = await client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'Hi' }],
      store: true,
    });
    expect((await client.chat.completions.retrieve(kept.id)).choices).to.deep.equal(kept.choices);
    // OpenAI's reference shows the messages of the request; the types of its clients say `assistant` for the role of each.
    const { data } = await client.chat.completions.messages.list(kept.id);
    expect(data).to.deep.equal([
      { role: 'user', id: `${kept.id}-0`, refusal: null, content: 'Hi', content_parts: null },
    ]);
  });
});
