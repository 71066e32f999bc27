import { expect } from 'chai';
import {
  endOf,
  giveCredits,
  newChat,
  newDeer,
  newPreset,
  type DeerUser,
} from '../../support/aideer-world.ts';
import { onBothEngines, type ChatWorld } from '../../support/chat-world.ts';

type Json = Record<string, unknown>;

onBothEngines('presets and chats of AIDeer', (open) => {
  let world: ChatWorld;
  let admin: DeerUser;
  let user: DeerUser;
  let other: DeerUser;
  before(async () => {
    world = await open();
    admin = await newDeer(world, 'admin');
    user = await newDeer(world);
    other = await newDeer(world);
  });
  after(() => world.close());

  const as = (who: DeerUser) => (method: string, path: string, body?: unknown) =>
    world.call(method, `/api/v1${path}`, { token: who.token, ...(body !== undefined && { body }) });
  const statusOf = async (answer: ReturnType<ReturnType<typeof as>>) => (await answer).status;
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

  it('have the shape of the contract, with its defaults', async () => {
    const made = (await as(user)('POST', '/presets', { title: '翻译' })).body as Json;
    expect(made).to.deep.equal({
      id: made['id'],
      owner_id: user.id,
      title: '翻译',
      description: null,
      type: 'chat_generation',
      visibility: 'private',
      messages: [],
      parameters: {
        model: 'gpt-4o-mini',
        max_tokens: 1500,
        top_p: 0.5,
        repetition_penalty: 1.1,
        temperature: 0.85,
      },
      create_time: made['create_time'],
      update_time: made['update_time'],
    });
    expect(made['id']).to.match(/^[\da-f-]{36}$/);
    for (const field of ['create_time', 'update_time']) expect(made[field]).to.match(time);
    const whole = {
      title: 'Cat',
      description: 'It purrs.',
      type: 'image_generation',
      visibility: 'unlisted',
      messages: [
        {
          role: 'system',
          type: 'text',
          content: 'You are a cat.',
          visibility: false,
          create_time: '2026-01-02T03:04:05Z',
        },
      ],
      parameters: {
        model: 'qwen-max',
        seed: 7,
        max_tokens: 2000,
        top_p: 0.8,
        top_k: 50,
        repetition_penalty: 1,
        frequency_penalty: 0.1,
        presence_penalty: -0.1,
        temperature: 0,
      },
    };
    const cat = (await as(user)('POST', '/presets', whole)).body as Json;
    expect(cat).to.deep.include({
      ...whole,
      messages: [{ ...whole.messages[0], create_time: '2026-01-02T03:04:05.000Z' }],
    });
    expect((await as(user)('GET', `/presets/${String(cat['id'])}`)).body).to.deep.equal(cat);
  });

  it('refuse requests that the contract does not allow', async () => {
    for (const bad of [
      {},
      { title: '' },
      { title: 'x'.repeat(51) },
      { description: 'x'.repeat(256) },
      { type: 'video' },
      { visibility: 'shared' },
      { messages: [{ role: 'robot', content: 'x' }] },
      { messages: [{ role: 'user', content: 'x', create_time: 'soon' }] },
      { messages: [{ role: 'user', type: 'image', content: 'object:somebody/1/images/a.png' }] },
      { messages: [{ role: 'user', type: 'image', content: 'javascript:alert(1)' }] },
      { parameters: { max_tokens: 2001 } },
      { parameters: { max_tokens: 0 } },
      { parameters: { seed: -1 } },
      { parameters: { seed: 1.5 } },
      { parameters: { temperature: 2 } },
      { parameters: { model: '' } },
    ]) {
      const answer = await as(user)('POST', '/presets', {
        ...('title' in bad || Object.keys(bad).length === 0 ? bad : { title: 'x', ...bad }),
      });
      expect([answer.status, Object.keys(answer.body as object)], JSON.stringify(bad)).to.deep.equal([
        422,
        ['detail'],
      ]);
    }
  });

  it('are private, unlisted or public, and the public ones are the admins’', async () => {
    expect(await statusOf(as(user)('POST', '/presets', { title: 'x', visibility: 'public' }))).to.equal(403);
    const open = await newPreset(world, admin, { visibility: 'public', title: 'For all' });
    const unlisted = await newPreset(world, user, { visibility: 'unlisted' });
    const secret = await newPreset(world, user);
    const read = (id: string) => statusOf(as(other)('GET', `/presets/${id}`));
    expect([await read(open), await read(unlisted), await read(secret)]).to.deep.equal([200, 200, 403]);
    const listed = ((await as(other)('GET', '/presets?limit=100')).body as { id: string }[]).map(
      ({ id }) => id,
    );
    expect(listed).to.include(open).and.not.include(unlisted).and.not.include(secret);
    for (const id of [open, unlisted, secret]) {
      expect(await statusOf(as(other)('PUT', `/presets/${id}`, { title: 'mine' }))).to.equal(403);
      expect(await statusOf(as(other)('DELETE', `/presets/${id}`))).to.equal(403);
    }
    expect(await statusOf(as(user)('PUT', `/presets/${secret}`, { visibility: 'public' }))).to.equal(403);
    const changed = (await as(user)('PUT', `/presets/${secret}`, { title: 'New', parameters: { top_k: 3 } }))
      .body as Json;
    expect(changed).to.deep.include({ title: 'New', visibility: 'private' });
    expect(changed['parameters']).to.include({ top_k: 3, model: 'mock', max_tokens: 100 });
    expect(await statusOf(as(admin)('DELETE', `/presets/${secret}`))).to.equal(200);
    expect(await statusOf(as(user)('GET', `/presets/${secret}`))).to.equal(404);
    expect(await statusOf(as(user)('GET', '/presets/nothing'))).to.equal(404);
  });

  it('are listed in pages, in order', async () => {
    const who = await newDeer(world);
    for (const title of ['b', 'c', 'a']) await newPreset(world, who, { title });
    const titles = async (query: string) =>
      ((await as(who)('GET', `/presets?${query}`)).body as { title: string }[])
        .map(({ title }) => title)
        .filter((title) => title.length === 1);
    expect(await titles('order_by=title&limit=100')).to.deep.equal(['a', 'b', 'c']);
    expect(await titles('order_by=create_time&order=desc&limit=100')).to.deep.equal(['a', 'c', 'b']);
    expect(((await as(who)('GET', '/presets?offset=100')).body as unknown[]).length).to.equal(0);
    expect(await statusOf(as(who)('GET', '/chats?limit=x'))).to.equal(422);
  });

  it('are needed for a chat', async () => {
    const preset = await newPreset(world, user);
    const made = await as(user)('POST', '/chats', {
      preset_id: preset,
      title: 'First',
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'system', content: 'Hidden', visibility: false },
        { role: 'user', type: 'image', content: 'https://example.com/a.png' },
      ],
    });
    const chat = made.body as Json;
    expect(chat).to.deep.equal({
      id: chat['id'],
      owner_id: user.id,
      preset_id: preset,
      title: 'First',
      visibility: 'private',
      messages: [
        { role: 'user', type: 'text', content: 'Hello', visibility: true, create_time: chat['create_time'] },
        {
          role: 'user',
          type: 'image',
          content: 'https://example.com/a.png',
          visibility: true,
          create_time: chat['create_time'],
        },
      ].map((message, index) => ({
        ...message,
        create_time: (chat['messages'] as Json[])[index]!['create_time'],
      })),
      create_time: chat['create_time'],
      update_time: chat['update_time'],
    });
    expect((await as(user)('GET', '/chats')).body).to.deep.equal([chat]);
    const begin = (preset_id: unknown) => as(user)('POST', '/chats', { preset_id, title: 'x' });
    expect((await begin('00000000-0000-0000-0000-000000000000')).status).to.equal(400);
    expect((await begin('nothing')).body).to.deep.equal({ detail: 'There is no such preset.' });
    expect((await begin(await newPreset(world, other))).status).to.equal(403);
    expect((await begin(undefined)).status).to.equal(422);
  });

  it('let the messages that people see be replaced; hidden ones stay', async () => {
    const id = await newChat(world, user, {
      messages: [
        { role: 'system', content: 'Hidden', visibility: false },
        { role: 'user', content: 'Old' },
      ],
    });
    const changed = await as(user)('PUT', `/chats/${id}`, {
      title: 'Renamed',
      visibility: 'shared',
      messages: [
        { role: 'user', content: 'New' },
        { role: 'assistant', content: 'Yes' },
      ],
    });
    const body = changed.body as { title: string; visibility: string; messages: { content: string }[] };
    expect([body.title, body.visibility, body.messages.map(({ content }) => content)]).to.deep.equal([
      'Renamed',
      'shared',
      ['New', 'Yes'],
    ]);
    const contents = await world.sql<
      { chat_messages: { id: number; content: string }; chats: { id: number; uuid: string } },
      string[]
    >(async (db) =>
      (
        await db
          .selectFrom('chat_messages')
          .innerJoin('chats', 'chats.id', 'chat_messages.chat_id' as never)
          .select('content')
          .where('uuid', '=', id)
          .orderBy('chat_messages.id')
          .execute()
      ).map(({ content }) => content),
    );
    expect(contents).to.deep.equal(['"Hidden"', '"New"', '"Yes"']);
  });

  it('are copied, once, when somebody reads a shared one', async () => {
    const preset = await newPreset(world, user);
    const hidden = { role: 'system', content: 'Hidden', visibility: false };
    const id = await newChat(world, user, {
      preset,
      visibility: 'shared',
      messages: [hidden, { role: 'user', content: 'Hi' }],
    });
    const read = () => as(other)('GET', `/chats/${id}`);
    const copies = (await Promise.all([read(), read(), read()])).map(({ body }) => body as Json);
    expect(new Set(copies.map((copy) => copy['id'])).size).to.equal(1);
    const [copy] = copies;
    expect(copy).to.deep.include({ owner_id: other.id, preset_id: preset, visibility: 'private' });
    expect(copy!['id']).to.not.equal(id);
    expect((copy!['messages'] as Json[]).map(({ content }) => content)).to.deep.equal(['Hi']);
    await as(user)('PUT', `/chats/${id}`, { messages: [{ role: 'user', content: 'Changed' }] });
    expect((await read()).body).to.deep.include({ id: copy!['id'], messages: copy!['messages'] });
    expect(await statusOf(as(other)('PUT', `/chats/${id}`, { title: 'mine' }))).to.equal(403);
    expect(await statusOf(as(other)('DELETE', `/chats/${id}`))).to.equal(403);
    const closed = await newChat(world, user);
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect(
        await statusOf(as(other)(method, `/chats/${closed}`, method === 'PUT' ? {} : undefined)),
        method,
      ).to.equal(403);
    expect(await statusOf(as(other)('GET', '/chats/nothing'))).to.equal(404);
  });

  it('are shown to a visitor, who gets no copy', async () => {
    const visitor = await newDeer(world, 'visitor');
    const id = await newChat(world, user, { visibility: 'shared' });
    const shown = await as(visitor)('GET', `/chats/${id}`);
    expect([shown.status, shown.body]).to.deep.equal([200, (await as(user)('GET', `/chats/${id}`)).body]);
    expect((await as(visitor)('GET', '/chats')).body).to.deep.equal([]);
  });

  it('go on when their preset is removed, by its owner or an admin', async () => {
    const preset = await newPreset(world, admin, { visibility: 'public' });
    const id = await newChat(world, user, { preset });
    expect((await as(admin)('DELETE', `/presets/${preset}`)).body).to.deep.equal({
      message: 'The preset is removed.',
    });
    expect((await as(user)('GET', `/chats/${id}`)).body).to.include({ id, preset_id: preset });
    expect(await statusOf(as(user)('POST', '/chats', { preset_id: preset, title: 'x' }))).to.equal(400);
    world.steps.length = world.model.requests.length;
    world.steps.push({ text: 'Still here.' });
    await giveCredits(world, admin, user, 10_000);
    const task = (await as(user)('POST', '/tasks', { chat_id: id })).body as { task_id: string };
    expect(await endOf(world, user, task.task_id)).to.include({ status: 'finished', content: 'Still here.' });
    const gone = await as(user)('DELETE', `/chats/${id}`);
    expect([gone.status, gone.body]).to.deep.equal([200, { message: 'The chat is removed.' }]);
    expect(await statusOf(as(user)('GET', `/chats/${id}`))).to.equal(404);
  });
});
