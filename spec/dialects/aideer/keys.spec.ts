import { expect } from 'chai';
import type { AccountTables } from '../../../lib/accounts/schema.ts';
import { newDeer, type DeerUser } from '../../support/aideer-world.ts';
import { onBothEngines, password, type ChatWorld } from '../../support/chat-world.ts';

interface Key {
  id: string;
  key: string;
}

onBothEngines('the keys of a user', (open) => {
  let world: ChatWorld;
  let user: DeerUser;
  before(async () => {
    world = await open();
  });
  beforeEach(async () => {
    user = await newDeer(world);
  });
  after(() => world.close());

  const call = (token: string, method: string, path: string, body?: unknown) =>
    world.call(method, `/api/v1${path}`, { token, ...(body !== undefined && { body }) });
  const make = (body?: unknown, token = user.token) => call(token, 'POST', '/users/me/keys', body);
  const ageSignIns = () =>
    world.sql<AccountTables, unknown>((db) =>
      db
        .updateTable('sign_ins')
        .set(({ eb }) => ({ created_at: eb('created_at', '-', 11 * 60_000) }))
        .execute(),
    );

  it('are made with scopes, listed without their text, and revoked', async () => {
    const made = await make({
      name: 'lab',
      scopes: ['chat', 'app:a-1'],
      expire_time: '2999-01-01T00:00:00Z',
    });
    expect(made.status).to.equal(200);
    const { key, ...shown } = made.body as Key & { create_time: string };
    expect(shown).to.deep.equal({
      id: shown.id,
      name: 'lab',
      masked: `sk-…${key.slice(-4)}`,
      scopes: ['chat', 'app:a-1'],
      dialects: [],
      create_time: shown.create_time,
      use_time: null,
      expire_time: '2999-01-01T00:00:00.000Z',
    });
    const plain = (await make()).body as Key & { scopes: string[] };
    expect(plain.scopes).to.deep.equal(['chat', 'devices']);
    const all = (await call(user.token, 'GET', '/users/me/keys')).body as Key[];
    expect(all.map(({ id }) => id)).to.have.members([shown.id, plain.id]);
    expect(all.find(({ id }) => id === shown.id)).to.deep.equal(shown);
    expect((await call(key, 'GET', '/users/me')).status).to.equal(200);
    const revoke = () => call(user.token, 'DELETE', `/users/me/keys/${shown.id}`);
    expect((await revoke()).body).to.deep.equal({ message: 'The key is revoked.' });
    expect((await revoke()).status).to.equal(404);
    expect((await call(key, 'GET', '/users/me')).status).to.equal(401);
    const stranger = await newDeer(world);
    expect((await call(stranger.token, 'DELETE', `/users/me/keys/${plain.id}`)).status).to.equal(404);
  });

  it('have known scopes, and an expiry that is a time', async () => {
    const scopes = ['chat', 'everything', 'app:', 'a b'];
    expect(await make({ scopes })).to.deep.include({
      status: 422,
      body: {
        detail:
          'The scopes of a key are chat, devices, admin, metrics and app:<id>: /scopes/1 "everything" is no scope; /scopes/2 "app:" is no scope; /scopes/3 "a b" is no scope.',
      },
    });
    for (const bad of [{ scopes: [] }, { expire_time: 'soon' }, { dialects: ['A B'] }])
      expect((await make(bad)).status, JSON.stringify(bad)).to.equal(422);
  });

  it('need a fresh sign-in, or the password', async () => {
    await ageSignIns();
    expect(await make({})).to.deep.include({
      status: 403,
      body: { detail: 'The password is needed, or a sign-in within the last ten minutes.' },
    });
    expect((await make({ password: 'a wrong one' })).status).to.equal(403);
    expect((await make({ password })).status).to.equal(200);
  });

  it('change nothing of their account, whatever their scopes are, and make no other keys', async () => {
    const admin = await newDeer(world, 'admin');
    const { key } = (await make({ scopes: ['chat', 'devices', 'admin'] }, admin.token)).body as Key;
    // The URL of the picture is signed anew for each answer, for a time that ends later.
    const accountOf = async () => {
      const { avatar, ...rest } = (await call(admin.token, 'GET', '/users/me')).body as { avatar: string };
      return { ...rest, picture: new URL(avatar).pathname };
    };
    const before = await accountOf();
    const picture = new FormData();
    picture.set('avatar_file', new Blob(['x']), 'me.png');
    const attempts = [
      await call(key, 'PUT', `/users/${admin.id}`, { username: 'stolen', nickname: 'stolen' }),
      await call(key, 'DELETE', `/users/${admin.id}`),
      await call(key, 'DELETE', `/users/${admin.id}`, { password }),
      await call(key, 'PUT', '/users/me/password', { new_password: 'a stolen one', old_password: password }),
      await call(key, 'POST', '/users/me/avatar', picture),
      await make({ scopes: ['chat'] }, key),
      await call(key, 'GET', '/users/me/keys'),
      await call(key, 'DELETE', '/users/me/keys/x'),
      await call(key, 'POST', '/user/me/email', { email: 'stolen@example.com', password }),
      await call(key, 'POST', '/user/me/username', { username: 'stolen' }),
    ];
    for (const { status, body } of attempts)
      expect([status, body]).to.deep.equal([403, { detail: 'A key may not do this: sign in.' }]);
    expect(await accountOf()).to.deep.equal(before);
    // Refresh tokens are of sign-ins only.
    expect((await call(key, 'POST', '/user/me/password', { password: 'a stolen one' })).status).to.equal(401);
  });

  it('manage users with the scope admin only, and only where their user is an admin', async () => {
    const admin = await newDeer(world, 'admin');
    const statusOf = async (token: string, ...scopes: string[]) => {
      const { key } = (await make({ scopes }, token)).body as Key;
      return (await call(key, 'GET', '/users')).status;
    };
    expect([
      await statusOf(admin.token, 'admin'),
      await statusOf(admin.token, 'chat', 'devices'),
      await statusOf(user.token, 'admin'),
    ]).to.deep.equal([200, 403, 403]);
  });

  it('are no way around the proof for a new e-mail or the removal of the account', async () => {
    const email = (body: object) => call(user.token, 'POST', '/user/me/email', body);
    const remove = (body?: object) => call(user.token, 'DELETE', `/users/${user.id}`, body);
    await ageSignIns();
    const needed = { detail: 'The password is needed, or a sign-in within the last ten minutes.' };
    expect(await email({ email: 'new@example.com' })).to.deep.include({ status: 403, body: needed });
    expect((await email({ email: 'new@example.com', password: 'wrong' })).status).to.equal(403);
    expect((await email({ email: `new${user.id}@example.com`, password })).status).to.equal(202);
    expect(await remove()).to.deep.include({ status: 403, body: needed });
    expect((await remove({ password: 'wrong' })).status).to.equal(403);
    expect((await remove({ password })).status).to.equal(200);
  });
});
