import { expect } from 'chai';
import type OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('a choice of tools', () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
  });
  after(() => world.close());

  const getTime = {
    type: 'function' as const,
    name: 'get_time',
    description: 'the time',
    parameters: { type: 'object', properties: {} },
    strict: false,
  };
  const named = (name: string) => ({ type: 'function', function: { name } });
  const create = (tool_choice: unknown, more: object = {}) =>
    client.responses.create({
      model: 'm',
      input: 'Light!',
      tools: [getTime],
      tool_choice,
      ...world.devices,
      ...more,
    } as OpenAI.Responses.ResponseCreateParamsNonStreaming);
  /** The choice and the names of the tools in the requests to the model after the first `count`. */
  const asked = (count: number) =>
    world.model.requests.slice(count).map(({ body }) => ({
      choice: body['tool_choice'],
      tools: ((body['tools'] ?? []) as { function: { name: string } }[]).map((one) => one.function.name),
    }));
  const both = ['set_lamp', 'get_time'];

  it('that asks for a call holds for the first reply, so that the task ends', async () => {
    for (const [given, sent] of [
      ['required', 'required'],
      [{ type: 'function', name: 'set_lamp' }, named('set_lamp')],
    ] as const) {
      const [count, writes] = [world.model.requests.length, world.writes()];
      world.steps.push(setLamp(true), setLamp(false), { text: 'Done.' });
      const made = await create(given);
      expect([made.output_text, made.tool_choice]).to.deep.equal(['Done.', given]);
      expect(asked(count)).to.deep.equal([
        { choice: sent, tools: both },
        { choice: undefined, tools: both },
        { choice: undefined, tools: both },
      ]);
      expect(world.writes()).to.equal(writes + 2);
    }
  });

  it('of none offers no tools, and a call that comes in spite of it moves nothing', async () => {
    const [count, writes] = [world.model.requests.length, world.writes()];
    world.steps.push(setLamp(true), { text: 'I only talk.' });
    const made = await create('none');
    expect(made.output_text).to.equal('I only talk.');
    expect(asked(count)).to.deep.equal([1, 2].map(() => ({ choice: undefined, tools: [] })));
    expect(world.writes()).to.equal(writes);
    const output = made.output.find((item) => item.type === 'function_call_output');
    expect(JSON.parse((output as unknown as { output: string }).output)).to.deep.equal({
      error: {
        code: 'unknown_tool',
        message: 'The client does not allow a call of "set_lamp" in this task.',
        effect: 'none',
      },
    });
  });

  it('of some tools leaves the others out for the whole task', async () => {
    const [count, writes] = [world.model.requests.length, world.writes()];
    world.steps.push(setLamp(true), { calls: [{ name: 'get_time', arguments: {}, id: 't1' }] });
    const tools = [{ type: 'function', name: 'get_time' }];
    const made = await create({ type: 'allowed_tools', mode: 'required', tools });
    expect(made.output.map(({ type }) => type)).to.deep.equal([
      'function_call',
      'function_call_output',
      'function_call',
    ]);
    expect(asked(count)).to.deep.equal([
      { choice: 'required', tools: ['get_time'] },
      { choice: undefined, tools: ['get_time'] },
    ]);
    expect(world.writes()).to.equal(writes);
    // Clients go on with the choice of the beginning, or with auto.
    const input = [{ type: 'function_call_output', call_id: 't1', output: 'seven' }];
    const next = { model: 'm', input, previous_response_id: made.id };
    const other = await world.ada.call('POST', '/v1/responses', { ...next, tool_choice: 'none' });
    expect(other.status).to.equal(400);
    world.steps.push({ text: 'It is seven.' });
    const second = await world.ada.call('POST', '/v1/responses', { ...next, tool_choice: 'auto' });
    expect((second.body as OpenAI.Responses.Response).status).to.equal('completed');
  });

  it('that names tools which are not there is refused, and the model is not asked', async () => {
    const count = world.model.requests.length;
    for (const [given, more, words] of [
      [{ type: 'function', name: 'fly' }, {}, 'tool_choice names "fly", and there is no such tool.'],
      [
        {
          type: 'allowed_tools',
          mode: 'auto',
          tools: ['fly', 'get_time', 'swim'].map((name) => ({ type: 'function', name })),
        },
        {},
        'tool_choice names "fly", "swim", and there is no such tool.',
      ],
      ['required', { tools: [], openSpecList: [] }, 'tool_choice asks for a call, and there are no tools.'],
    ] as const) {
      const body = { model: 'm', input: 'Light!', tools: [getTime], ...world.devices, ...more };
      const answer = await world.ada.call('POST', '/v1/responses', { ...body, tool_choice: given });
      expect([answer.status, (answer.body as { error: { message: string } }).error.message]).to.deep.equal([
        400,
        words,
      ]);
    }
    expect(world.model.requests.length).to.equal(count);
  });

  it('is left out for an endpoint that refuses it', async () => {
    const count = world.model.requests.length;
    const error = { message: 'tool_choice is not supported in thinking mode', param: 'tool_choice' };
    world.steps.push({ status: 400, body: { error } }, setLamp(true), { text: 'Done.' });
    const made = await create('required', { model: 'thinker' });
    expect(made.output_text).to.equal('Done.');
    expect(asked(count).map(({ choice }) => choice)).to.deep.equal(['required', undefined, undefined]);
  });

  it('holds in runs, in the form of runs', async () => {
    const count = world.model.requests.length;
    const thread = await world.ada.call('POST', '/v1/threads', {
      messages: [{ role: 'user', content: 'Light!' }],
      ...world.devices,
    });
    const { id } = thread.body as { id: string };
    world.steps.push(setLamp(true), { text: 'Done.' });
    const tool_choice = named('set_lamp') as OpenAI.Beta.Threads.AssistantToolChoice;
    const run = await client.beta.threads.runs.create(id, { assistant_id: 'default', tool_choice });
    expect(run.tool_choice).to.deep.equal(tool_choice);
    const ended = () => client.beta.threads.runs.retrieve(run.id, { thread_id: id });
    await waitFor(async () => (await ended()).status === 'completed');
    expect(asked(count).map(({ choice }) => choice)).to.deep.equal([tool_choice, undefined]);
  });
});
