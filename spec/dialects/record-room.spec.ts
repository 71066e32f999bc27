import { expect } from 'chai';
import { newDeer, newPreset, type DeerUser } from '../support/aideer-world.ts';
import { testSecret } from '../support/accounts.ts';
import { makeConfig, onBothEngines, openChatWorld, type ChatWorld } from '../support/chat-world.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';

onBothEngines('the records of one user', (open) => {
  let world: ChatWorld;
  let user: DeerUser;
  before(async () => {
    world = await open({ RECORDS_PER_OWNER_MAX_COUNT: '2' });
    user = await newDeer(world);
  });
  after(() => world.close());

  const post = async (path: string, body: object, token = user.token) => {
    const { status, body: answer } = await world.call('POST', path, { token, body });
    return { status, text: JSON.stringify(answer), answer: answer as { id?: string } };
  };
  /** The answers to three records that are made one after the other. */
  async function three(path: string, body: object) {
    const answers = [];
    for (let count = 0; count < 3; count += 1) answers.push(await post(path, body));
    return answers;
  }
  const words = (kind: string): string =>
    `You have 2 ${kind} already, and 2 are the limit (RECORDS_PER_OWNER_MAX_COUNT): remove some that you do not need.`;

  for (const [kind, path, body, refused] of [
    ['keys', '/api/v1/users/me/keys', {}, 429],
    ['apps', '/apps', { name: 'Mine', icon: 'https://example.com/i.png' }, 400], // contract 3 has no 429
    ['presets', '/api/v1/presets', { title: 'A scene', parameters: { model: 'mock' } }, 429],
  ] as const)
    it(`are refused beyond the limit: ${kind}`, async () => {
      const answers = await three(path, body);
      expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, refused]);
      expect(answers[2]!.text).to.contain(words(kind));
      expect((await post(path, body, (await newDeer(world)).token)).status).to.equal(200);
    });

  it('are refused beyond the limit: chats of both kinds together', async () => {
    const config = await makeConfig(world, { access: user.token });
    const owner = await newDeer(world, 'admin');
    const preset = await newPreset(world, owner, { visibility: 'public' });
    const scene = { preset_id: preset, title: 'A chat' };
    const conversation = { model_config_id: config };
    expect((await post('/api/v1/chats', scene)).status).to.equal(200);
    expect((await post('/conversation/create', conversation)).status).to.equal(201);
    for (const refused of [
      await post('/api/v1/chats', scene),
      await post('/conversation/create', conversation),
    ]) {
      expect(refused.status).to.equal(429);
      expect(refused.text).to.contain(words('chats'));
    }
  });

  it('are refused beyond the limit when many are made at once', async () => {
    const one = await newDeer(world);
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => post('/api/v1/presets', { title: 'A scene' }, one.token)),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).to.deep.equal([200, 200, 429, 429, 429, 429]);
  });

  it('are refused beyond the limit: copies of shared chats, but not a copy that is there', async () => {
    const owner = await newDeer(world, 'admin');
    const preset = await newPreset(world, owner, { visibility: 'public' });
    const shared = async (): Promise<string> => {
      const chat = { preset_id: preset, title: 'Shared', visibility: 'shared' };
      return (await post('/api/v1/chats', chat, (await newDeer(world)).token)).answer.id!;
    };
    const [first, second, third] = [await shared(), await shared(), await shared()];
    const reader = await newDeer(world);
    const open = async (id: string) =>
      (await world.call('GET', `/api/v1/chats/${id}`, { token: reader.token })).status;
    expect([await open(first), await open(second), await open(third), await open(first)]).to.deep.equal([
      200, 200, 429, 200,
    ]);
  });

  it('may be made again when one was removed', async () => {
    const other = await newDeer(world);
    const path = '/api/v1/users/me/keys';
    const first = await post(path, {}, other.token);
    expect((await post(path, {}, other.token)).status).to.equal(200);
    expect((await post(path, {}, other.token)).status).to.equal(429);
    await world.ok(200, 'DELETE', `${path}/${first.answer.id}`, { token: other.token });
    expect((await post(path, {}, other.token)).status).to.equal(200);
  });
});

describe('the records of one user of two nodes', function () {
  this.timeout(60_000);
  let postgres: Postgres;
  let nodes: ChatWorld[];
  before(async () => {
    postgres = await openPostgresServer();
    const env = {
      DATABASE_URL: await postgres.createDatabase(),
      JWT_SECRET: testSecret,
      SECRET_KEY: 'a secret key for specs',
      RECORDS_PER_OWNER_MAX_COUNT: '5',
    };
    nodes = [await openChatWorld(env), await openChatWorld(env)];
  });
  after(async () => {
    for (const node of nodes) await node.close();
    await postgres.close();
  });

  for (const [kind, path, body, refused] of [
    ['keys', '/api/v1/users/me/keys', {}, 429],
    ['apps', '/apps', { name: 'Mine', icon: 'https://example.com/i.png' }, 400],
    ['presets', '/api/v1/presets', { title: 'A scene', parameters: { model: 'mock' } }, 429],
    ['chats', '/conversation/create', {}, 429],
  ] as const)
    it(`end at the limit when both nodes make many at once: ${kind}`, async () => {
      const { token } = await newDeer(nodes[0]!);
      const config = kind === 'chats' && {
        model_config_id: await makeConfig(nodes[0]!, { access: token }),
      };
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, number) =>
          nodes[number % 2]!.call('POST', path, { token, body: { ...body, ...config } }),
        ),
      );
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
      const made = kind === 'chats' ? 201 : 200;
      expect(statuses).to.deep.equal([...Array<number>(5).fill(made), ...Array<number>(15).fill(refused)]);
    });
});
