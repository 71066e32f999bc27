import { expect } from 'chai';
import type OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { refusal } from '../../support/openai-refusal.ts';

/** A list and its path: the runs of a thread, say. */
interface Listed {
  path: string;
  /** All ids, oldest first. */
  ids: string[];
}

describe('the page of a list before an object', () => {
  let world: LampWorld;
  let client: OpenAI;
  const lists: Record<string, Listed> = {};
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
    const { id: thread } = await client.beta.threads.create(world.devices as object);
    const runs: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      await client.beta.threads.messages.create(thread, { role: 'user', content: 'Light!' });
      world.steps.push(...(count < 4 ? [] : Array.from({ length: 4 }, () => setLamp(true))), {
        text: 'Done.',
      });
      const wished = { assistant_id: 'default' };
      runs.push((await client.beta.threads.runs.createAndPoll(thread, wished, { pollIntervalMs: 10 })).id);
    }
    for (let count = 0; count < 4; count += 1)
      await world.ada.call('POST', '/apps', { name: 'a', icon: 'http://127.0.0.1/a.png', description: 'd' });
    const idsAt = async (path: string): Promise<Listed> => {
      const { body } = await world.ada.call('GET', `${path}?order=asc`);
      return { path, ids: (body as { data: { id: string }[] }).data.map(({ id }) => id) };
    };
    lists['runs'] = { path: `/v1/threads/${thread}/runs`, ids: runs };
    lists['steps'] = await idsAt(`/v1/threads/${thread}/runs/${runs[4]}/steps`);
    lists['assistants'] = await idsAt('/v1/assistants');
    lists['messages'] = await idsAt(`/v1/threads/${thread}/messages`);
  });
  after(() => world.close());

  for (const name of ['runs', 'steps', 'assistants', 'messages'])
    it(`is the one right before it, in both orders: ${name}`, async () => {
      const { path, ids } = lists[name]!;
      const page = async (query: string) => {
        const { body } = await world.ada.call('GET', `${path}?${query}`);
        const { data, has_more: more } = body as { data: { id: string }[]; has_more: boolean };
        return [data.map(({ id }) => ids.indexOf(id)), more];
      };
      const last = ids.length - 1;
      expect(last).to.be.at.least(4);
      expect(await page(`order=asc&limit=2&before=${ids[3]}`)).to.deep.equal([[1, 2], true]);
      expect(await page(`order=asc&limit=2&before=${ids[1]}`)).to.deep.equal([[0], false]);
      expect(await page(`limit=2&before=${ids[last - 3]}`)).to.deep.equal([[last - 1, last - 2], true]);
      expect(await page(`order=asc&after=${ids[0]}&before=${ids[3]}`)).to.deep.equal([[1, 2], false]);
      expect(refusal(await world.ada.call('GET', `${path}?before=nothing`))).to.deep.equal([400, 'before']);
    });
});
