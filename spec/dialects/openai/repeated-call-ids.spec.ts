import { expect } from 'chai';
import OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { refusal } from '../../support/openai-refusal.ts';
import { waitFor } from '../../support/wait-for.ts';

type Created = OpenAI.Responses.Response;
type Input = OpenAI.Responses.ResponseInput;
type Call = OpenAI.Responses.ResponseFunctionToolCall;
type Message = OpenAI.Chat.ChatCompletionMessageParam;
type Run = OpenAI.Beta.Threads.Run;

/** Some endpoints count the calls of each reply from 0, so that every reply of a conversation has a `call_0`. */
describe('an endpoint that gives each reply the same call id', () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
    await world.registerLamp('lamp');
  });
  after(() => world.close());

  const ask = { calls: [{ name: 'get_time', arguments: {}, id: 'call_0' }] };
  const parameters = { type: 'object', properties: {} };
  const tools = [{ type: 'function' as const, name: 'get_time', parameters, strict: false }];
  const wrapped = [{ type: 'function' as const, function: { name: 'get_time', parameters } }];
  const create = (input: string | Input, more: object = {}) =>
    client.responses.create({
      model: 'm',
      tools,
      input,
      ...more,
    } as OpenAI.Responses.ResponseCreateParamsNonStreaming);
  const callIn = ({ output }: Created) => output.find((item) => item.type === 'function_call') as Call;
  const outputOf = (response: Created, output: string) => ({
    type: 'function_call_output' as const,
    call_id: callIn(response).call_id,
    output,
  });
  /** The results that the model was shown with its last request, in their order. */
  const results = () =>
    (world.model.requests.at(-1)!.body['messages'] as { role: string; content: string }[])
      .filter(({ role }) => role === 'tool')
      .map(({ content }) => content);

  for (const [way, link] of [
    ['after the previous response', (response: Created) => ({ previous_response_id: response.id })],
    ['in a conversation', () => ({})],
  ] as const)
    it(`takes the outputs of each response, ${way}`, async () => {
      const conversation = way === 'in a conversation' ? (await client.conversations.create()).id : undefined;
      const base = conversation === undefined ? {} : { conversation };
      world.steps.push(ask, ask, { text: 'Done.' });
      const first = await create('Go.', base);
      const second = await create([outputOf(first, 'one')], { ...base, ...link(first) });
      expect(callIn(second).call_id).to.not.equal(callIn(first).call_id);
      const third = await create([outputOf(second, 'two')], { ...base, ...link(second) });
      expect([third.output_text, results()]).to.deep.equal([
        'Done.',
        ['{"output":"one"}', '{"output":"two"}'],
      ]);
    });

  for (const store of [true, false])
    it(`takes them from a client that sends all items each time, with store: ${store}`, async () => {
      world.steps.push(ask, ask, { text: 'Done.' }, ask, { text: 'Again.' });
      const items: Input = [{ role: 'user', content: 'Go.' }];
      const turn = async (output: string) => {
        const response = await create(items, { store });
        items.push(...(response.output as Input));
        if (callIn(response)) items.push(outputOf(response, output));
        return response;
      };
      await turn('one');
      await turn('two');
      expect((await turn('')).output_text).to.equal('Done.');
      items.push({ role: 'user', content: 'And again.' });
      const next = await turn('three');
      expect(callIn(next).call_id).to.equal('call_0'); // the id of another session's call, too
      expect((await turn('')).output_text).to.equal('Again.');
      expect(results()).to.deep.equal(['{"output":"three"}']);
    });

  it('gets the results of chat completions on devices', async () => {
    world.steps.push(ask, setLamp(true), ask, { text: 'Done.' });
    const messages: Message[] = [{ role: 'user', content: 'Go.' }];
    const turn = async (output: string) => {
      const { choices } = await client.chat.completions.create({
        model: 'm',
        messages,
        tools: wrapped,
        metadata: { devices: 'lamp' },
      });
      const { message } = choices[0]!;
      messages.push(message);
      for (const { id } of message.tool_calls ?? [])
        messages.push({ role: 'tool', tool_call_id: id, content: output });
      return message;
    };
    const writes = world.writes();
    await turn('one');
    await turn('two');
    expect((await turn('')).content).to.equal('Done.');
    expect(world.writes()).to.equal(writes + 1);
    expect(results().filter((result) => result.includes('output'))).to.deep.equal([
      '{"output":"one"}',
      '{"output":"two"}',
    ]);
  });

  it('gets the outputs of a run once, also when those of an earlier action come again', async () => {
    world.steps.push(ask, ask, { text: 'Done.' });
    const thread = await client.beta.threads.create({ messages: [{ role: 'user', content: 'Go.' }] });
    const path = `/v1/threads/${thread.id}/runs`;
    const read = async (id: string) => (await world.ada.call('GET', `${path}/${id}`)).body as Run;
    const { id } = (await world.ada.call('POST', path, { assistant_id: 'default', tools: wrapped }))
      .body as Run;
    const awaited = async (not?: string) => {
      let call: string | undefined;
      await waitFor(async () => {
        call = (await read(id)).required_action?.submit_tool_outputs.tool_calls[0]?.id;
        return call !== undefined && call !== not;
      });
      return call!;
    };
    const submit = (call: string, output: string) =>
      world.ada.call('POST', `${path}/${id}/submit_tool_outputs`, {
        tool_outputs: [{ tool_call_id: call, output }],
      });
    const first = await awaited();
    expect((await submit(first, 'one')).status).to.equal(200);
    const second = await awaited(first);
    expect(refusal(await submit(first, 'late'))).to.deep.equal([400, 'tool_outputs']);
    expect((await submit(second, 'two')).status).to.equal(200);
    await waitFor(async () => (await read(id)).status === 'completed');
    expect(results()).to.deep.equal(['{"output":"one"}', '{"output":"two"}']);
  });

  it('sets a device in each round', async () => {
    const writes = world.writes();
    const set = (on: boolean) => ({ calls: [{ name: 'set_lamp', arguments: { on }, id: 'call_0' }] });
    world.steps.push(set(true), set(false), { text: 'It is off.' });
    const made = await create('Blink.', { tools: [], ...world.devices });
    const ids = made.output.flatMap((item) => (item.type === 'function_call' ? item.call_id : []));
    expect([made.output_text, ids.length, new Set(ids).size]).to.deep.equal(['It is off.', 2, 2]);
    expect(world.writes()).to.equal(writes + 2);
  });
});
