import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventsOf } from '../contracts/llmops-debug.ts';
import { openLlmops, type LlmopsAnswer } from '../support/llmops.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';
import { openHouse } from '../support/scenario.ts';

describe('a day of somebody who builds an app', function () {
  this.timeout(60_000);
  let folder: string;
  let postgres: Postgres;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-llmops-story-'));
    postgres = await openPostgresServer();
  });
  after(async () => {
    await postgres.close();
    await rm(folder, { recursive: true });
  });

  it('on SQLite', () => liveThrough(`sqlite:${join(folder, 'a.db')}`));
  it('on PostgreSQL', async () => liveThrough(await postgres.createDatabase()));
});

async function liveThrough(databaseUrl: string): Promise<void> {
  const house = await openHouse();
  const test = await openLlmops(databaseUrl);
  const stateOf = (name: string): string => house.devices.find((one) => one.name === name)!.device.state();
  try {
    const { script } = test;
    const ann = await test.client();
    const expectDone = async (answer: Promise<LlmopsAnswer>, message = ''): Promise<void> => {
      expect(await answer).to.deep.equal({ status: 200, code: 'success', data: {}, message });
    };

    // In the morning the app is made: an agent that keeps the house.
    const icon = 'https://pictures.example/house.png';
    const { data: made } = await ann.post('/apps', { name: '管家', icon, description: 'Keeps the house.' });
    const app = `/apps/${String(made['id'])}`;
    const systemPrompt = 'You keep the house.';
    const openSpecList = house.documents;
    const model_config = test.config({ dialog_round: 1, systemPrompt, openSpecList });
    await expectDone(
      ann.post(`${app}/config`, { model_config, memory_mode: 'long_term_memory' }),
      '更新AI应用配置成功',
    );

    // It is told to do something, and the device does it, once.
    const shelf = { name: 'robot_moveToShelf', arguments: { shelf: 7 } };
    script.push(
      { calls: [shelf] },
      { text: 'It is at shelf 7.' },
      { text: 'Ann sent the robot to shelf 7.' },
    );
    const { data: first } = await ann.post(`${app}/debug`, { query: 'Send the robot to shelf 7.' });
    expect(first).to.deep.include({
      query: 'Send the robot to shelf 7.',
      answer: 'It is at shelf 7.',
      answer_tokens: 40,
    });
    expect(stateOf('robot')).to.equal('at shelf 7, carries 0, battery 93 %');
    expect((await ann.get(`${app}/long-term-memory`)).data).to.deep.equal({
      summary: 'Ann sent the robot to shelf 7.',
    });

    // The next answer is watched while it is made.
    script.push(
      { text: 'It is at shelf 7.' },
      { text: 'Ann sent the robot to shelf 7, and asked where it is.' },
    );
    const stream = await ann.call(`${app}/debug`, {
      method: 'POST',
      body: JSON.stringify({ query: 'Where is it?' }),
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    });
    const events = eventsOf(await stream.text());
    const pieces = events.flatMap(({ event, data }) =>
      event === 'chunk' ? (data as { answer: string }).answer : [],
    );
    expect(pieces.join('')).to.equal('It is at shelf 7.');
    const { data: second } = events.at(-1)!.data as LlmopsAnswer;
    await ann.get(`${app}/long-term-memory`);
    await expectDone(
      ann.post(`${app}/long-term-memory`, { summary: '安娜喜欢机器人。' }),
      '更新AI应用长记忆成功',
    );

    // At noon it is published, and goes on changing as a draft.
    await expectDone(ann.post(`${app}/publish`));
    const next = { ...model_config, systemPrompt: 'You keep the house, and answer in Chinese.' };
    await expectDone(
      ann.post(`${app}/config`, { model_config: next, memory_mode: 'long_term_memory' }),
      '更新AI应用配置成功',
    );
    const { data: shown } = await ann.get(app);
    const prompts = ['published', 'drafted'].map(
      (status) =>
        (shown[`${status}_app_config`] as { model_config: { systemPrompt: string } }).model_config
          .systemPrompt,
    );
    expect(prompts).to.deep.equal([systemPrompt, next.systemPrompt]);

    // Over lunch the server is brought up to date. All is as it was; the conversation goes on with memory, one round, and devices.
    await test.restart();
    expect((await ann.get(app)).data).to.deep.equal(shown);
    const light = { name: 'switch_light', arguments: { room: 'kitchen', power: 'on' } };
    script.push({ calls: [light] }, { text: '厨房的灯亮了。' }, { text: '安娜喜欢机器人，开了厨房的灯。' });
    const asked = test.model.requests.length;
    const { data: third } = await ann.post(`${app}/debug`, { query: '打开厨房的灯' });
    expect(third['answer']).to.equal('厨房的灯亮了。');
    expect(stateOf('lights')).to.include('kitchen on');
    expect(test.model.requests[asked]!.body['messages']).to.deep.equal([
      {
        role: 'system',
        content: `${next.systemPrompt}\n\nWhat was said before, in short:\n安娜喜欢机器人。`,
      },
      { role: 'user', content: 'Where is it?' },
      { role: 'assistant', content: 'It is at shelf 7.' },
      { role: 'user', content: '打开厨房的灯' },
    ]);
    expect((await ann.get(`${app}/long-term-memory`)).data).to.deep.equal({
      summary: '安娜喜欢机器人，开了厨房的灯。',
    });

    // In the evening she looks through what was said, and throws something away.
    const page = async (query: string): Promise<unknown> => (await ann.get(`${app}/messages${query}`)).data;
    const paginator = { current_page: 1, page_size: 2, total_page: 2, total_record: 3 };
    expect(await page('?page_size=2')).to.deep.equal({ list: [third, second], paginator });
    expect(await page('?page_size=2&current_page=2')).to.deep.equal({
      list: [first],
      paginator: { ...paginator, current_page: 2 },
    });
    const message = { app_id: made['id'], message_id: second['id'] };
    await expectDone(ann.post(`${app}/messages/${String(second['id'])}/delete`, message), '删除调试信息成功');
    expect(await page('')).to.deep.equal({
      list: [third, first],
      paginator: { current_page: 1, page_size: 20, total_page: 1, total_record: 2 },
    });
    await expectDone(ann.post(`${app}/publish/cancel`));
    expect((await ann.get(app)).data['published_app_config']).to.equal(null);

    // Somebody else has seen nothing of it, and after it is deleted neither has she.
    const ben = await test.client();
    expect((await ben.get(app)).code).to.equal('forbidden');
    expect((await ben.get('/apps')).data['list']).to.deep.equal([]);
    await expectDone(ann.post(`${app}/delete`));
    expect((await ann.get(app)).code).to.equal('not_found');
    expect(await test.dump()).to.not.include('sk-canary');
    test.model.expectDone();
    expect(test.complaints).to.deep.equal([]);
  } finally {
    await test.close();
    await house.close();
  }
}
