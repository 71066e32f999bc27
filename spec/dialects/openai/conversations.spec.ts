import { expect } from 'chai';
import type OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { refusal } from '../../support/openai-refusal.ts';

describe('conversations', () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
  });
  after(() => world.close());

  const create = (body: object = {}): Promise<OpenAI.Conversations.Conversation> =>
    client.conversations.create(body);
  const respond = (conversation: string, input: string) =>
    client.responses.create({ model: 'm', conversation, input });
  const textOf = (item: OpenAI.Conversations.ConversationItem): string => {
    if (item.type !== 'message') return item.type;
    const [part] = item.content;
    return part && 'text' in part ? part.text : '';
  };

  it('are made, read, changed and deleted; the same session is a thread', async () => {
    const made = await create({
      metadata: { room: 'kitchen' },
      items: [
        { role: 'developer', content: 'Be short.' },
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'two' },
      ],
    });
    expect(made).to.deep.equal({
      id: made.id,
      object: 'conversation',
      created_at: made.created_at,
      metadata: { room: 'kitchen' },
    });
    expect(made.id).to.match(/^conv_[0-9a-f]{32}$/);
    expect(await client.conversations.retrieve(made.id)).to.deep.equal(made);
    const changed = await client.conversations.update(made.id, { metadata: { room: 'bath' } });
    expect(changed).to.deep.equal({ ...made, metadata: { room: 'bath' } });
    const thread = made.id.replace('conv_', 'thread_');
    const { data } = await client.beta.threads.messages.list(thread, { order: 'asc' });
    expect(data.map(({ role }) => role)).to.deep.equal(['user', 'assistant']);
    world.steps.push({ text: 'three' });
    await respond(made.id, 'go on');
    expect(world.model.requests.at(-1)!.body['messages']).to.deep.equal([
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two' },
      { role: 'user', content: 'go on' },
    ]);
    expect(await client.conversations.delete(made.id)).to.deep.equal({
      id: made.id,
      object: 'conversation.deleted',
      deleted: true,
    });
    expect((await world.ada.call('GET', `/v1/conversations/${made.id}`)).status).to.equal(404);
  });

  it('list what was said and done, page by page in both directions, and each item can be read', async () => {
    const { id } = await create(world.devices);
    world.steps.push(setLamp(true, 'Wait.'), { text: 'It is on.' }, { text: 'Bye.' });
    const first = await respond(id, 'Light!');
    expect(first.conversation).to.deep.equal({ id });
    await respond(id, 'Bye!');
    const order = ['Light!', 'Wait.', 'function_call', 'function_call_output', 'It is on.', 'Bye!', 'Bye.'];
    const { data } = await client.conversations.items.list(id, { order: 'asc' });
    expect(data.map(textOf)).to.deep.equal(order);
    expect(data.slice(1, 5)).to.deep.equal(first.output);
    for (const item of data)
      expect(await client.conversations.items.retrieve(item.id!, { conversation_id: id })).to.deep.equal(
        item,
      );
    for (const [direction, all] of [
      ['asc', order],
      ['desc', order.toReversed()],
    ] as const) {
      const seen: string[] = [];
      for await (const item of client.conversations.items.list(id, { order: direction, limit: 2 }))
        seen.push(textOf(item));
      expect(seen).to.deep.equal(all);
    }
    const unknown = await world.ada.call('GET', `/v1/conversations/${id}/items?after=msg_1`);
    expect(refusal(unknown)).to.deep.equal([400, 'after']);
    expect((await world.ada.call('GET', `/v1/conversations/${id}/items/msg_1`)).status).to.equal(404);
    const other = await create();
    expect(
      (await world.ada.call('GET', `/v1/conversations/${other.id}/items/${data[0]!.id}`)).status,
    ).to.equal(404);
  });

  it('lose a message that is deleted, in every view and for the model; a call stays', async () => {
    const { id } = await create(world.devices);
    world.steps.push(setLamp(true, 'Wait.'), { text: 'It is on.' }, { text: 'Bye.' });
    await respond(id, 'My pin is 4711.');
    const { data } = await client.conversations.items.list(id, { order: 'asc' });
    const remove = (index: number) =>
      world.ada.call('DELETE', `/v1/conversations/${id}/items/${data[index]!.id}`);
    expect((await Promise.all([1, 2, 3].map(remove))).map(({ status }) => status)).to.deep.equal([
      409, 409, 409,
    ]);
    expect((await remove(0)).body).to.deep.equal(await client.conversations.retrieve(id));
    expect((await remove(4)).status).to.equal(200);
    const left = await client.conversations.items.list(id, { order: 'asc' });
    expect(left.data.map(textOf)).to.deep.equal(['Wait.', 'function_call', 'function_call_output']);
    await respond(id, 'Bye!');
    expect(JSON.stringify(world.model.requests.at(-1)!.body)).to.not.contain('4711');
  });

  it('take items that nobody answers', async () => {
    const { id } = await create();
    const added = await client.conversations.items.create(id, {
      items: [
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'two' },
      ],
    });
    expect(added.data.map(textOf)).to.deep.equal(['one', 'two']);
    const { data } = await client.conversations.items.list(id, { order: 'asc' });
    expect(data).to.deep.equal(added.data);
    const system = { items: [{ role: 'system', content: 'Be short.' }] };
    expect(refusal(await world.ada.call('POST', `/v1/conversations/${id}/items`, system))).to.deep.equal([
      400,
      'items',
    ]);
    expect((await world.bob.call('GET', `/v1/conversations/${id}/items`)).status).to.equal(403);
  });

  it('use devices that the server knows, by a field or by their metadata, as do threads and responses', async () => {
    await world.registerLamp('kitchen');
    const offered = () =>
      (world.model.requests.at(-1)!.body['tools'] as { function: { name: string } }[] | undefined)?.length;
    for (const body of [{ devices: ['kitchen'] }, { metadata: { devices: 'kitchen' } }]) {
      const { id } = await create(body);
      world.steps.push(setLamp(true), { text: 'On.' }, { text: 'Hello.' });
      const before = world.writes();
      await respond(id, 'Light!');
      expect([offered(), world.writes()]).to.deep.equal([1, before + 1]);
      await client.responses.create({ model: 'm', input: 'Hello', ...body } as {
        model: string;
        input: string;
      });
      expect(offered()).to.equal(1);
      expect((await world.ada.call('POST', '/v1/threads', body)).status).to.equal(200);
    }
    for (const path of ['/v1/conversations', '/v1/threads', '/v1/responses']) {
      const answer = await world.ada.call('POST', path, { input: 'Hello', devices: ['cellar'] });
      expect(answer.status, path).to.be.within(400, 404);
    }
  });
});
