import { expect } from 'chai';
import { eventsOf } from '../../contracts/llmops-debug.ts';
import { openLlmops, type LlmopsAnswer, type LlmopsUnderTest } from '../../support/llmops.ts';
import { openPostgresServer, type Postgres } from '../../support/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('LLMOps apps on two nodes', function () {
  this.timeout(60_000);
  let postgres: Postgres;
  let nodes: LlmopsUnderTest[];
  before(async () => {
    postgres = await openPostgresServer();
    const databaseUrl = await postgres.createDatabase();
    nodes = [await openLlmops(databaseUrl), await openLlmops(databaseUrl)];
  });
  after(async () => {
    for (const node of nodes) await node.close();
    const complaints = nodes.flatMap((node) => node.complaints);
    await postgres.close();
    expect(complaints).to.deep.equal([]);
  });

  it('have one conversation and one memory, whichever node is asked', async () => {
    const [one, two] = nodes as [LlmopsUnderTest, LlmopsUnderTest];
    const ann = await one.client();
    const there = two.clientWith(ann.token);
    const app = await ann.newApp(one.config({ dialog_round: 9 }), 'long_term_memory');
    one.script.push({ text: 'Hello.' }, { text: 'Ann is here.' });
    const { data: first } = await ann.ask(app, 'I am Ann.');
    // The node that answered writes the summary: two that write the same at a time would ask the model twice.
    for (const client of [ann, there])
      expect((await client.get(`/apps/${app}/long-term-memory`)).data).to.deep.equal({
        summary: 'Ann is here.',
      });

    // The other node asks the one that works on the conversation: its model is the app's, wherever that is.
    one.script.push({ text: 'Ann.' }, { text: 'Ann is here, and knows it.' });
    const stream = await there.call(`/apps/${app}/debug`, {
      method: 'POST',
      body: '{"query":"Who am I?"}',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    });
    const { data: second } = eventsOf(await stream.text()).at(-1)!.data as LlmopsAnswer;
    expect(second).to.deep.include({ answer: 'Ann.', conversation_id: first['conversation_id'] });
    for (const client of [there, ann])
      expect((await client.get(`/apps/${app}/long-term-memory`)).data).to.deep.equal({
        summary: 'Ann is here, and knows it.',
      });
    expect((await ann.get(`/apps/${app}/messages`)).data['list']).to.deep.equal([second, first]);

    // What is deleted at one is gone at the other, for the model too.
    expect((await there.post(`/apps/${app}/messages/${String(first['id'])}/delete`)).code).to.equal(
      'success',
    );
    // The summary is written anew, before the model is asked.
    one.script.push({ text: 'Somebody asked.' }, { text: 'Yes.' }, { text: 'Ann is here still.' });
    await ann.ask(app, 'Sure?');
    await ann.get(`/apps/${app}/long-term-memory`);
    const last = one.model.requests.at(-2)!.body['messages'] as { content: string }[];
    expect(last.map(({ content }) => content)).to.deep.equal([
      'What was said before, in short:\nSomebody asked.',
      'Who am I?',
      'Ann.',
      'Sure?',
    ]);
    one.model.expectDone();
  });

  it('make the first conversation of an app once', async () => {
    const [one, two] = nodes as [LlmopsUnderTest, LlmopsUnderTest];
    const ann = await one.client();
    const clients = [ann, two.clientWith(ann.token)];
    const app = await ann.newApp(one.config());
    for (let number = 0; number < 6; number += 1) one.script.push({ text: 'Here.' });
    const answers = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((number) => clients[number % 2]!.ask(app, `Number ${number}?`)),
    );
    expect(answers.map(({ code }) => code)).to.deep.equal(Array(6).fill('success'));
    expect(new Set(answers.map(({ data }) => data['conversation_id'])).size).to.equal(1);
    expect((await ann.get(`/apps/${app}/messages`)).data['list']).to.have.length(6);
    one.model.expectDone();
  });

  it('end with a summary half written, which the next that is asked writes', async () => {
    const [one, two] = nodes as [LlmopsUnderTest, LlmopsUnderTest];
    const ann = await two.client();
    const app = await ann.newApp(one.config(), 'long_term_memory');
    let reached = false;
    let left = false;
    one.script.push(
      { text: 'Hello.' },
      {
        answer: (response) =>
          new Promise((resolve) => {
            reached = true;
            response.on('close', () => {
              left = true;
              resolve();
            });
          }),
      },
    );
    await ann.ask(app, 'I am Ann.');
    await waitFor(() => reached);
    await two.restart();
    expect(left).to.equal(true);
    one.script.push({ text: 'Ann was here.' });
    expect((await one.clientWith(ann.token).get(`/apps/${app}/long-term-memory`)).data).to.deep.equal({
      summary: 'Ann was here.',
    });
    one.model.expectDone();
  });
});
