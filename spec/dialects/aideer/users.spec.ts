import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import sharp from 'sharp';
import { aideer } from '../../../lib/dialects/aideer/aideer.ts';
import type { Parts } from '../../../lib/dialects/dialect.ts';
import {
  endOf,
  giveCredits,
  newChat,
  newDeer,
  newPreset,
  signIn,
  type DeerUser,
} from '../../support/aideer-world.ts';
import { onBothEngines, password, type ChatWorld } from '../../support/chat-world.ts';

onBothEngines('the users of AIDeer', (open) => {
  let world: ChatWorld;
  let admin: DeerUser;
  let user: DeerUser;
  before(async () => {
    world = await open();
    admin = await newDeer(world, 'admin');
  });
  beforeEach(async () => {
    user = await newDeer(world);
  });
  after(() => world.close());

  const as = (who: DeerUser) => (method: string, path: string, body?: unknown) =>
    world.call(method, `/api/v1${path}`, { token: who.token, ...(body !== undefined && { body }) });
  const statusOf = async (answer: ReturnType<ReturnType<typeof as>>) => (await answer).status;

  it('register themselves, and their role is never taken from a body', async () => {
    const body = {
      username: 'bambi',
      password,
      nickname: '小鹿',
      permission: 2,
      role: 'admin',
      is_admin: true,
    };
    const made = await world.ok(200, 'POST', '/api/v1/users', { body });
    const { id } = made as { id: number };
    const { avatar } = made as { avatar: string };
    expect(avatar).to.match(/^http:\/\/127\.0\.0\.1:\d+\/api\/v1\/objects\/avatars\/.*signature=/);
    expect(made).to.deep.equal({
      id,
      username: 'bambi',
      permission: 1,
      nickname: '小鹿',
      avatar,
      credits_left: 0,
    });
    const bambi = { id, username: 'bambi', token: await signIn(world, 'bambi') };
    expect((await as(bambi)('PUT', `/users/${id}`, { permission: 2, nickname: 'B' })).body).to.deep.equal({
      detail: 'The body is not valid: /permission cannot be changed here.',
    });
    // A client may send back what it got.
    expect((await as(bambi)('PUT', `/users/${id}`, { permission: 1, nickname: 'B' })).body).to.include({
      permission: 1,
      nickname: 'B',
    });
    expect((await as(bambi)('GET', '/users/me')).body).to.include({ permission: 1 });
    expect((await world.call('POST', '/api/v1/users', { body })).status).to.equal(409);
    for (const bad of [
      { username: 'b', password },
      { username: 'x'.repeat(51), password },
      { username: 'fine one', password: 'short' },
      { username: 'fine one' },
    ]) {
      const answer = await world.call('POST', '/api/v1/users', { body: bad });
      expect([answer.status, Object.keys(answer.body as object)]).to.deep.equal([422, ['detail']]);
    }
  });

  it('sign in with a form, for a day', async () => {
    const form = (fields: Record<string, string>) =>
      world.call('POST', '/api/v1/session/oauth2/token', {
        body: new URLSearchParams(fields).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
    const good = { grant_type: 'password', username: user.username, password, scope: '' };
    const answer = await form(good);
    expect([answer.status, Object.keys(answer.body as object)]).to.deep.equal([
      200,
      ['access_token', 'token_type'],
    ]);
    const { access_token: token, token_type: type } = answer.body as {
      access_token: string;
      token_type: string;
    };
    const { iat = 0, exp = 0 } = jwt.decode(token) as { iat?: number; exp?: number };
    expect([type, exp - iat]).to.deep.equal(['bearer', 86_400]);
    expect((await form({ ...good, password: 'wrong' })).status).to.equal(401);
    expect((await form({ ...good, grant_type: 'refresh_token' })).status).to.equal(422);
    expect((await form({ username: user.username })).status).to.equal(422);
    const json = await world.call('POST', '/api/v1/session/oauth2/token', { body: good });
    expect([json.status, Object.keys(json.body as object)]).to.deep.equal([415, ['detail']]);
  });

  it('are listed for admins, in pages', async () => {
    expect(await statusOf(as(user)('GET', '/users'))).to.equal(403);
    const all = (await as(admin)('GET', '/users?limit=100&order_by=id')).body as {
      id: number;
      username: string;
    }[];
    expect(all.map(({ id }) => id)).to.deep.equal(all.map(({ id }) => id).toSorted((a, b) => a - b));
    const page = await as(admin)('GET', '/users?offset=1&limit=2&order_by=id&order=desc');
    expect((page.body as { id: number }[]).map(({ id }) => id)).to.deep.equal(
      all
        .toReversed()
        .slice(1, 3)
        .map(({ id }) => id),
    );
    for (const order of ['title', 'create_time', 'update_time'])
      expect(await statusOf(as(admin)('GET', `/users?order_by=${order}`))).to.equal(200);
    for (const bad of ['limit=0', 'limit=1000', 'offset=-1', 'order_by=password', 'order=up'])
      expect(await statusOf(as(admin)('GET', `/users?${bad}`))).to.equal(422);
  });

  it('are looked at and changed by themselves and by admins only', async () => {
    const other = await newDeer(world);
    for (const [method, body] of [['GET'], ['PUT', { nickname: 'x' }], ['DELETE']] as const)
      expect(await statusOf(as(other)(method, `/users/${user.id}`, body))).to.equal(403);
    expect((await as(user)('GET', `/users/${user.id}`)).body).to.include({ id: user.id });
    expect((await as(admin)('GET', `/users/${user.id}`)).body).to.include({ id: user.id });
    const renamed = await as(user)('PUT', `/users/${user.id}`, { username: `${user.username} the second` });
    expect(renamed.body).to.include({ username: `${user.username} the second` });
    expect(renamed.body).to.not.have.property('nickname');
    expect(await statusOf(as(user)('PUT', `/users/${user.id}`, { username: other.username }))).to.equal(409);
    for (const unknown of ['999999', 'abc', '0'])
      expect(await statusOf(as(admin)('GET', `/users/${unknown}`))).to.equal(404);
  });

  it('change their password, which ends all sign-ins', async () => {
    const second = await signIn(world, user.username);
    const change = await as(user)('PUT', '/users/me/password', {
      old_password: password,
      new_password: 'a new good one',
    });
    expect([change.status, Object.keys(change.body as object)]).to.deep.equal([200, ['message']]);
    for (const token of [user.token, second])
      expect((await world.call('GET', '/api/v1/users/me', { token })).status).to.equal(401);
    user.token = await signIn(world, user.username, 'a new good one');
    expect(await statusOf(as(user)('PUT', '/users/me/password', { new_password: 'x' }))).to.equal(422);
    expect(
      await statusOf(as(user)('PUT', `/users/${user.id}/password`, { new_password: 'mine now' })),
    ).to.equal(403);
    expect(
      await statusOf(as(admin)('PUT', `/users/${user.id}/password`, { new_password: 'a third good one' })),
    ).to.equal(200);
    expect(await statusOf(as(user)('GET', '/users/me'))).to.equal(401);
    user.token = await signIn(world, user.username, 'a third good one');
    await world.sql<{ sign_ins: { created_at: number } }, unknown>((db) =>
      db
        .updateTable('sign_ins')
        .set(({ eb }) => ({ created_at: eb('created_at', '-', 11 * 60_000) }))
        .execute(),
    );
    const late = { new_password: 'a fourth good one' };
    expect(await statusOf(as(user)('PUT', '/users/me/password', late))).to.equal(403);
    expect(
      await statusOf(as(user)('PUT', '/users/me/password', { ...late, old_password: 'a third good one' })),
    ).to.equal(200);
  });

  it('have a picture of exactly 128×128 without its EXIF', async () => {
    const form = (bytes: Buffer, name = 'avatar_file') => {
      const body = new FormData();
      body.set(name, new Blob([new Uint8Array(bytes)]), 'me.bin');
      return as(user)('POST', '/users/me/avatar', body);
    };
    const picture = async () => {
      const answer = await fetch(`${world.app.url}/api/v1/users/me/avatar`, {
        headers: { authorization: `Bearer ${user.token}` },
      });
      expect([answer.status, answer.headers.get('content-type')]).to.deep.equal([200, 'image/jpeg']);
      return sharp(Buffer.from(await answer.arrayBuffer()));
    };
    const none = await (await picture()).metadata();
    expect([none.width, none.height, none.format]).to.deep.equal([128, 128, 'jpeg']);
    const large = await sharp({ create: { width: 300, height: 900, channels: 4, background: '#00ff0080' } })
      .png()
      .toBuffer();
    const set = await form(large);
    expect([set.status, Object.keys(set.body as object)]).to.deep.equal([200, ['message']]);
    const { width, height, format, exif } = await (await picture()).metadata();
    expect([width, height, format, exif]).to.deep.equal([128, 128, 'jpeg', undefined]);
    const other = await newDeer(world);
    const leads = await as(other)('GET', `/users/${user.id}/avatar`);
    expect(leads.status).to.equal(307);
    const got = await fetch(leads.headers.get('location') ?? '');
    expect([got.status, got.headers.get('content-type')]).to.deep.equal([200, 'image/jpeg']);
    await got.body?.cancel();
    for (const [status, bad] of [
      [415, Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
      [415, Buffer.from('no picture')],
      [422, large.subarray(0, 60)],
      [413, Buffer.alloc(5 * 1024 * 1024 + 1)],
    ] as const)
      expect((await form(bad)).status).to.equal(status);
    expect((await form(large, 'file')).status).to.equal(422);
    expect(await statusOf(as(other)('GET', '/users/999999/avatar'))).to.equal(404);
  });

  it('are removed with their data', async () => {
    const preset = await newPreset(world, user);
    const chat = await newChat(world, user, { preset });
    const gone = await as(user)('DELETE', `/users/${user.id}`);
    expect([gone.status, Object.keys(gone.body as object)]).to.deep.equal([200, ['message']]);
    expect(await statusOf(as(user)('GET', '/users/me'))).to.equal(401);
    for (const path of [`/users/${user.id}`, `/presets/${preset}`, `/chats/${chat}`])
      expect(await statusOf(as(admin)('GET', path)), path).to.equal(404);
    expect(await statusOf(as(admin)('DELETE', `/users/${user.id}`))).to.equal(404);
  });

  it('as visitors only look', async () => {
    const visitor = await newDeer(world, 'visitor');
    expect((await as(visitor)('GET', '/users/me')).body).to.include({ permission: 0 });
    expect(await statusOf(as(visitor)('GET', '/presets'))).to.equal(200);
    expect(await statusOf(as(visitor)('POST', '/presets', { title: 'x' }))).to.equal(403);
    expect(await statusOf(as(visitor)('POST', '/chats', { preset_id: 'x', title: 'x' }))).to.equal(403);
    expect(await statusOf(as(visitor)('POST', '/tasks', { chat_id: 'x' }))).to.equal(403);
  });

  it('are needed for everything but signing in and registering', async () => {
    const routes = aideer.mount({ accounts: {}, config: {} } as unknown as Parts).routes;
    const open = routes
      .filter(({ access }) => access === 'open')
      .map(({ method, path }) => `${method} ${path}`);
    expect(open).to.deep.equal([
      'POST /api/v1/session/oauth2/token',
      'GET /api/v1/session/wechat/token',
      'GET /api/v1/session/wechat/refresh',
      'POST /api/v1/users',
    ]);
    for (const { method, path } of routes.filter(({ access }) => access !== 'open')) {
      const place = path.replaceAll(/:\w+/g, '1');
      const answer = await world.call(method, place);
      expect([answer.status, Object.keys(answer.body as object)], `${method} ${path}`).to.deep.equal([
        401,
        ['detail'],
      ]);
    }
    for (const method of ['GET', 'POST', 'DELETE'])
      expect(await statusOf(as(admin)(method, '/utils/drop'))).to.equal(404);
  });

  it('see their credit records', async () => {
    await giveCredits(world, admin, user, 5000);
    world.steps.push({ text: 'Hi there.' });
    const chat = await newChat(world, user);
    const task = (await as(user)('POST', '/tasks', { chat_id: chat })).body as { task_id: string };
    await endOf(world, user, task.task_id);
    const { credit_records: records, credits_left: left } = (await as(user)('GET', '/users/me/credits'))
      .body as {
      credit_records: { amount: number; type: string; task_id?: string }[];
      credits_left: number;
    };
    expect(records.map(({ type }) => type)).to.deep.equal(['settle', 'hold', 'redeem']);
    expect(records.reduce((sum, { amount }) => sum + amount, 0)).to.equal(left);
    expect(left).to.equal(5000 - 120);
    expect(records[0]?.task_id).to.equal(task.task_id);
    expect((await as(user)('GET', '/users/me')).body).to.include({ credits_left: left });
  });
});
