import { expect } from 'chai';
import type OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { refusal } from '../../support/openai-refusal.ts';
import { waitFor } from '../../support/wait-for.ts';
import { gate } from '../../support/world.ts';

type Created = OpenAI.Responses.Response;

describe('responses', () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
  });
  after(() => world.close());

  const create = (body: object): Promise<Created> =>
    client.responses.create(body as OpenAI.Responses.ResponseCreateParamsNonStreaming);
  const post = (body: object) => world.ada.call('POST', '/v1/responses', body);
  const lastRequest = () => world.model.requests.at(-1)!.body;
  const shapes = ({ output }: Created) =>
    output.map((item) => {
      if (item.type === 'message')
        return item.content.map((part) => (part.type === 'output_text' ? part.text : ''));
      if (item.type === 'function_call')
        return [item.type, item.call_id, item.name, item.arguments, item.status];
      return item.type === 'function_call_output' ? [item.type, item.call_id, item.output] : [item.type];
    });

  it('set a device, and show the call and its output among their items', async () => {
    const before = world.writes();
    world.steps.push(setLamp(true, 'Wait.'), { text: 'It is on.' });
    const made = await create({
      model: 'gpt-4o',
      input: 'Light!',
      instructions: 'Be short.',
      temperature: 0.5,
      top_p: 0.9,
      max_output_tokens: 99,
      parallel_tool_calls: false,
      metadata: { room: 'kitchen' },
      user: 'u1',
      text: {
        format: { type: 'json_schema', name: 'a', schema: { type: 'object' }, strict: true },
        verbosity: 'low',
      },
      reasoning: { effort: 'low' },
      ...world.devices,
    });
    expect(world.writes()).to.equal(before + 1);
    const callId = made.output.find((item) => item.type === 'function_call')!.call_id;
    expect(shapes(made)).to.deep.equal([
      ['Wait.'],
      ['function_call', callId, 'set_lamp', '{"on":true}', 'completed'],
      ['function_call_output', callId, '{"statusCode":200,"body":"{}"}'],
      ['It is on.'],
    ]);
    expect(made.output_text).to.equal('Wait.It is on.');
    expect({ ...made, output: [], output_text: '' }).to.deep.equal({
      id: made.id,
      object: 'response',
      created_at: made.created_at,
      status: 'completed',
      background: false,
      completed_at: made.completed_at,
      conversation: null,
      error: null,
      incomplete_details: null,
      instructions: 'Be short.',
      max_output_tokens: 99,
      max_tool_calls: null,
      metadata: { room: 'kitchen' },
      model: 'gpt-4o',
      output: [],
      output_text: '',
      parallel_tool_calls: false,
      previous_response_id: null,
      reasoning: { effort: 'low', mode: 'standard', summary: null },
      service_tier: 'default',
      store: true,
      temperature: 0.5,
      text: {
        format: { type: 'json_schema', name: 'a', schema: { type: 'object' }, strict: true },
        verbosity: 'low',
      },
      tool_choice: 'auto',
      tools: [],
      top_p: 0.9,
      truncation: 'auto',
      usage: {
        input_tokens: 200,
        input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
        output_tokens: 40,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 240,
      },
      user: 'u1',
    });
    const { messages, tools, ...sent } = lastRequest() as { messages: unknown[]; tools: unknown[] };
    expect(messages[0]).to.deep.equal({ role: 'system', content: 'Be short.' });
    expect(tools).to.have.length(1);
    expect(sent).to.deep.include({
      model: 'gpt-4o',
      temperature: 0.5,
      top_p: 0.9,
      max_tokens: 99,
      parallel_tool_calls: false,
      user: 'u1',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'a', schema: { type: 'object' }, strict: true },
      },
      verbosity: 'low',
      reasoning_effort: 'low',
    });
    expect(await client.responses.retrieve(made.id)).to.deep.equal(made);
    const { data } = await client.responses.inputItems.list(made.id);
    expect(data).to.deep.equal([
      {
        id: data[0]!.id,
        type: 'message',
        status: 'completed',
        role: 'user',
        content: [{ type: 'input_text', text: 'Light!' }],
      },
    ]);
  });

  it('go on with previous_response_id, with instructions of their own, and in another direction from an earlier one', async () => {
    world.steps.push({ text: 'One.' }, { text: 'Two.' }, { text: 'Other two.' });
    const one = await create({ model: 'm', input: 'first', instructions: 'A.', ...world.devices });
    const two = await create({
      model: 'm',
      input: 'second',
      instructions: 'B.',
      previous_response_id: one.id,
    });
    const said = () => (lastRequest()['messages'] as { content: string }[]).map(({ content }) => content);
    expect(said()).to.deep.equal(['B.', 'first', 'One.', 'second']);
    expect(two.previous_response_id).to.equal(one.id);
    const other = await create({ model: 'n', input: 'other', previous_response_id: one.id });
    expect(said()).to.deep.equal(['first', 'One.', 'other']);
    expect(lastRequest()).to.include({ model: 'n' });
    expect(lastRequest()['tools']).to.have.length(1);
    expect(other.output_text).to.equal('Other two.');
    expect((await client.responses.retrieve(two.id)).output_text).to.equal('Two.');
  });

  it('read items: roles, parts, earlier calls, and references to items of other responses', async () => {
    world.steps.push({ text: 'Blue.' }, { text: 'Yes.' });
    const first = await create({ model: 'm', input: 'My colour is blue.' });
    const made = await create({
      model: 'm',
      input: [
        { role: 'developer', content: 'Be kind.' },
        { role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
        { type: 'item_reference', id: first.output[0]!.id },
        { type: 'function_call', call_id: 'c', name: 'get_time', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: '{"hour":7}' },
        { type: 'reasoning', id: 'rs_1', summary: [] },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'It is seven.' }] },
        {
          role: 'user',
          content: [{ type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'low' }],
        },
        { role: 'user', content: 'What is it?' },
      ],
    });
    expect(lastRequest()['messages']).to.deep.equal([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Blue.\n\n[call of get_time: {}]' },
      { role: 'user', content: '[result of a call: {"hour":7}]' },
      { role: 'assistant', content: 'It is seven.' },
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
          { type: 'text', text: 'What is it?' },
        ],
      },
    ]);
    const items = await client.responses.inputItems.list(made.id, { order: 'asc' });
    expect(items.data.map((item) => (item as { role: string }).role)).to.deep.equal([
      'user',
      'assistant',
      'assistant',
      'user',
      'assistant',
      'user',
    ]);
  });

  it('run in the background, are cancelled many times at once, and deleted', async () => {
    const held = gate();
    world.steps.push({ answer: async (response) => void (await held.opened, response.destroy()) });
    const made = await create({ model: 'm', input: 'slow', background: true });
    expect([made.status, made.output]).to.deep.equal(['queued', []]);
    expect((await world.ada.call('DELETE', `/v1/responses/${made.id}`)).status).to.equal(409);
    const cancelled = await Promise.all(Array.from({ length: 50 }, () => client.responses.cancel(made.id)));
    held.open();
    await waitFor(async () => (await client.responses.retrieve(made.id)).status === 'cancelled');
    expect(new Set(cancelled.map(({ status }) => status))).to.deep.equal(new Set(['cancelled']));
    expect((await client.responses.cancel(made.id)).status).to.equal('cancelled');
    expect(await client.responses.delete(made.id)).to.deep.equal({
      id: made.id,
      object: 'response',
      deleted: true,
    });
    expect((await world.ada.call('GET', `/v1/responses/${made.id}`)).status).to.equal(404);
  });

  it('are not kept with store: false', async () => {
    world.steps.push({ text: 'Gone.' });
    const made = await create({ model: 'm', input: 'Hello', store: false });
    expect(made.output_text).to.equal('Gone.');
    expect((await world.ada.call('GET', `/v1/responses/${made.id}`)).status).to.equal(404);
  });

  it('show the refusal of the endpoint: its code, its field and its wait, and not its host', async () => {
    const error = { message: 'too long', code: 'context_length_exceeded', param: 'messages' };
    world.steps.push({ status: 400, body: { error } });
    const answer = await post({ model: 'm', input: 'Hello' });
    expect([answer.status, answer.body]).to.deep.equal([
      400,
      {
        error: {
          message: 'The model refused the request with 400: too long',
          type: 'invalid_request_error',
          param: 'messages',
          code: 'context_length_exceeded',
        },
      },
    ]);
    const limited = {
      status: 429,
      headers: { 'retry-after-ms': '1', 'retry-after': '7' },
      body: { error: { message: 'slow' } },
    };
    world.steps.push(limited);
    const late = await post({ model: 'm', input: 'Hello' });
    expect([late.status, late.headers.get('retry-after'), late.headers.get('x-should-retry')]).to.deep.equal([
      429,
      '1',
      null,
    ]);
    // After a call something has been done: the response says that it failed.
    world.steps.push(setLamp(true), { status: 400, body: { error } });
    const failed = await create({ model: 'm', input: 'Light!', ...world.devices });
    expect([failed.status, failed.error, failed.output.length]).to.deep.equal([
      'failed',
      { code: 'server_error', message: 'The model refused the request with 400: too long' },
      2,
    ]);
  });

  it('are tried as often as their client says where the endpoint refuses, and leave the conversation as it was', async () => {
    const limited = {
      status: 429,
      headers: { 'retry-after-ms': '1' },
      body: { error: { message: 'slow' } },
    };
    const sessionOf = (id: string) => id.slice('resp_'.length, 'resp_'.length + 32);
    const { id: conversation } = await client.conversations.create();
    const asked = { model: 'm', input: 'Hello', conversation };
    world.steps.push(limited, limited, { text: 'Good day.' });
    const count = world.model.requests.length;
    expect((await client.responses.create(asked, { maxRetries: 2 })).output_text).to.equal('Good day.');
    expect(world.model.requests.length - count).to.equal(3);
    const { data } = await client.conversations.items.list(conversation);
    expect(data.map((item) => item.type === 'message' && item.role)).to.deep.equal(['assistant', 'user']);
    // So does a response before: the repeat goes on in its session, and leaves no copy of it.
    world.steps.push({ text: 'One.' });
    const one = await create({ model: 'm', input: 'first' });
    world.steps.push(limited, limited, { text: 'Two.' });
    const two = await client.responses.create(
      { model: 'm', input: 'second', previous_response_id: one.id },
      { maxRetries: 2 },
    );
    expect([two.output_text, sessionOf(two.id)]).to.deep.equal(['Two.', sessionOf(one.id)]);
    // A stream has begun with status 200, so that its client does not repeat it.
    world.steps.push(limited, { text: 'Good night.' });
    const stream = client.responses.stream(asked);
    expect((await stream.finalResponse()).output_text).to.equal('Good night.');
    world.steps.push(setLamp(true), limited, { text: 'It is on.' });
    const set = await create({ model: 'm', input: 'Light!', ...world.devices });
    expect(set.output_text, 'after a call').to.equal('It is on.');
  });

  it('refuse what they cannot honour, and name the field', async () => {
    world.steps.push({ text: 'One.' });
    const one = await create({ model: 'm', input: 'first' });
    const conversation = await client.conversations.create();
    for (const [more, param] of [
      [{ input: undefined }, 'input'],
      [{ input: '' }, 'input'],
      [{ input: [{ role: 'user', content: [{ type: 'output_file' }] }] }, 'input.0.content.0.type'],
      [{ input: [{ type: 'computer_call' }] }, 'input.0.type'],
      [{ input: [{ role: 'tool', content: 'x' }] }, 'input.0.role'],
      [
        { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'http://' }] }] },
        'input.0.content.0.image_url',
      ],
      [{ max_tool_calls: 3 }, 'max_tool_calls'],
      [{ prompt: { id: 'p' } }, 'prompt'],
      [{ truncation: 'oldest' }, 'truncation'],
      [{ tool_choice: 'some' }, 'tool_choice'],
      [{ tool_choice: { type: 'web_search' } }, 'tool_choice.type'],
      [{ tool_choice: { type: 'function' } }, 'tool_choice.name'],
      [{ tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [] } }, 'tool_choice.tools'],
      [{ tools: [{ type: 'web_search' }] }, 'tools.0.type'],
      [{ include: ['message.output_text.logprobs'] }, 'include'],
      [{ reasoning: { summary: 'auto' } }, 'reasoning.summary'],
      [{ text: { format: { type: 'json_schema' } } }, 'text.format.name'],
      [{ temperature: 3 }, 'temperature'],
      [{ previous_response_id: one.id, conversation: conversation.id }, 'previous_response_id'],
      [{ conversation: conversation.id, store: false }, 'store'],
      [{ conversation: conversation.id, ...world.devices }, 'openSpecList'],
      [{ nothing: 1 }, 'nothing'],
    ] as const)
      expect(refusal(await post({ model: 'm', input: 'Hello', ...more })), param).to.deep.equal([400, param]);
    for (const more of [
      { previous_response_id: 'resp_1' },
      { conversation: 'conv_1' },
      { model: 'app:1' },
      { input: [{ type: 'item_reference', id: 'msg_1' }] },
      { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }] },
    ])
      expect((await post({ model: 'm', input: 'Hello', ...more })).status, JSON.stringify(more)).to.equal(
        404,
      );
    const stranger = (body: object) => world.bob.call('POST', '/v1/responses', { input: 'Hello', ...body });
    expect((await stranger({ previous_response_id: one.id })).status).to.equal(403);
    expect((await stranger({ conversation: conversation.id })).status).to.equal(403);
    expect((await stranger({ input: [{ type: 'item_reference', id: one.output[0]!.id }] })).status).to.equal(
      403,
    );
  });

  it('move a device once when the client repeats its request', async () => {
    const before = world.writes();
    world.steps.push(setLamp(true), { text: 'On.' });
    const headers = (count: string) => ({ 'x-stainless-retry-count': count });
    const body = { model: 'm', input: 'Light, once!', ...world.devices };
    const first = await world.ada.call('POST', '/v1/responses', body, headers('0'));
    const again = await world.ada.call('POST', '/v1/responses', body, headers('1'));
    expect(again.body).to.deep.equal(first.body);
    expect(world.writes()).to.equal(before + 1);
  });
});
