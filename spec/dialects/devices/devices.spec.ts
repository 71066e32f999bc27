import { expect } from 'chai';
import { codedFault } from '../../../lib/common/coded-fault.ts';
import type { JsonObject } from '../../../lib/common/json.ts';
import type { HttpDevice } from '../../support/http-device.ts';
import { lampDocument, openLamp } from '../../support/lamp.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../../support/threads.ts';

const unknown = { reachable: null, lastCallAt: null, lastError: null };
const masked = { type: 'bearer', apiKey: 'lam…6789' };

describe('the devices that the server knows', () => {
  let server: ThreadServer;
  let admin: Caller;
  let ann: Caller;
  let lamp: HttpDevice & { registration(name: string): JsonObject };
  before(async () => {
    server = await openThreadServer({ AUTH: 'required' });
    admin = await server.caller('root', 'admin');
    ann = await server.caller('ann');
    lamp = await openLamp();
  });
  after(async () => {
    await server.close();
    await lamp.close();
  });

  const register = async (changes: JsonObject & { name: string }) => {
    const answer = await admin.call('POST', '/api/devices', {
      ...lamp.registration(changes.name),
      ...changes,
    });
    expect([answer.status, answer.body]).to.deep.equal([201, answer.body]);
    return answer.body as JsonObject;
  };

  it('are registered, listed, shown, changed and removed', async () => {
    const shown = {
      name: 'desk',
      title: 'Lamp',
      kind: 'openapi',
      version: 1,
      enabled: true,
      tags: ['home'],
      state: unknown,
    };
    const words = { rulesInWords: [], rulesAsData: [] };
    const description = { openSpec: lampDocument, server: lamp.url, apiKey: masked, users: ['*'] };
    const made = await register({ name: 'desk', tags: ['home'] });
    const { tools, ...rest } = made;
    expect(rest).to.deep.equal({ ...description, ...shown, warnings: [] });
    expect((tools as JsonObject[]).map(({ name, effect }) => [name, effect])).to.deep.equal([
      ['get_state', 'read'],
      ['set_brightness', 'write'],
    ]);
    expect((await ann.call('GET', '/api/devices?tag=home')).body).to.deep.equal([{ ...shown, tools: 2 }]);
    expect((await ann.call('GET', '/api/devices?tag=other')).body).to.deep.equal([]);
    expect((await ann.call('GET', '/api/devices/desk')).body).to.deep.equal({
      ...description,
      ...shown,
      ...words,
    });
    const changed = await admin.call('PUT', '/api/devices/desk', { ...rest, title: 'Desk lamp' });
    expect([changed.status, (changed.body as JsonObject)['version']]).to.deep.equal([200, 2]);
    const second = { ...description, ...shown, ...words, title: 'Desk lamp', version: 2 };
    expect((await ann.call('GET', '/api/devices/desk')).body).to.deep.equal(second);
    expect((await ann.call('GET', '/api/devices/desk?version=1')).body).to.deep.equal({
      ...description,
      ...shown,
      ...words,
    });
    expect((await ann.call('GET', '/api/devices/desk?version=3')).status).to.equal(404);
    expect((await admin.call('DELETE', '/api/devices/desk')).status).to.equal(204);
    expect((await ann.call('GET', '/api/devices/desk')).status).to.equal(404);
    expect((await admin.call('DELETE', '/api/devices/desk')).status).to.equal(404);
    expect((await register({ name: 'desk' }))['version']).to.equal(3);
  });

  it('keep their key when its mask is sent back, and send it to the device', async () => {
    await register({ name: 'keyed' });
    const shown = (await admin.call('GET', '/api/devices/keyed')).body as JsonObject;
    expect(shown['apiKey']).to.deep.equal(masked);
    expect((await admin.call('PUT', '/api/devices/keyed', { ...shown, tags: ['x'] })).status).to.equal(200);
    const before = lamp.seen.length;
    const check = await ann.call('POST', '/api/devices/keyed/check');
    expect(check.body).to.deep.include({ reachable: true, detail: 'get_state was read.' });
    expect(
      lamp.seen.slice(before).map(({ method, url, headers }) => [method, url, headers.authorization]),
    ).to.deep.equal([['GET', '/state', 'Bearer lamp-key-0123456789']]);
    const wrong = await admin.call('POST', '/api/devices', { ...shown, name: 'copy' });
    expect([wrong.status, (wrong.body as JsonObject)['errors']]).to.deep.equal([
      400,
      [
        {
          pointer: '/apiKey/apiKey',
          detail: 'is the mask of a key that is not stored here: send the key itself',
        },
      ],
    ]);
  });

  it('have the state of their last call', async () => {
    await register({ name: 'stateful' });
    const state = async () =>
      ((await ann.call('GET', '/api/devices/stateful')).body as { state: JsonObject }).state;
    await ann.call('POST', '/api/devices/stateful/check');
    const { lastCallAt, ...reached } = await state();
    expect(reached).to.deep.equal({ reachable: true, lastError: null });
    expect(lastCallAt).to.match(/^\d{4}-\d\d-\d\dT[\d:.]{12}[+-]\d{4}$/);
    await admin.call('PUT', '/api/devices/stateful', {
      ...lamp.registration('stateful'),
      server: 'http://127.0.0.1:9',
    });
    const check = (await ann.call('POST', '/api/devices/stateful/check')).body as JsonObject;
    expect(check['reachable']).to.equal(false);
    expect(check['detail']).to.include('ECONNREFUSED');
    const { reachable, lastError } = await state();
    expect([reachable, lastError]).to.deep.equal([
      false,
      (check['detail'] as string).slice('get_state: '.length),
    ]);
  });

  it('are checked by connecting where there is no read that the rules allow', async () => {
    await register({ name: 'closed', rules: { calls: [{ effect: 'read', decision: 'deny' }] } });
    const before = lamp.seen.length;
    const { body } = await ann.call('POST', '/api/devices/closed/check');
    expect(body).to.deep.include({ reachable: true, detail: `${lamp.url} takes connections.` });
    expect(lamp.seen.length).to.equal(before);
  });

  it('are refused with every fault', async () => {
    const faultsOf = async (body: unknown) => {
      const answer = await admin.call('POST', '/api/devices', body);
      return [answer.status, (answer.body as { errors?: unknown }).errors];
    };
    expect(
      await faultsOf({ name: 'Lamp', rule: {}, apiKey: { type: 'basic' }, credentials: { a: 5 } }),
    ).to.deep.equal([
      400,
      [
        codedFault('/openSpec', 'missing_wanted', {
          wanted:
            'a document: a JSON object, its text (JSON or YAML), or the URL of an endpoint that describes itself',
        }),
        {
          pointer: '/rule',
          detail: 'is not known; did you mean "rules"?',
          code: 'unknown_key_meant',
          data: { meant: 'rules' },
        },
        codedFault('/name', 'must_be', {
          wanted: 'a name of 1 to 63 lower-case letters, digits and -, which does not begin with -',
        }),
        codedFault('/apiKey/apiKey', 'missing_wanted', { wanted: 'a text' }),
        codedFault('/credentials/a', 'must_be', {
          wanted: 'a text, {username, password} or {clientId, clientSecret}',
        }),
      ],
    ]);
    expect(
      await faultsOf({
        ...lamp.registration('wrong'),
        server: 'http://user:secret-of-it@127.0.0.1:9',
        rules: { calls: [{ tools: ['set_brightness'] }] },
        safeState: [{ tool: 'set_brightnes' }, { tool: 'set_brightness', arguments: { brightness: 101 } }],
      }),
    ).to.deep.equal([
      400,
      [
        codedFault('/rules/calls/0/decision', 'missing_wanted', { wanted: 'allow, ask, deny or dry_run' }),
        { pointer: '/server', detail: 'has a password or a key in it: give it as apiKey or credentials' },
        { pointer: '/safeState/0/tool', detail: 'is no tool of the document: set_brightnes' },
        {
          pointer: '/safeState/1/arguments',
          detail: 'The arguments do not fit the tool: /brightness must be <= 100.',
        },
      ],
    ]);
    const [status, odd] = await faultsOf({ ...lamp.registration('wrong'), safeState: [null, 5, {}] });
    expect([status, (odd as { pointer: string }[]).map(({ pointer }) => pointer)]).to.deep.equal([
      400,
      ['/safeState/0', '/safeState/1', '/safeState/2/tool'],
    ]);
    const pieces = { name: 'pieces', openSpec: { textPieces: ['{"openapi":', '"3.1.0"}'] } };
    expect(await faultsOf(pieces)).to.deep.equal([
      400,
      [{ pointer: '/openSpec', detail: 'has textPieces, and is no document' }],
    ]);
    expect(await faultsOf({ name: 'none', openSpec: { openapi: '3.1.0' } })).to.deep.equal([
      400,
      [
        {
          pointer: '/openSpec',
          detail: 'has no operation that can be called',
          code: 'no_operation',
          data: {},
        },
      ],
    ]);
    await register({ name: 'taken' });
    expect(await faultsOf(lamp.registration('taken'))).to.deep.equal([
      409,
      [
        {
          pointer: '/name',
          detail: 'is the name of another device: take another one, or change that device',
          code: 'name_taken',
          data: {},
        },
      ],
    ]);
    expect((await admin.call('PUT', '/api/devices/taken', lamp.registration('other'))).status).to.equal(400);
  });

  it('warn of rules that name no tool', async () => {
    const { warnings } = await register({
      name: 'warned',
      rules: {
        calls: [{ tools: ['set_*', 'set_brightnes'], decision: 'ask' }],
        limits: [{ tools: ['x'], maxCalls: 1, perSeconds: 1 }],
      },
    });
    expect(warnings).to.deep.equal([
      '/rules/calls/0/tools/1: "set_brightnes" names no tool of this device',
      '/rules/limits/0/tools/0: "x" names no tool of this device',
    ]);
  });

  it('warn of a credential that their document does not ask for', async () => {
    const openSpec = {
      ...lampDocument,
      components: { securitySchemes: { house: { type: 'apiKey', in: 'header', name: 'X-House' } } },
    };
    const device = { ...lamp.registration('typo'), openSpec, credentials: { hosue: 'canary-key' } };
    const { status, body } = await admin.call('POST', '/api/devices', device);
    expect([status, (body as { warnings: string[] }).warnings]).to.deep.equal([
      201,
      [
        '/credentials/hosue: the document has no security scheme of this name, and the key is not sent; did you mean "house"?',
      ],
    ]);
  });

  it('warn of entries that name no user', async () => {
    const { email } = (await server.accounts.users.findByLogin('ann'))!;
    const users = [
      '*',
      'ANN',
      ann.user.uuid,
      'role:admin',
      'an',
      'role:admins',
      ...(email === null ? [] : [email]),
    ];
    const { warnings } = await register({ name: 'for-few', users });
    expect((warnings as string[]).slice(0, 2)).to.deep.equal([
      '/users/4: "an" names no user: this entry lets nobody use the device',
      '/users/5: "role:admins" is no role: role:visitor, role:user or role:admin',
    ]);
    const put = await admin.call('PUT', '/api/devices/for-few', {
      ...lamp.registration('for-few'),
      users: ['nobody'],
    });
    expect((put.body as JsonObject)['warnings']).to.deep.equal([
      '/users/0: "nobody" names no user: this entry lets nobody use the device',
    ]);
  });

  it('are seen by their users only', async () => {
    const bob = await server.caller('bob');
    await register({ name: 'anns', users: ['ANN'] });
    await register({ name: 'admins', users: ['role:admin'] });
    await register({ name: 'of-users', users: ['role:user'] });
    const seen = async (caller: Caller) => {
      const list = (await caller.call('GET', '/api/devices')).body as { name: string }[];
      const names = ['anns', 'admins', 'of-users'].filter((name) => list.some((one) => one.name === name));
      const found = ['anns', 'admins', 'of-users'].map(
        async (name) => (await caller.call('GET', `/api/devices/${name}`)).status,
      );
      return [names, await Promise.all(found)];
    };
    expect(await seen(ann)).to.deep.equal([
      ['anns', 'of-users'],
      [200, 404, 200],
    ]);
    expect(await seen(bob)).to.deep.equal([['of-users'], [404, 404, 200]]);
    expect(await seen(admin)).to.deep.equal([
      ['anns', 'admins', 'of-users'],
      [200, 200, 200],
    ]);
    const init = async (caller: Caller, name: string) =>
      (await caller.call('POST', '/api/init', { devices: [name] })).status;
    expect([await init(ann, 'anns'), await init(bob, 'anns')]).to.deep.equal([200, 400]);
  });

  it('are changed by admins only', async () => {
    const changes = [
      await ann.call('POST', '/api/devices', lamp.registration('mine')),
      await ann.call('PUT', '/api/devices/desk', lamp.registration('desk')),
      await ann.call('DELETE', '/api/devices/desk'),
    ];
    expect(changes.map(({ status }) => status)).to.deep.equal([403, 403, 403]);
  });
});
