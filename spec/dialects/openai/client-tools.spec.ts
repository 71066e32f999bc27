import { expect } from 'chai';
import type OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { refusal } from '../../support/openai-refusal.ts';

type Created = OpenAI.Responses.Response;
type ModelCall = OpenAI.ChatCompletionMessageFunctionToolCall;

describe("a client's own functions in responses", () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
  });
  after(() => world.close());

  const tool = (name: string) => ({
    type: 'function' as const,
    name,
    description: `asks for ${name}`,
    parameters: { type: 'object', properties: { at: { type: 'string' } } },
    strict: false,
  });
  const tools = [tool('get_time'), tool('get_room')];
  const create = (body: object): Promise<Created> =>
    client.responses.create({
      model: 'm',
      tools,
      ...body,
    } as OpenAI.Responses.ResponseCreateParamsNonStreaming);
  const post = (body: object) => world.ada.call('POST', '/v1/responses', { model: 'm', tools, ...body });
  const output = (callId: string, text: string) => ({
    type: 'function_call_output',
    call_id: callId,
    output: text,
  });
  const kinds = ({ output: items }: Created) =>
    items.map((item) =>
      item.type === 'message' ? item.type : `${item.type} ${'call_id' in item ? item.call_id : ''}`,
    );
  const asks = (...ids: string[]) => ids.map((id) => ({ id, name: 'get_time', arguments: { at: id } }));

  it('are handed back as calls while a device is set here, and the outputs go on with the same task', async () => {
    const before = world.writes();
    const lamp = { name: 'set_lamp', arguments: { on: true }, id: 'dev1' };
    world.steps.push(
      { text: 'Wait.', calls: [...asks('a1'), lamp, ...asks('a2')] },
      { text: 'It is seven.' },
    );
    const first = await create({ input: 'Light, and what time is it?', ...world.devices });
    expect(first.status).to.equal('completed');
    expect(kinds(first)).to.deep.equal([
      'message',
      'function_call a1',
      'function_call dev1',
      'function_call a2',
      'function_call_output dev1',
    ]);
    expect(world.writes()).to.equal(before + 1);
    const offered = world.model.requests.at(-1)!.body['tools'] as { function: { name: string } }[];
    expect(offered.map((one) => one.function.name)).to.deep.equal(['set_lamp', 'get_time', 'get_room']);
    for (const [input, words] of [
      ['And?', 'No tool output found for function call a1'],
      [[output('a1', '7')], 'No tool output found for function call a2'],
      [[output('a1', '7'), output('a2', '8'), output('x', '9')], 'no tool call found'],
      [[output('a1', '7'), output('a2', '8'), { role: 'user', content: 'And?' }], 'outputs only'],
    ] as const) {
      const answer = await post({ input, previous_response_id: first.id });
      expect(refusal(answer)).to.deep.equal([400, 'input']);
      expect(JSON.stringify(answer.body)).to.contain(words);
    }
    const outputs = [output('a1', '{"hour":7}'), output('a2', 'eight')];
    expect(
      refusal(await post({ input: outputs, previous_response_id: first.id, model: 'other' })),
    ).to.deep.equal([400, 'model']);
    const second = await create({ input: outputs, previous_response_id: first.id });
    expect([second.id, second.status, second.output_text, second.previous_response_id]).to.deep.equal([
      `${first.id}_1`,
      'completed',
      'It is seven.',
      first.id,
    ]);
    expect(kinds(second)).to.deep.equal(['message']);
    const said = world.model.requests.at(-1)!.body['messages'] as {
      role: string;
      content: string;
      tool_call_id?: string;
    }[];
    const results = said.filter(({ role }) => role === 'tool');
    expect(Object.fromEntries(results.map((one) => [one.tool_call_id, one.content]))).to.include({
      a1: '{"hour":7}',
      a2: '{"output":"eight"}',
    });
    expect(await client.responses.retrieve(first.id)).to.deep.equal(first);
    expect(await client.responses.retrieve(second.id)).to.deep.equal(second);
    expect((await world.ada.call('GET', `/v1/responses/${first.id}_2`)).status).to.equal(404);
    expect(world.writes()).to.equal(before + 1);
  });

  it('wait again and again, as streams that begin where the last one ended', async () => {
    world.steps.push({ calls: asks('b1') }, { calls: asks('b2') }, { text: 'Done.' });
    const collect = async (body: object) => {
      const events: OpenAI.Responses.ResponseStreamEvent[] = [];
      const stream = await client.responses.create({
        model: 'm',
        tools,
        ...body,
        stream: true,
      } as OpenAI.Responses.ResponseCreateParamsStreaming);
      for await (const event of stream) events.push(event);
      const last = events.at(-1) as OpenAI.Responses.ResponseCompletedEvent;
      expect(last.type).to.equal('response.completed');
      expect(events.map((event) => event.sequence_number)).to.deep.equal(events.map((_, index) => index));
      const again = await client.responses.retrieve(last.response.id, { stream: true });
      const replayed: typeof events = [];
      for await (const event of again) replayed.push(event);
      expect(replayed).to.deep.equal(events);
      return last.response;
    };
    const first = await collect({ input: 'Go.' });
    const second = await collect({ input: [output('b1', '1')], previous_response_id: first.id });
    const third = await collect({ input: [output('b2', '2')], previous_response_id: second.id });
    expect([first, second, third].map(kinds)).to.deep.equal([
      ['function_call b1'],
      ['function_call b2'],
      ['message'],
    ]);
    expect(third.id).to.equal(`${first.id}_2`);
  });

  it('come back in their own words: outputs, and arguments with every digit', async () => {
    const args = '{"at":"x","id":12345678901234567890}';
    const texts = ['seven', '{"output":"as it is"}', '{"id":12345678901234567890}', '{"hour":7}'];
    const { id } = await client.conversations.create();
    const calls = texts.map((_, index) => ({ id: `w${index}`, name: 'get_time', arguments: args }));
    world.steps.push({ calls }, { text: 'Done.' });
    const first = await create({ input: 'Go.', conversation: id });
    expect(first.output.map((item) => 'arguments' in item && item.arguments)).to.deep.equal(
      texts.map(() => args),
    );
    await create({ input: texts.map((text, index) => output(`w${index}`, text)), conversation: id });
    const said = world.model.requests.at(-1)!.body['messages'] as { tool_calls?: ModelCall[] }[];
    expect(said.flatMap((one) => one.tool_calls ?? []).map((one) => one.function.arguments)).to.deep.equal(
      texts.map(() => args),
    );
    const { data } = await client.conversations.items.list(id, { order: 'asc' });
    const outputs = data.flatMap((item) => (item.type === 'function_call_output' ? [item.output] : []));
    expect(outputs).to.deep.equal(texts);
    // A client that runs every function_call itself knows its own functions by that type.
    const agents = { headers: { 'user-agent': 'Agents/JavaScript 0.14' } };
    const shown = await client.conversations.items.list(id, { order: 'asc' }, agents);
    expect(shown.data.map(({ type }) => type)).to.deep.equal(data.map(({ type }) => type));
  });

  it('are answered once, however many outputs come for a call', async () => {
    world.steps.push({ calls: asks('c1') }, { text: 'Done.' });
    const first = await create({ input: 'Go.' });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        post({ input: [output('c1', String(index))], previous_response_id: first.id }),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).to.have.length(1);
    expect(statuses.filter((status) => status !== 200 && status !== 409 && status !== 400)).to.deep.equal([]);
  });

  it('go on for a client that spells out the defaults in its second request only', async () => {
    world.steps.push({ calls: asks('h1') }, { text: 'Done.' });
    const first = await create({ input: 'Go.' });
    const again = { input: [output('h1', '1')], previous_response_id: first.id };
    const changed = { parallel_tool_calls: false, text: { format: { type: 'json_object' } }, store: false };
    for (const [name, value] of Object.entries(changed))
      expect(refusal(await post({ ...again, [name]: value }))).to.deep.equal([400, name]);
    const defaults = {
      parallel_tool_calls: true,
      store: true,
      text: { format: { type: 'text' } },
      tool_choice: 'auto',
    } as const;
    expect((await create({ ...again, ...defaults })).output_text).to.equal('Done.');
  });

  it('go on in a conversation, and for a client that sends all items each time', async () => {
    const { id } = await client.conversations.create();
    world.steps.push({ calls: asks('d1') }, { text: 'In it.' }, { calls: asks('e1') }, { text: 'Again.' });
    await create({ input: 'Go.', conversation: id });
    expect(refusal(await post({ input: 'And?', conversation: id }))).to.deep.equal([400, 'input']);
    expect((await create({ input: [output('d1', '1')], conversation: id })).output_text).to.equal('In it.');
    const first = await create({ input: 'Go.' });
    const count = world.model.requests.length;
    const whole = await create({
      input: [{ role: 'user', content: 'Go.' }, ...first.output, output('e1', '1')],
    });
    expect([whole.id, whole.output_text]).to.deep.equal([`${first.id}_1`, 'Again.']);
    expect(world.model.requests.length).to.equal(count + 1);
  });

  it('are given up when the client sends all items and adds a message', async () => {
    world.steps.push({ calls: asks('g1') }, { text: 'As you wish.' });
    const first = await create({ input: 'Go.' });
    const more = { role: 'user', content: 'Forget it.' };
    const other = await create({
      input: [{ role: 'user', content: 'Go.' }, ...first.output, output('g1', '1'), more],
    });
    expect([other.id === `${first.id}_1`, other.output_text]).to.deep.equal([false, 'As you wish.']);
    const { messages: said } = world.model.requests.at(-1)!.body;
    expect(JSON.stringify((said as unknown[]).at(-1))).to.contain('Forget it.');
  });

  it('survive a response that is not stored', async () => {
    world.steps.push({ calls: asks('f1') }, setLamp(true), { text: 'Done.' });
    const first = await create({ input: 'Go.', store: false, ...world.devices });
    const whole = await create({
      input: [{ role: 'user', content: 'Go.' }, ...first.output, output('f1', '1')],
      store: false,
    });
    expect(kinds(whole).map((kind) => kind.split(' ')[0])).to.deep.equal([
      'function_call',
      'function_call_output',
      'message',
    ]);
    expect((await world.ada.call('GET', `/v1/responses/${first.id}`)).status).to.equal(404);
  });
});
