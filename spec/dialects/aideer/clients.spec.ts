import { expect } from 'chai';
import sharp from 'sharp';
import {
  endOf,
  giveCredits,
  newChat,
  newDeer,
  newPreset,
  type DeerUser,
} from '../../support/aideer-world.ts';
import { sendJson } from '../../support/model-server.ts';
import { openChatWorld, type ChatWorld } from '../../support/chat-world.ts';
import { defaultAvatar } from '../../../lib/files/pictures.ts';

interface Said {
  role: string;
  type: string;
  content: string;
  visibility: boolean;
  create_time: string;
}
interface ChatBody {
  id: string;
  owner_id: number;
  preset_id: string;
  title: string;
  messages: Said[];
}

describe('a client of AIDeer', () => {
  let world: ChatWorld;
  let admin: DeerUser;
  let user: DeerUser;
  before(async () => {
    world = await openChatWorld();
    admin = await newDeer(world, 'admin');
    user = await newDeer(world);
    await giveCredits(world, admin, user, 100_000);
  });
  after(() => world.close());

  const as =
    ({ token }: DeerUser) =>
    (method: string, path: string, body?: unknown) =>
      world.call(method, `/api/v1${path}`, { token, ...(body !== undefined && { body }) });
  const chatOf = async (who: DeerUser, id: string) => (await as(who)('GET', `/chats/${id}`)).body as ChatBody;
  const addressOf = (url: string) => url.split('?')[0];
  /** The stored contents of all pictures. */
  const stored = () =>
    world.sql<{ chat_messages: { id: number; type: string; content: string } }, string[]>(async (db) =>
      (await db.selectFrom('chat_messages').select('content').where('type', '=', 'image').execute()).map(
        ({ content }) => JSON.parse(content) as string,
      ),
    );

  /** A chat with a picture that the model has drawn. */
  async function drawn(): Promise<string> {
    const dot = { width: 4, height: 4, channels: 3, background: 'red' } as const;
    const png = (await sharp({ create: dot }).png().toBuffer()).toString('base64');
    const preset = await newPreset(world, user, { type: 'image_generation' });
    const chat = await newChat(world, user, { preset, visibility: 'shared' });
    world.steps.length = world.model.requests.length;
    world.steps.push({
      answer: (response) => sendJson(response, 200, { data: [{ b64_json: png }] }),
    });
    const made = await as(user)('POST', '/tasks', { chat_id: chat, type: 'image_generation' });
    const end = await endOf(world, user, (made.body as { task_id: string }).task_id);
    expect(end).to.include({ status: 'finished' });
    return chat;
  }

  it('reads a chat, adds a message and sends all of it back: pictures stay alive', async () => {
    const id = await drawn();
    const keys = await stored();
    const chat = await chatOf(user, id);
    const picture = chat.messages.at(-1)!;
    expect([picture.type, new URL(picture.content).searchParams.has('signature')]).to.deep.equal([
      'image',
      true,
    ]);
    for (const content of [picture.content, addressOf(picture.content)]) {
      const messages = [
        ...chat.messages.slice(0, -1),
        { ...picture, content },
        { role: 'user', content: 'More' },
      ];
      expect((await as(user)('PUT', `/chats/${id}`, { ...chat, messages })).status).to.equal(200);
      expect(await stored()).to.deep.equal(keys);
    }
    const after = (await chatOf(user, id)).messages;
    expect(after.map(({ content }) => addressOf(content))).to.deep.equal([
      'Hello',
      addressOf(picture.content),
      'More',
    ]);
    expect((await fetch(after[1]!.content)).status).to.equal(200);
    // The picture is dead nowhere else: in a preset, and in another user's copy of the chat.
    const preset = await newPreset(world, user, { messages: [picture] });
    const read = (await as(user)('GET', `/presets/${preset}`)).body as ChatBody;
    expect(addressOf(read.messages[0]!.content)).to.equal(addressOf(picture.content));
    const reader = await newDeer(world);
    const copy = await chatOf(reader, id);
    expect((await as(reader)('PUT', `/chats/${copy.id}`, copy)).status).to.equal(200);
    expect(addressOf((await chatOf(reader, copy.id)).messages[1]!.content)).to.equal(
      addressOf(picture.content),
    );
    // Nobody gets a picture of somebody else signed.
    const theft = await as(await newDeer(world))('POST', '/chats', {
      preset_id: await newPreset(world, admin, { visibility: 'public' }),
      title: 'Mine',
      messages: [{ role: 'user', type: 'image', content: addressOf(picture.content) }],
    });
    expect([theft.status, theft.body]).to.deep.equal([404, { detail: 'There is no such picture.' }]);
  });

  it('finds the newest on page one', async () => {
    const one = await newDeer(world);
    const preset = await newPreset(world, one);
    const chats: string[] = [];
    for (let made = 0; made < 14; made += 1) chats.push(await newChat(world, one, { preset }));
    const presets = new Set([preset, await newPreset(world, one), await newPreset(world, one)]);
    const ids = async (path: string) =>
      ((await as(one)('GET', path)).body as { id: string }[]).map(({ id }) => id);
    expect(await ids('/chats')).to.deep.equal(chats.toReversed().slice(0, 10));
    expect(await ids('/chats?offset=10')).to.deep.equal(chats.toReversed().slice(10));
    expect(await ids('/chats?order_by=id')).to.deep.equal(chats.slice(0, 10));
    const mine = (await ids('/presets')).filter((id) => presets.has(id));
    expect(mine).to.have.length(3);
    expect(mine.at(-1)).to.equal(preset);
    const users = (await as(admin)('GET', '/users?limit=1')).body as { id: number }[];
    expect(users.map(({ id }) => id)).to.deep.equal([one.id]);
  });

  it('sends its hidden messages back, and they do not pile up', async () => {
    const hidden = { role: 'system', content: 'You are a deer.', visibility: false };
    const shown = { role: 'user', content: 'Hello' };
    const id = await newChat(world, user, { messages: [hidden, shown] });
    for (let times = 0; times < 3; times += 1)
      await as(user)('PUT', `/chats/${id}`, { messages: [hidden, shown] });
    const rows = await world.sql<
      {
        chat_messages: { id: number; chat_id: number; content: string };
        chats: { id: number; uuid: string };
      },
      string[]
    >(async (db) =>
      (
        await db
          .selectFrom('chat_messages')
          .innerJoin('chats', 'chats.id', 'chat_messages.chat_id')
          .select('content')
          .where('uuid', '=', id)
          .execute()
      ).map(({ content }) => content),
    );
    expect(rows.toSorted()).to.deep.equal(['"Hello"', '"You are a deer."']);
  });

  it('does not read the hidden messages of the preset of somebody else', async () => {
    const hidden = { role: 'system', content: 'The secret scene', visibility: false };
    const messages = [hidden, { role: 'assistant', content: 'Welcome' }];
    const preset = await newPreset(world, admin, { visibility: 'public', messages });
    const seen = async (who: DeerUser) => {
      const one = (await as(who)('GET', `/presets/${preset}`)).body as ChatBody;
      const all = (await as(who)('GET', '/presets?limit=100')).body as ChatBody[];
      const listed = all.find(({ id }) => id === preset)!;
      return [one, listed].map((shown) => shown.messages.map(({ content }) => content));
    };
    expect(await seen(user)).to.deep.equal([['Welcome'], ['Welcome']]);
    expect(await seen(admin)).to.deep.equal([
      ['The secret scene', 'Welcome'],
      ['The secret scene', 'Welcome'],
    ]);
  });

  it('shows the picture of a user in an <img>, which sends no token', async () => {
    const { avatar } = (await as(user)('GET', '/users/me')).body as { avatar: string };
    const shown = await fetch(avatar);
    expect([shown.status, shown.headers.get('content-type')]).to.deep.equal([200, 'image/jpeg']);
    expect(Buffer.from(await shown.arrayBuffer())).to.deep.equal(await defaultAvatar());
  });

  it('opens the stream of a task with a ticket, once', async () => {
    const chat = await newChat(world, user);
    world.steps.length = world.model.requests.length;
    world.steps.push({ text: 'Hi' });
    const { task_id: task } = (await as(user)('POST', '/tasks', { chat_id: chat })).body as {
      task_id: string;
    };
    const ticketOf = async (who: DeerUser) =>
      (await world.ok<{ ticket: string }>(200, 'POST', '/api/ticket', { token: who.token })).ticket;
    const open = (ticket: string) => world.call('GET', `/api/v1/tasks/${task}/stream?ticket=${ticket}`);
    const ticket = await ticketOf(user);
    expect((await open(await ticketOf(admin))).status).to.equal(403);
    const stream = await open(ticket);
    expect([stream.status, String(stream.body).includes('"status":"finished","content":"Hi"')]).to.deep.equal(
      [200, true],
    );
    expect((await open(ticket)).status).to.equal(401);
    expect((await open('nonsense')).status).to.equal(401);
    // No other call takes a ticket.
    expect((await world.call('GET', `/api/v1/tasks/${task}?ticket=${await ticketOf(user)}`)).status).to.equal(
      401,
    );
  });

  it('is told that a field cannot be changed, and may send it back as it was', async () => {
    const preset = await newPreset(world, user);
    const chat = await chatOf(user, await newChat(world, user, { preset }));
    const other = await newPreset(world, user);
    for (const [path, body, field] of [
      [`/chats/${chat.id}`, { preset_id: other }, 'preset_id'],
      [`/chats/${chat.id}`, { owner_id: admin.id }, 'owner_id'],
      [`/presets/${preset}`, { owner_id: admin.id }, 'owner_id'],
      [`/users/${user.id}`, { permission: 2 }, 'permission'],
      [`/users/${user.id}`, { credits_left: 1_000_000 }, 'credits_left'],
      [`/users/${user.id}`, { password: 'a password that would be ignored' }, 'password'],
    ] as const) {
      const answer = await as(user)('PUT', path, { ...body, title: 'Changed', nickname: 'Changed' });
      expect([answer.status, answer.body], path).to.deep.equal([
        422,
        { detail: `The body is not valid: /${field} cannot be changed here.` },
      ]);
    }
    expect((await chatOf(user, chat.id)).title).to.equal('A chat');
    for (const path of [`/chats/${chat.id}`, `/presets/${preset}`, `/users/${user.id}`]) {
      const whole = (await as(user)('GET', path)).body;
      expect((await as(user)('PUT', path, whole)).status, path).to.equal(200);
    }
  });

  it('may put a slash at the end of a path', async () => {
    expect((await as(user)('GET', '/users/me/')).body).to.include({ id: user.id });
    expect((await as(user)('GET', '/chats/?limit=1')).status).to.equal(200);
    const made = await as(user)('POST', '/presets/', { title: 'A scene' });
    expect(made.status).to.equal(200);
    expect((await as(user)('GET', `/presets/${(made.body as { id: string }).id}/`)).status).to.equal(200);
    expect((await as(user)('GET', '/presets//')).status).to.equal(404);
  });
});
