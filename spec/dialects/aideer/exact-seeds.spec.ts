import { expect } from 'chai';
import { endOf, giveCredits, newChat, newDeer, type DeerUser } from '../../support/aideer-world.ts';
import { onBothEngines, type ChatWorld } from '../../support/chat-world.ts';

onBothEngines('the seed of an AIDeer preset', (open) => {
  let world: ChatWorld;
  let user: DeerUser;
  before(async () => {
    world = await open();
    user = await newDeer(world);
    await giveCredits(world, await newDeer(world, 'admin'), user, 100_000);
  });
  after(() => world.close());

  /** A call with the text of its bodies: reading them would round their numbers. */
  async function call(
    method: string,
    path: string,
    body?: string,
  ): Promise<{ status: number; text: string }> {
    const answer = await fetch(`${world.app.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${user.token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body }),
    });
    return { status: answer.status, text: await answer.text() };
  }
  const seedIn = (text: string) => /"seed": ?([^,}]+)/.exec(text)?.[1];
  const bodyOf = (seed: string) => `{"title":"A scene","parameters":{"model":"mock","seed":${seed}}}`;

  for (const seed of ['0', '9007199254740991', '9007199254740993', '9223372036854775807'])
    it(`keeps each digit of ${seed}, up to the model's endpoint`, async () => {
      const made = await call('POST', '/presets', bodyOf(seed));
      expect([made.status, seedIn(made.text)]).to.deep.equal([200, seed]);
      const { id } = JSON.parse(made.text) as { id: string };
      expect(seedIn((await call('GET', `/presets/${id}`)).text)).to.equal(seed);
      expect(seedIn((await call('GET', '/presets?limit=1')).text)).to.equal(seed);
      const renamed = await call('PUT', `/presets/${id}`, '{"title":"Another"}');
      expect([renamed.status, seedIn(renamed.text)]).to.deep.equal([200, seed]);
      const sentBack = await call('PUT', `/presets/${id}`, renamed.text);
      expect([sentBack.status, seedIn(sentBack.text)]).to.deep.equal([200, seed]);
      for (const path of ['chat_generation', 'title_generation']) {
        const chat = await newChat(world, user, { preset: id });
        world.steps.push({ text: 'Good day.' });
        const { task_id: task } = await world.ok<{ task_id: string }>(200, 'POST', '/api/v1/tasks', {
          token: user.token,
          body: { chat_id: chat, type: path },
        });
        expect((await endOf(world, user, task))['status']).to.equal('finished');
        expect(seedIn(world.model.requests.at(-1)!.text)).to.equal(seed);
      }
    });

  for (const seed of ['9223372036854775808', '9.3e18', '-9007199254740993', '1e400'])
    it(`is refused as ${seed}`, async () => {
      expect((await call('POST', '/presets', bodyOf(seed))).status).to.equal(422);
    });
});
