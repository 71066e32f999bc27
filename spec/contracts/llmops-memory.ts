import { expect } from 'chai';
import type { LlmopsAnswer, LlmopsClient, LlmopsUnderTest } from '../support/llmops.ts';
import { waitFor } from '../support/wait-for.ts';

/** The long-term memory of an app (contract 3), over whatever database `test` stands on. */
export function describeLlmopsMemory(test: () => LlmopsUnderTest): void {
  let client: LlmopsClient;
  let asked: number;
  beforeEach(async () => {
    client = await test().client();
    asked = test().model.requests.length;
  });
  afterEach(() => {
    test().model.expectDone();
  });

  const script = (...texts: string[]): void => void test().script.push(...texts.map((text) => ({ text })));
  const shown = (): { role: string; content: string }[][] =>
    test()
      .model.requests.slice(asked)
      .map(({ body }) => body['messages'] as { role: string; content: string }[]);
  /** What the model was told of the summary so far, each time that it was to write one. */
  const summarised = (): string[] =>
    shown().flatMap(([, user]) => (user?.content.startsWith('Summary so far:') ? [user.content] : []));
  const read = async (app: string): Promise<unknown> =>
    (await client.get(`/apps/${app}/long-term-memory`)).data['summary'];
  const write = (app: string, summary: unknown): Promise<LlmopsAnswer> =>
    client.post(`/apps/${app}/long-term-memory`, { summary });
  /** The model's next reply waits until it is let go. */
  function held(text: string): { let: () => void; reached: () => boolean } {
    let go: (() => void) | undefined;
    test().script.push({
      answer: (response) =>
        new Promise((resolve) => {
          go = () => {
            const message = { role: 'assistant', content: text };
            response.writeHead(200, { 'content-type': 'application/json' });
            response.end(
              JSON.stringify({
                id: 'held',
                object: 'chat.completion',
                choices: [{ index: 0, message, finish_reason: 'stop' }],
                usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
              }),
            );
            resolve();
          };
        }),
    });
    return { let: () => go?.(), reached: () => go !== undefined };
  }

  describe('the long-term memory', () => {
    it('forgets a deleted message: the summary is written anew from the others', async () => {
      const app = await client.newApp(test().config({ dialog_round: 0 }), 'long_term_memory');
      script('Noted.', 'Known: my pin is 4711');
      await client.ask(app, 'my pin is 4711');
      await waitFor(() => summarised().length === 1);
      expect(await read(app)).to.equal('Known: my pin is 4711');
      script('Fine.', 'Known: my pin is 4711, my name is Ann');
      await client.ask(app, 'my name is Ann');
      await waitFor(() => summarised().length === 2);
      expect(await read(app)).to.contain('Ann');
      const { list } = (await client.get(`/apps/${app}/messages`)).data as {
        list: { id: string; query: string }[];
      };
      const pin = list.find(({ query }) => query.includes('4711'))!;
      await client.post(`/apps/${app}/messages/${pin.id}/delete`);
      script('Known: my name is Ann');
      expect(await read(app)).to.equal('Known: my name is Ann');
      expect(summarised().at(-1)).to.contain('(none)').and.not.contain('4711');
      script('Hello Ann.', 'Known: Ann said hello');
      await client.ask(app, 'hello');
      const asking = shown().find((messages) => messages.some(({ content }) => content === 'hello'));
      expect(JSON.stringify(asking)).to.contain('Ann').and.not.contain('4711');
      await waitFor(async () => (await read(app)) === 'Known: Ann said hello');
    });

    it('is refused where the app has none', async () => {
      const fail = (message: string): LlmopsAnswer => ({ status: 400, code: 'fail', data: {}, message });
      const app = await client.newApp();
      const none = fail('The app has no configuration yet: send one to /apps/:app_id/config.');
      expect(await client.get(`/apps/${app}/long-term-memory`)).to.deep.equal(none);
      expect(await write(app, 'x')).to.deep.equal(none);
      const off = await client.newApp(test().config());
      const told = fail('The app keeps no long-term memory: its memory_mode is "none".');
      expect(await client.get(`/apps/${off}/long-term-memory`)).to.deep.equal(told);
      expect(await write(off, 'x')).to.deep.equal(told);
    });

    it('is a summary that the model keeps after each round, in front of the context', async () => {
      const config = test().config({ dialog_round: 1, systemPrompt: 'Be kind.' });
      const app = await client.newApp(config, 'long_term_memory');
      expect(await client.get(`/apps/${app}/long-term-memory`)).to.deep.equal({
        status: 200,
        code: 'success',
        data: { summary: '' },
        message: '',
      });
      script(
        'Hello Ann.',
        'The human is Ann.',
        'Noted.',
        'Ann likes tea.',
        'Tea.',
        'Ann likes tea, and asked.',
      );
      await client.ask(app, 'I am Ann.');
      expect(await read(app)).to.equal('The human is Ann.');
      await client.ask(app, 'I like tea.');
      expect(await read(app)).to.equal('Ann likes tea.');
      await client.ask(app, 'What do I like?');
      expect(await read(app)).to.equal('Ann likes tea, and asked.');
      expect(summarised()).to.deep.equal([
        'Summary so far:\n(none)\n\nNew lines:\nHuman: I am Ann.\nAI: Hello Ann.\n\nNew summary:',
        'Summary so far:\nThe human is Ann.\n\nNew lines:\nHuman: I like tea.\nAI: Noted.\n\nNew summary:',
        'Summary so far:\nAnn likes tea.\n\nNew lines:\nHuman: What do I like?\nAI: Tea.\n\nNew summary:',
      ]);
      expect(shown()[4]!.map(({ content }) => content)).to.deep.equal([
        'Be kind.\n\nWhat was said before, in short:\nAnn likes tea.',
        'I like tea.',
        'Noted.',
        'What do I like?',
      ]);
    });

    it('knows the round before, however soon the next sentence comes', async () => {
      const app = await client.newApp(test().config({ dialog_round: 0 }), 'long_term_memory');
      script('A.');
      const summary = held('It began with a.');
      await client.ask(app, 'a');
      await waitFor(summary.reached);
      const next = client.ask(app, 'b');
      script('B.', 'Then came b.');
      summary.let();
      expect((await next).data['answer']).to.equal('B.');
      expect(shown()[2]).to.deep.equal([
        { role: 'system', content: 'What was said before, in short:\nIt began with a.' },
        { role: 'user', content: 'b' },
      ]);
      expect(await read(app)).to.equal('Then came b.');
    });

    it('can be put into other words, which stand for all that was said so far', async () => {
      const app = await client.newApp(test().config(), 'long_term_memory');
      expect(await write(app, '人类介绍自己叫慕小课。')).to.deep.equal({
        status: 200,
        code: 'success',
        data: {},
        message: '更新AI应用长记忆成功',
      });
      expect(await read(app)).to.equal('人类介绍自己叫慕小课。');
      script('A.');
      const late = held('A summary that comes too late.');
      await client.ask(app, 'a');
      await waitFor(late.reached);
      await write(app, 'Mine.');
      late.let();
      expect(await read(app)).to.equal('Mine.');
      script('B.', 'Mine, and b.');
      await client.ask(app, 'b');
      expect(await read(app)).to.equal('Mine, and b.');
      expect(summarised().at(-1)).to.equal(
        'Summary so far:\nMine.\n\nNew lines:\nHuman: b\nAI: B.\n\nNew summary:',
      );
      await write(app, '');
      expect(await read(app)).to.equal('');
    });

    it('refuses words that are none', async () => {
      const app = await client.newApp(test().config(), 'long_term_memory');
      const bad = (fault: string): LlmopsAnswer => ({
        status: 400,
        code: 'validate_error',
        data: { summary: [fault] },
        message: fault,
      });
      expect(await client.post(`/apps/${app}/long-term-memory`, {})).to.deep.equal(bad('summary is missing'));
      expect(await write(app, 5)).to.deep.equal(bad('summary must be string'));
      expect(await write(app, 'a\u0000')).to.deep.equal(
        bad('summary must be a text of at most 10000 characters'),
      );
      expect((await write(app, 'x'.repeat(10_001))).code).to.equal('validate_error');
    });

    it('takes up what was said while it was off or the model failed, without what was deleted', async () => {
      const app = await client.newApp(test().config());
      script('A.', 'B.', 'C.');
      for (const query of ['a', 'b']) await client.ask(app, query);
      const { data } = await client.ask(app, 'c');
      await client.post(`/apps/${app}/messages/${String(data['id'])}/delete`, {});
      await client.post(`/apps/${app}/config`, {
        model_config: test().config(),
        memory_mode: 'long_term_memory',
      });
      test().script.push({ status: 400, body: { error: { message: 'no summary today' } } });
      expect(await read(app)).to.equal('');
      await waitFor(() => test().complaints.some((text) => text.includes('no summary today')));
      test().complaints.splice(0);
      script('Said were a and b.');
      expect(await read(app)).to.equal('Said were a and b.');
      expect(summarised().at(-1)).to.equal(
        'Summary so far:\n(none)\n\nNew lines:\nHuman: a\nAI: A.\nHuman: b\nAI: B.\n\nNew summary:',
      );
    });

    it('outlives its conversation, which begins anew when it was removed as a session', async () => {
      const app = await client.newApp(test().config(), 'long_term_memory');
      script('A.', 'There was a.', 'B.', 'There were a and b.', 'C.', 'There were a, b, and c.');
      await client.ask(app, 'a');
      await read(app);
      const { data } = await client.ask(app, 'b');
      await read(app);
      const id = String(data['conversation_id']);
      const removed = await client.call(`/v1/threads/thread_${id.replaceAll('-', '')}`, { method: 'DELETE' });
      expect(removed.status).to.equal(200);
      expect((await client.get(`/apps/${app}/messages`)).data['list']).to.deep.equal([]);
      expect(await read(app)).to.equal('There were a and b.');
      const { data: after } = await client.ask(app, 'c');
      expect(after).to.deep.include({ answer: 'C.', conversation_id: id });
      expect(await read(app)).to.equal('There were a, b, and c.');
      expect(
        shown()
          .at(-2)!
          .map(({ content }) => content),
      ).to.deep.equal(['What was said before, in short:\nThere were a and b.', 'c']);
    });

    it('takes up much in portions, each cut to what a model can read', async () => {
      const app = await client.newApp(test().config());
      const long = 'x'.repeat(9000);
      script(long, long, 'short');
      for (const query of ['a', 'b', 'c']) await client.ask(app, query);
      await client.post(`/apps/${app}/config`, {
        model_config: test().config(),
        memory_mode: 'long_term_memory',
      });
      script('First.', 'Second.');
      expect(await read(app)).to.equal('Second.');
      expect(summarised().map((text) => text.replaceAll(/x+/g, (run) => `(${run.length})`))).to.deep.equal([
        'Summary so far:\n(none)\n\nNew lines:\nHuman: a\nAI: (6000)\n[cut: 6000 of 9000 bytes shown]\n\nNew summary:',
        'Summary so far:\nFirst.\n\nNew lines:\nHuman: b\nAI: (6000)\n[cut: 6000 of 9000 bytes shown]\nHuman: c\nAI: short\n\nNew summary:',
      ]);
    });
  });
}
