import { expect } from 'chai';
import OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { refusal } from '../../support/openai-refusal.ts';
import { waitFor } from '../../support/wait-for.ts';

type Message = OpenAI.Chat.ChatCompletionMessageParam;
type Completion = OpenAI.Chat.ChatCompletion;

describe('chat completions on devices', () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
    await world.registerLamp('lamp');
  });
  after(() => world.close());

  const tools = [
    {
      type: 'function',
      function: { name: 'get_time', description: 'the time', parameters: { type: 'object', properties: {} } },
    },
  ] as const;
  const said = (content: string): Message => ({ role: 'user', content });
  const body = (messages: Message[], more: object = {}) =>
    ({
      model: 'm',
      messages,
      tools,
      metadata: { devices: 'lamp' },
      ...more,
    }) as unknown as OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;
  const create = (messages: Message[], more: object = {}): Promise<Completion> =>
    client.chat.completions.create(body(messages, more));
  const askTime = (id: string) => ({ name: 'get_time', arguments: {}, id });
  const lastMessages = () =>
    world.model.requests.at(-1)!.body['messages'] as { role: string; content: unknown }[];
  const sessions = async () => ((await world.ada.call('GET', '/api/sessions')).body as unknown[]).length;

  it('set a device, and answer with the texts of the task and its tokens; nothing of it stays', async () => {
    const writes = world.writes();
    world.steps.push(setLamp(true, 'Wait.'), { text: 'It is on.' });
    const made = await create([{ role: 'system', content: 'Be short.' }, said('Light!')], {
      temperature: 0.5,
      max_completion_tokens: 99,
      seed: 7,
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } },
    });
    expect(made).to.deep.equal({
      id: made.id,
      object: 'chat.completion',
      created: made.created,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Wait.\n\nIt is on.', refusal: null },
          finish_reason: 'stop',
          logprobs: null,
        },
      ],
      usage: { prompt_tokens: 200, completion_tokens: 40, total_tokens: 240 },
      metadata: { devices: 'lamp' },
    });
    expect(world.writes()).to.equal(writes + 1);
    const { messages, tools: offered, ...sent } = world.model.requests.at(-1)!.body;
    expect((messages as unknown[])[0]).to.deep.equal({ role: 'system', content: 'Be short.' });
    expect((offered as { function: { name: string } }[]).map((one) => one.function.name)).to.deep.equal([
      'set_lamp',
      'get_time',
    ]);
    expect(sent).to.deep.include({
      temperature: 0.5,
      max_tokens: 99,
      seed: 7,
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } },
    });
    expect(sent).to.not.have.any.keys('metadata', 'devices');
    expect(await sessions()).to.equal(0);
  });

  it("hand the client's functions to it while a device is set here, and go on with the same task", async () => {
    const writes = world.writes();
    world.steps.push(
      { text: 'Wait.', calls: [askTime('t1'), { name: 'set_lamp', arguments: { on: true }, id: 'd1' }] },
      { calls: [askTime('t2')] },
      { text: 'It is on since seven.' },
    );
    const messages = [said('Light, and the time?')];
    const answers: unknown[] = [];
    for (const output of ['{"hour":7}', 'seven']) {
      const { message, finish_reason: finish } = (await create(messages)).choices[0]!;
      const calls = message.tool_calls!;
      answers.push([finish, message.content, calls.map((one) => one.type === 'function' && one.function)]);
      messages.push(
        message,
        ...calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: output })),
      );
    }
    expect(answers).to.deep.equal([
      ['tool_calls', 'Wait.', [{ name: 'get_time', arguments: '{}' }]],
      ['tool_calls', null, [{ name: 'get_time', arguments: '{}' }]],
    ]);
    const last = await create(messages);
    expect(last.choices[0]!.message.content).to.equal('It is on since seven.');
    expect(lastMessages().filter(({ role }) => role === 'tool')).to.have.length(3);
    expect(world.writes()).to.equal(writes + 1);
    expect(await sessions()).to.equal(0);
    // Later requests bring the whole conversation, whose task is over.
    world.steps.push({ text: 'Still on.' });
    const later = await create([...messages, last.choices[0]!.message, said('And now?')]);
    expect(later.choices[0]!.message.content).to.equal('Still on.');
    expect(lastMessages().at(-1)).to.deep.equal({ role: 'user', content: 'And now?' });
  });

  it('begin a new task when the client adds a message to the results', async () => {
    world.steps.push({ calls: [askTime('t3')] }, { text: 'As you wish.' });
    const { message } = (await create([said('The time?')])).choices[0]!;
    const output = { role: 'tool' as const, tool_call_id: message.tool_calls![0]!.id, content: 'seven' };
    const made = await create([said('The time?'), message, output, said('Forget it.')]);
    expect(made.choices[0]!.message.content).to.equal('As you wish.');
    expect(JSON.stringify(lastMessages())).to.contain('Forget it.');
  });

  it('are streamed as chunks that make the whole together', async () => {
    world.steps.push(
      setLamp(true, 'Please wait.'),
      { text: 'It is on.', calls: [askTime('t4')] },
      { text: 'Since seven.' },
    );
    const stream = await client.chat.completions.create({
      ...body([said('Light!')]),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: OpenAI.Chat.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(new Set(chunks.map(({ id }) => id)).size).to.equal(1);
    expect(chunks[0]!.choices[0]!.delta).to.deep.equal({ role: 'assistant', content: '' });
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    expect(text).to.equal('Please wait.\n\nIt is on.');
    const [call] = chunks.at(-3)!.choices[0]!.delta.tool_calls!;
    expect([call!.index, call!.function, chunks.at(-2)!.choices[0]!.finish_reason]).to.deep.equal([
      0,
      { name: 'get_time', arguments: '{}' },
      'tool_calls',
    ]);
    expect(chunks.at(-1)!.usage!.total_tokens).to.equal(240);
    const next = client.chat.completions.stream({
      ...body([
        said('Light!'),
        {
          role: 'assistant',
          content: text,
          tool_calls: [{ id: call!.id!, type: 'function', function: { name: 'get_time', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: call!.id!, content: 'seven' },
      ]),
      stream: true,
    });
    expect((await next.finalChatCompletion()).choices[0]!.message.content).to.equal('Since seven.');
  });

  it('are refused with a dry run and with rules, which they cannot honour', async () => {
    const refused: unknown[] = [];
    for (const field of ['dryRun', 'dry_run', 'rules']) {
      const { status, body: answer } = await world.ada.call(
        'POST',
        '/v1/chat/completions',
        body([said('Light!')], { [field]: field === 'rules' ? { calls: [] } : true }),
      );
      refused.push([status, (answer as { error: { param: string } }).error.param]);
    }
    expect(refused).to.deep.equal([
      [400, 'dryRun'],
      [400, 'dry_run'],
      [400, 'rules'],
    ]);
  });

  it('are refused when the client sends its results again while their task works on', async () => {
    const writes = world.writes();
    let release = (): void => undefined;
    const asked = world.model.requests.length;
    world.steps.push({ calls: [askTime('t8')] }, setLamp(true), {
      answer: (response) =>
        new Promise<void>((resolve) => {
          release = () => {
            response.destroy();
            resolve();
          };
        }),
    });
    const { message } = (await create([said('The time, then light!')])).choices[0]!;
    const output = { role: 'tool' as const, tool_call_id: message.tool_calls![0]!.id, content: 'seven' };
    const again = [said('The time, then light!'), message, output];
    const works = create(again).catch((error: unknown) => error);
    await waitFor(() => world.model.requests.length === asked + 3);
    const repeated = await world.ada.call('POST', '/v1/chat/completions', body(again));
    expect([repeated.status, world.writes() - writes]).to.deep.equal([409, 1]);
    world.steps.push({ text: 'On.' });
    release();
    await works;
    expect(world.writes() - writes).to.equal(1);
  });

  it('move a device once when the client repeats its request, and when it leaves', async () => {
    const writes = world.writes();
    world.steps.push(setLamp(true), { text: 'On.' });
    const post = (count: string) =>
      world.ada.call('POST', '/v1/chat/completions', body([said('Once!')]), {
        'x-stainless-retry-count': count,
      });
    const first = await post('0');
    expect((await post('1')).body).to.deep.equal(first.body);
    expect(world.writes()).to.equal(writes + 1);
    world.steps.push(setLamp(true), setLamp(false), { text: 'Done.' });
    const count = world.model.requests.length;
    const stream = await client.chat.completions.create({ ...body([said('Blink!')]), stream: true });
    for await (const _chunk of stream) break;
    await waitFor(() => world.model.requests.length === count + 3);
    await waitFor(async () => (await sessions()) === 1); // the one that waits since another test
    expect(world.writes()).to.equal(writes + 3);
  });

  it('say why there is no answer, whole and streamed', async () => {
    const error = { message: 'too long', code: 'context_length_exceeded', param: 'messages' };
    world.steps.push({ status: 400, body: { error } });
    const refused = await world.ada.call('POST', '/v1/chat/completions', body([said('Light!')]));
    expect([refused.status, (refused.body as { error: object }).error]).to.deep.equal([
      400,
      {
        message: 'The model refused the request with 400: too long',
        type: 'invalid_request_error',
        param: 'messages',
        code: 'context_length_exceeded',
      },
    ]);
    world.steps.push({ status: 400, body: { error } });
    const broken = await world.ada.call(
      'POST',
      '/v1/chat/completions',
      body([said('Light!')], { stream: true }),
    );
    expect(broken.body).to.contain('too long').and.not.to.contain('[DONE]');
    for (const [more, param] of [
      [{ n: 2 }, 'n'],
      [{ logprobs: true }, 'logprobs'],
      [{ functions: [{ name: 'f' }] }, 'functions'],
      [{ tools: [{ type: 'custom' }] }, 'tools.0'],
      [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.tool_call_id'],
      [
        { messages: [said('a'), { role: 'user', content: [{ type: 'video' }] }] },
        'messages.1.content.0.type',
      ],
      [{ tool_choice: { type: 'custom' } }, 'tool_choice.type'],
    ] as const)
      expect(
        refusal(await world.ada.call('POST', '/v1/chat/completions', body([said('Light!')], more))),
        param,
      ).to.deep.equal([400, param]);
  });

  it('take devices by openSpecList, and are kept with store', async () => {
    const writes = world.writes();
    world.steps.push(setLamp(true), { text: 'On.' });
    const made = await create([said('Light!')], {
      ...world.devices,
      metadata: { room: 'hall' },
      store: true,
    });
    expect(world.writes()).to.equal(writes + 1);
    const kept = await client.chat.completions.retrieve(made.id);
    expect(kept.choices).to.deep.equal(made.choices);
  });
});
