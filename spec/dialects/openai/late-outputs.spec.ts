import { expect } from 'chai';
import OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { refusal } from '../../support/openai-refusal.ts';
import { waitFor } from '../../support/wait-for.ts';

type Created = OpenAI.Responses.Response;

describe("outputs of a client's functions that come again after the end of their task", () => {
  let world: LampWorld;
  before(async () => {
    world = await openLampWorld();
    await world.registerLamp('lamp');
  });
  after(() => world.close());

  const parameters = { type: 'object', properties: {} };
  const tools = [{ type: 'function', name: 'get_time', parameters, strict: false }];
  const wrapped = [{ type: 'function', function: { name: 'get_time', parameters } }];
  const script = () =>
    world.steps.push({ calls: [{ name: 'get_time', arguments: {}, id: 'call_0' }] }, setLamp(true), {
      text: 'Done.',
    });
  const post = (path: string, body: object) => world.ada.call('POST', path, body);
  const create = async (body: object) => {
    const answer = await post('/v1/responses', { model: 'm', tools, ...body });
    return { ...answer, body: answer.body as Created };
  };
  const output = { type: 'function_call_output', call_id: 'call_0', output: 'seven' };
  const said = { role: 'user', content: 'Go.' };

  /** Sends a request that ends the task, and the same request again with a field that makes it another one. */
  async function twice(send: (more: object) => Promise<{ status: number; headers: Headers; body: unknown }>) {
    const writes = world.writes();
    const first = await send({});
    expect([first.status, world.writes()], JSON.stringify(first.body)).to.deep.equal([200, writes + 1]);
    const asked = world.model.requests.length;
    const again = await send({ metadata: { again: 'yes', devices: 'lamp' } });
    expect([world.model.requests.length, world.writes()]).to.deep.equal([asked, writes + 1]);
    return refusal(again);
  }

  it('are refused after the previous response', async () => {
    script();
    const { body: first } = await create({ input: [said], ...world.devices });
    const send = (more: object) => create({ input: [output], previous_response_id: first.id, ...more });
    expect(await twice(send)).to.deep.equal([400, 'input']);
  });

  for (const withItems of [false, true])
    it(`are refused in a conversation${withItems ? ', with the item of their call' : ''}`, async () => {
      const made = await post('/v1/conversations', world.devices);
      const conversation = (made.body as { id: string }).id;
      script();
      const { body: first } = await create({ input: [said], conversation });
      let input: object[] = [output];
      const send = async (more: object) => {
        const answer = await create({ input, conversation, ...more });
        if (withItems) input = [...first.output, output];
        return answer;
      };
      expect(await twice(send)).to.deep.equal([400, 'input']);
    });

  for (const store of [true, false])
    it(`are refused from a client that sends all items, with store: ${store}`, async () => {
      script();
      const { body: first } = await create({ input: [said], store, ...world.devices });
      const input = [said, ...first.output, output];
      const send = (more: object) => create({ input, store, ...more });
      expect(await twice(send)).to.deep.equal([400, 'input']);
    });

  it('are refused in chat completions', async () => {
    script();
    const ask = (messages: object[], more: object = {}) =>
      post('/v1/chat/completions', {
        model: 'm',
        messages,
        tools: wrapped,
        metadata: { devices: 'lamp' },
        ...more,
      });
    const first = (await ask([said])).body as OpenAI.Chat.ChatCompletion;
    const { message } = first.choices[0]!;
    const messages = [
      said,
      message,
      { role: 'tool', tool_call_id: message.tool_calls![0]!.id, content: 'seven' },
    ];
    expect(await twice((more) => ask(messages, more))).to.deep.equal([400, 'messages']);
  });

  it('are refused by a run', async () => {
    script();
    const { id: thread } = (await post('/v1/threads', { messages: [said], ...world.devices })).body as {
      id: string;
    };
    const path = `/v1/threads/${thread}/runs`;
    const { id } = (await post(path, { assistant_id: 'default', tools: wrapped })).body as { id: string };
    const isIn = async (status: string) =>
      ((await world.ada.call('GET', `${path}/${id}`)).body as { status: string }).status === status;
    await waitFor(() => isIn('requires_action'));
    const send = async (more: object) => {
      const outputs = [{ tool_call_id: 'call_0', output: 'seven' }];
      const answer = await post(`${path}/${id}/submit_tool_outputs`, { tool_outputs: outputs, ...more });
      await waitFor(() => isIn('completed'));
      return answer;
    };
    expect(await twice(send)).to.deep.equal([400, 'tool_outputs']);
  });

  it('are refused without any call', async () => {
    expect(refusal(await create({ input: [output] }))).to.deep.equal([400, 'input']);
    expect(refusal(await create({ input: [said, output] }))).to.deep.equal([400, 'input']);
  });
});
