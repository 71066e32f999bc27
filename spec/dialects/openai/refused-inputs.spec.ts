import { expect } from 'chai';
import type OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { waitFor } from '../../support/wait-for.ts';

/** OpenAI adds the items of a response to its conversation once the response is complete. */
describe('the input of a response that failed before its first reply', () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
  });
  after(() => world.close());

  const refused = { status: 400, body: { error: { message: 'no pictures' } } };
  const input: OpenAI.Responses.ResponseInput = [
    { role: 'user', content: 'What is this?' },
    { role: 'assistant', content: 'Show it to me.' },
    { role: 'user', content: 'Here it is.' },
  ];

  /** The texts of a conversation, oldest first. */
  async function textsOf(conversation: string): Promise<unknown[]> {
    const { data } = await client.conversations.items.list(conversation, { order: 'asc' });
    return data.map((item) =>
      item.type === 'message' ? 'text' in item.content[0]! && item.content[0].text : item.type,
    );
  }

  /** What the model was asked last, without its instructions. */
  const asked = () =>
    (world.model.requests.at(-1)!.body['messages'] as { role: string; content: unknown }[])
      .filter(({ role }) => role !== 'system')
      .map(({ content }) => content);

  async function streamed(body: object): Promise<OpenAI.Responses.Response> {
    const stream = await client.responses.create({
      ...body,
      model: 'm',
      stream: true,
    } as OpenAI.Responses.ResponseCreateParamsStreaming);
    for await (const event of stream) if (event.type === 'response.failed') return event.response;
    throw new Error('the response has not failed');
  }

  async function inBackground(body: object): Promise<OpenAI.Responses.Response> {
    const { id } = await client.responses.create({
      ...body,
      model: 'm',
      background: true,
    } as OpenAI.Responses.ResponseCreateParamsNonStreaming);
    await waitFor(async () => (await client.responses.retrieve(id)).status === 'failed');
    return client.responses.retrieve(id);
  }

  for (const [title, fail] of [
    ['as a stream', streamed],
    ['in the background', inBackground],
  ] as const) {
    it(`is not in its conversation, so that a client repeats it: ${title}`, async () => {
      const { id: conversation } = await client.conversations.create();
      world.steps.push(refused, { text: 'A lamp.' });
      const failed = await fail({ input, conversation, metadata: { try: 'first' } });
      expect(await textsOf(conversation)).to.deep.equal([]);
      await client.responses.create({ model: 'm', input, conversation });
      expect(asked()).to.deep.equal(['What is this?', 'Show it to me.', 'Here it is.']);
      const items = ['What is this?', 'Show it to me.', 'Here it is.', 'A lamp.'];
      expect(await textsOf(conversation)).to.deep.equal(items);
      // The response itself can be read until it is deleted.
      expect(await client.responses.retrieve(failed.id)).to.deep.equal({ ...failed, output_text: '' });
      expect([failed.status, failed.metadata]).to.deep.equal(['failed', { try: 'first' }]);
      await client.responses.delete(failed.id);
      expect((await world.ada.call('GET', `/v1/responses/${failed.id}`)).status).to.equal(404);
      expect(await textsOf(conversation)).to.deep.equal(items);
    });

    it(`is not in what follows it: ${title}`, async () => {
      world.steps.push(refused, { text: 'Good day.' });
      const { id } = await fail({ input });
      await client.responses.create({ model: 'm', input: 'Hello', previous_response_id: id });
      expect(asked()).to.deep.equal(['Hello']);
    });
  }

  it('stays where a device was called before the failure', async () => {
    const { id: conversation } = await client.conversations.create(world.devices as object);
    world.steps.push(setLamp(true), refused);
    await streamed({ input: 'Light!', conversation });
    expect(await textsOf(conversation)).to.deep.equal(['Light!', 'function_call', 'function_call_output']);
  });
});
