import { expect } from 'chai';
import type OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { refusal } from '../../support/openai-refusal.ts';
import { waitFor } from '../../support/wait-for.ts';
import { gate } from '../../support/world.ts';

type AssistantEvent = OpenAI.Beta.AssistantStreamEvent;

describe('runs', () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
  });
  after(() => world.close());

  const tools = [
    { type: 'function' as const, function: { name: 'get_time', parameters: { type: 'object' } } },
  ];
  const assistant_id = 'default';
  async function thread(...texts: string[]): Promise<string> {
    const messages = texts.map((content) => ({ role: 'user', content }));
    const { body } = await world.ada.call('POST', '/v1/threads', { messages, ...world.devices });
    return (body as { id: string }).id;
  }
  const poll = { pollIntervalMs: 10 };
  const stepsOf = async (run: OpenAI.Beta.Threads.Run) =>
    (await client.beta.threads.runs.steps.list(run.id, { thread_id: run.thread_id, order: 'asc' })).data;
  const messagesOf = async (id: string) =>
    (await client.beta.threads.messages.list(id, { order: 'asc' })).data.map(
      ({ role, content, run_id: run }) => {
        const [part] = content;
        return [role, part?.type === 'text' ? part.text.value : '', run];
      },
    );

  it('answer the messages of a thread, and their steps show the calls of devices', async () => {
    const before = world.writes();
    const id = await thread('Light!');
    world.steps.push(setLamp(true), { text: 'It is on.' });
    const run = await client.beta.threads.runs.createAndPoll(
      id,
      {
        assistant_id,
        model: 'gpt-4o',
        instructions: 'Be short.',
        additional_instructions: 'Be kind.',
        additional_messages: [{ role: 'user', content: 'Please!' }],
        metadata: { a: 'b' },
        temperature: 0.5,
      },
      poll,
    );
    expect(world.writes()).to.equal(before + 1);
    const { messages, model } = world.model.requests.at(-2)!.body as { messages: unknown[]; model: string };
    expect([model, messages]).to.deep.equal([
      'gpt-4o',
      [
        { role: 'system', content: 'Be short.\n\nBe kind.' },
        { role: 'user', content: 'Light!\n\nPlease!' },
      ],
    ]);
    expect(run).to.deep.equal({
      id: run.id,
      object: 'thread.run',
      created_at: run.created_at,
      thread_id: id,
      assistant_id,
      status: 'completed',
      started_at: run.started_at,
      expires_at: null,
      cancelled_at: null,
      failed_at: null,
      completed_at: run.completed_at,
      required_action: null,
      last_error: null,
      incomplete_details: null,
      instructions: 'Be short.\n\nBe kind.',
      max_completion_tokens: null,
      max_prompt_tokens: null,
      metadata: { a: 'b' },
      parallel_tool_calls: true,
      response_format: 'auto',
      temperature: 0.5,
      tool_choice: 'auto',
      tools: [],
      top_p: null,
      truncation_strategy: { type: 'auto', last_messages: null },
      usage: { prompt_tokens: 200, completion_tokens: 40, total_tokens: 240 },
      model: 'gpt-4o',
    });
    const steps = await stepsOf(run);
    expect(steps.map(({ type, status }) => [type, status])).to.deep.equal([
      ['tool_calls', 'completed'],
      ['message_creation', 'completed'],
    ]);
    const [call, creation] = steps.map(({ step_details: details }) => details);
    expect((call as OpenAI.Beta.Threads.Runs.ToolCallsStepDetails).tool_calls[0]).to.deep.include({
      type: 'function',
      function: { name: 'set_lamp', arguments: '{"on":true}', output: '{"statusCode":200,"body":"{}"}' },
    });
    const { message_id: answer } = (creation as OpenAI.Beta.Threads.Runs.MessageCreationStepDetails)
      .message_creation;
    expect((await client.beta.threads.messages.retrieve(answer, { thread_id: id })).run_id).to.equal(run.id);
    const step = await client.beta.threads.runs.steps.retrieve(steps[0]!.id, {
      thread_id: id,
      run_id: run.id,
    });
    expect(step).to.deep.equal(steps[0]);
    expect(await messagesOf(id)).to.deep.equal([
      ['user', 'Light!', null],
      ['user', 'Please!', null],
      ['assistant', 'It is on.', run.id],
    ]);
    const changed = await client.beta.threads.runs.update(run.id, { thread_id: id, metadata: { c: 'd' } });
    expect(changed).to.deep.equal({ ...run, metadata: { c: 'd' } });
    expect(await client.beta.threads.runs.retrieve(run.id, { thread_id: id })).to.deep.equal(changed);
  });

  it('are listed with those of messages, page by page, and messages are answered while they wait', async () => {
    const id = await thread();
    const held = gate();
    world.steps.push(
      { answer: async (response) => void (await held.opened, response.writeHead(500).end('{}')) },
      { text: 'Two.' },
    );
    const path = `/v1/threads/${id}/messages?run=true`;
    for (const content of ['one', 'two']) await world.ada.call('POST', path, { role: 'user', content });
    const waiting = await client.beta.threads.messages.list(id, { order: 'asc' });
    expect(waiting.data.map(({ role, status }) => [role, status])).to.deep.equal([
      ['user', 'completed'],
      ['assistant', 'in_progress'],
      ['user', 'completed'],
      ['assistant', 'in_progress'],
    ]);
    expect(waiting.data[0]!.run_id).to.equal(waiting.data[1]!.run_id);
    const queued = waiting.data[3]!;
    const { data } = await client.beta.threads.runs.list(id, { order: 'asc' });
    expect(data.map(({ status }) => status)).to.deep.equal(['in_progress', 'queued']);
    await client.beta.threads.runs.cancel(data[0]!.id, { thread_id: id });
    held.open();
    await waitFor(
      async () =>
        (await client.beta.threads.runs.retrieve(data[1]!.id, { thread_id: id })).status === 'completed',
    );
    const answered = await client.beta.threads.messages.retrieve(queued.id, { thread_id: id });
    expect([answered.status, answered.run_id]).to.deep.equal(['completed', data[1]!.id]);
    const seen: string[] = [];
    for await (const run of client.beta.threads.runs.list(id, { limit: 1 })) seen.push(run.id);
    expect(seen).to.deep.equal(data.map((run) => run.id).toReversed());
  });

  it('wait for the functions of their client, and go on with the outputs, given once', async () => {
    const id = await thread('The time?');
    world.steps.push(
      { calls: [{ name: 'get_time', arguments: { at: 'here' }, id: 'g1' }] },
      { text: 'Seven.' },
    );
    const run = await client.beta.threads.runs.createAndPoll(id, { assistant_id, tools }, poll);
    expect([run.status, run.required_action]).to.deep.equal([
      'requires_action',
      {
        type: 'submit_tool_outputs',
        submit_tool_outputs: {
          tool_calls: [
            { id: 'g1', type: 'function', function: { name: 'get_time', arguments: '{"at":"here"}' } },
          ],
        },
      },
    ]);
    const submit = `/v1/threads/${id}/runs/${run.id}/submit_tool_outputs`;
    const outputs = { tool_outputs: [{ tool_call_id: 'g1', output: '7' }] };
    for (const tool_outputs of [[], [{ tool_call_id: 'other' }]])
      expect(refusal(await world.ada.call('POST', submit, { tool_outputs }))).to.deep.equal([
        400,
        'tool_outputs',
      ]);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => world.ada.call('POST', submit, outputs)),
    );
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    expect(answers.filter(({ status }) => ![200, 400, 409].includes(status))).to.deep.equal([]);
    const done = await client.beta.threads.runs.poll(run.id, { thread_id: id }, poll);
    expect(done.status).to.equal('completed');
    expect((await messagesOf(id)).at(-1)).to.deep.equal(['assistant', 'Seven.', run.id]);
    const [step] = await stepsOf(run);
    expect(step!.step_details).to.have.nested.property('tool_calls[0].function.output', '7');
  });

  it('stream their events in the documented order, also from the outputs on', async () => {
    const collect = async (stream: AsyncIterable<AssistantEvent>): Promise<AssistantEvent[]> => {
      const events: AssistantEvent[] = [];
      for await (const event of stream) events.push(event);
      return events;
    };
    world.steps.push(
      setLamp(true),
      { calls: [{ name: 'get_time', arguments: {}, id: 'h1' }] },
      { text: 'On since seven.' },
    );
    const events = await collect(
      await client.beta.threads.createAndRun({
        assistant_id,
        tools,
        stream: true,
        thread: { messages: [{ role: 'user', content: 'Light!' }], ...world.devices },
      }),
    );
    const calls = ['thread.run.step.created', 'thread.run.step.in_progress', 'thread.run.step.delta'];
    expect(events.map(({ event }) => event)).to.deep.equal([
      'thread.created',
      'thread.run.created',
      'thread.run.queued',
      'thread.run.in_progress',
      ...calls,
      'thread.run.step.completed',
      ...calls,
      'thread.run.requires_action',
    ]);
    const run = events.at(-1)!.data as OpenAI.Beta.Threads.Run;
    const stream = client.beta.threads.runs.submitToolOutputsStream(run.id, {
      thread_id: run.thread_id,
      tool_outputs: [{ tool_call_id: 'h1', output: '7' }],
    });
    const rest = await collect(stream);
    expect(rest.map(({ event }) => event).filter((event) => event !== 'thread.message.delta')).to.deep.equal([
      'thread.run.step.completed',
      'thread.run.step.created',
      'thread.run.step.in_progress',
      'thread.message.created',
      'thread.message.in_progress',
      'thread.message.completed',
      'thread.run.step.completed',
      'thread.run.completed',
    ]);
    const [message] = await stream.finalMessages();
    const kept = await client.beta.threads.messages.retrieve(message!.id, { thread_id: run.thread_id });
    expect([kept.status, kept.run_id, kept.id]).to.deep.equal(['completed', run.id, message!.id]);
  });

  it('are cancelled many times at once, and refuse what they cannot honour', async () => {
    const id = await thread('slow');
    const held = gate();
    world.steps.push({ answer: async (response) => void (await held.opened, response.destroy()) });
    const run = await client.beta.threads.runs.create(id, { assistant_id });
    const cancel = () => client.beta.threads.runs.cancel(run.id, { thread_id: id });
    const cancelled = await Promise.all(Array.from({ length: 50 }, cancel));
    held.open();
    expect(new Set(cancelled.map(({ status }) => status))).to.deep.equal(new Set(['cancelled']));
    const path = `/v1/threads/${id}/runs`;
    for (const [more, param] of [
      [{ assistant_id: undefined }, 'assistant_id'],
      [{ max_prompt_tokens: 5 }, 'max_prompt_tokens'],
      [{ tool_choice: { type: 'file_search' } }, 'tool_choice.type'],
      [{ truncation_strategy: { type: 'last_messages', last_messages: 2 } }, 'truncation_strategy'],
      [{ tools: [{ type: 'code_interpreter' }] }, 'tools.0.type'],
      [{ nothing: 1 }, 'nothing'],
    ] as const)
      expect(refusal(await world.ada.call('POST', path, { assistant_id, ...more })), param).to.deep.equal([
        400,
        param,
      ]);
    expect((await world.ada.call('POST', path, { assistant_id: 'asst_1' })).status).to.equal(404);
    expect((await world.ada.call('GET', `${path}/run_1`)).status).to.equal(404);
    expect((await world.bob.call('GET', `${path}/${run.id}`)).status).to.equal(403);
  });

  it('are answered by an app of the caller, which is an assistant', async () => {
    const made = await world.ada.call('POST', '/apps', {
      name: 'Cat',
      icon: 'https://a.example/i.png',
      description: 'purrs',
    });
    const { id: app } = (made.body as { data: { id: string } }).data;
    const config = {
      model_config: { dialog_round: 3, systemPrompt: 'You are a cat.' },
      memory_mode: 'none',
    };
    const saved = await world.ada.call('POST', `/apps/${app}/config`, config);
    expect(saved.status, JSON.stringify(saved.body)).to.equal(200);
    const { data } = await client.beta.assistants.list();
    expect(data.map(({ id, name }) => [id, name])).to.deep.equal([
      [app, 'Cat'],
      ['default', 'Default'],
    ]);
    expect(await client.beta.assistants.retrieve(app)).to.deep.equal(data[0]);
    expect((await world.bob.call('GET', `/v1/assistants/${app}`)).status).to.equal(403);
    const id = await thread('Who are you?');
    world.steps.push({ text: 'Meow.' }, { text: 'Purr.' });
    const run = await client.beta.threads.runs.createAndPoll(id, { assistant_id: app }, poll);
    expect([run.status, run.assistant_id]).to.deep.equal(['completed', app]);
    const system = () => (world.model.requests.at(-1)!.body['messages'] as { content: string }[])[0]!.content;
    expect(system()).to.equal(data[0]!.instructions);
    const response = await client.responses.create({ model: `app:${app}`, input: 'And you?' });
    expect([response.model, response.output_text, system()]).to.deep.equal([
      `app:${app}`,
      'Purr.',
      data[0]!.instructions,
    ]);
  });
});
