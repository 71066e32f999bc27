import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { LlmopsAnswer, LlmopsClient, LlmopsUnderTest } from '../support/llmops.ts';
import { waitFor } from '../support/wait-for.ts';

interface WireMessage {
  id: string;
  conversation_id: string;
  query: string;
  answer: string;
  answer_tokens: number;
  response_latency: number;
  updated_at: number;
  created_at: number;
}

/** The app's conversation: said, answered, listed, deleted (contract 3), over whatever database `test` stands on. */
export function describeLlmopsDebug(test: () => LlmopsUnderTest): void {
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
  /** What the model was shown since the test began, each request as lines of `role: text`. */
  const shown = (): string[][] =>
    test()
      .model.requests.slice(asked)
      .map(({ body }) =>
        (body['messages'] as { role: string; content: string }[]).map(
          ({ role, content }) => `${role}: ${content}`,
        ),
      );
  const failed = (message: string): LlmopsAnswer => ({ status: 400, code: 'fail', data: {}, message });
  const listed = async (app: string, query = ''): Promise<WireMessage[]> =>
    (await client.get(`/apps/${app}/messages${query}`)).data['list'] as WireMessage[];
  /** Holds the model's answer back until it is let go; `left` when its client has gone. */
  function held(): { let: (text: string) => void; left: () => boolean; reached: () => boolean } {
    let go: ((text: string) => void) | undefined;
    let left = false;
    test().script.push({
      answer: (response) =>
        new Promise((resolve) => {
          response.on('close', () => {
            left ||= !response.writableFinished;
            resolve();
          });
          go = (text) => {
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
          };
        }),
    });
    return { let: (text) => go?.(text), left: () => left, reached: () => go !== undefined };
  }

  describe('a sentence', () => {
    it('is answered, with what it cost', async () => {
      const app = await client.newApp(test().config({ systemPrompt: 'Be kind.' }));
      script('Fine.');
      const before = Math.floor(Date.now() / 1000);
      const { data, ...rest } = await client.ask(app, 'How are you? “ü” \u0000');
      expect(rest).to.deep.equal({ status: 200, code: 'success', message: '' });
      const { id, conversation_id, response_latency, updated_at, created_at, ...said } =
        data as unknown as WireMessage;
      expect(said).to.deep.equal({ query: 'How are you? “ü” \u0000', answer: 'Fine.', answer_tokens: 20 });
      expect(conversation_id).to.equal((await client.get(`/apps/${app}`)).data['debug_conversation_id']);
      expect(id).to.match(/^[\da-f-]{36}$/);
      expect(response_latency).to.be.within(0, 10_000);
      expect([created_at, updated_at]).to.satisfy(
        ([made = 0, changed = 0]: number[]) => made >= before && changed >= made,
      );
      expect(shown()).to.deep.equal([['system: Be kind.', 'user: How are you? “ü” \u0000']]);
      expect(test().model.requests.at(-1)!.headers['authorization']).to.equal(
        'Bearer sk-canary-0123456789abcd',
      );
      expect(await listed(app)).to.deep.equal([data]);
    });

    it('comes as events while it is made, the last one what the call answers without them', async () => {
      const app = await client.newApp(test().config());
      script('It is quite warm.');
      const answer = await client.call(`/apps/${app}/debug`, {
        method: 'POST',
        body: JSON.stringify({ query: 'Warm?' }),
        headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      });
      expect(answer.status).to.equal(200);
      expect(answer.headers.get('content-type')).to.equal('text/event-stream; charset=utf-8');
      const events = eventsOf(await answer.text());
      expect(events.map(({ event }) => event)).to.deep.equal([...Array<string>(4).fill('chunk'), 'message']);
      const last = events.at(-1)!.data as LlmopsAnswer;
      const [message] = await listed(app);
      expect(last).to.deep.equal({ code: 'success', data: message, message: '' });
      const chunks = events.slice(0, -1).map(({ data }) => data as WireMessage);
      expect(chunks.map((chunk) => chunk.answer)).to.deep.equal(['It ', 'is ', 'quite ', 'warm.']);
      for (const chunk of chunks) {
        expect(Object.keys(chunk)).to.deep.equal(Object.keys(message!));
        expect(chunk).to.deep.include({
          id: message!.id,
          conversation_id: message!.conversation_id,
          query: 'Warm?',
        });
      }
    });

    it('comes with the context that dialog_round says, of the configuration as it is then', async () => {
      const app = await client.newApp(test().config({ dialog_round: 1, systemPrompt: 'First.' }));
      script('A.', 'B.', 'C.', 'D.');
      for (const query of ['a', 'b', 'c']) await client.ask(app, query);
      const changed = { model_config: test().config({ dialog_round: 0 }), memory_mode: 'none' };
      await client.post(`/apps/${app}/config`, changed);
      await client.ask(app, 'd');
      expect(shown()).to.deep.equal([
        ['system: First.', 'user: a'],
        ['system: First.', 'user: a', 'assistant: A.', 'user: b'],
        ['system: First.', 'user: b', 'assistant: B.', 'user: c'],
        ['user: d'],
      ]);
    });

    it('is refused when it is none, and where there is no configuration', async () => {
      const app = await client.newApp();
      const fault = 'query must be a text that is not empty';
      for (const query of ['', ' \n'])
        expect(await client.ask(app, query)).to.deep.equal({
          status: 400,
          code: 'validate_error',
          data: { query: [fault] },
          message: fault,
        });
      expect((await client.post(`/apps/${app}/debug`, {})).data).to.deep.equal({
        query: ['query is missing'],
      });
      const none = failed('The app has no configuration yet: send one to /apps/:app_id/config.');
      expect(await client.ask(app, 'Hi?')).to.deep.equal(none);
      const events = await client.call(`/apps/${app}/debug`, {
        method: 'POST',
        body: '{"query":"Hi?"}',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      });
      expect([events.status, await events.json()]).to.deep.equal([
        400,
        { code: 'fail', data: {}, message: none.message },
      ]);
      expect((await client.get(`/apps/${app}`)).data['debug_conversation_id']).to.equal(null);
    });

    it('fails with what the model or a document fails with, and is not listed then', async () => {
      const app = await client.newApp(test().config());
      test().script.push({ status: 400, body: { error: { message: 'no such model' } } });
      const answer = await client.ask(app, 'Hi?');
      expect(answer).to.deep.include({ status: 400, code: 'fail', data: {} });
      expect(answer.message).to.include('no such model');
      test().script.push({ status: 400, body: { error: { message: 'no such model' } } });
      const stream = await client.call(`/apps/${app}/debug`, {
        method: 'POST',
        body: '{"query":"Hi?"}',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      });
      expect(eventsOf(await stream.text())).to.deep.equal([
        { event: 'error', data: { code: 'fail', data: {}, message: answer.message } },
      ]);
      const broken = test().config({ openSpecList: [{ openSpec: '{"openapi":"3.1.0"}' }] });
      // A document that cannot be used is refused before anybody asks.
      const unusable = await client.post(`/apps/${app}/config`, {
        model_config: broken,
        memory_mode: 'none',
      });
      expect(unusable).to.deep.include({ status: 400, code: 'validate_error' });
      expect((await client.get(`/apps/${app}/messages`)).data).to.deep.equal({
        list: [],
        paginator: { current_page: 1, page_size: 20, total_page: 0, total_record: 0 },
      });
      test().complaints.splice(0); // the model's failures are in the log
    });

    it('has one conversation, however many are the first, and waits for those before it', async () => {
      const app = await client.newApp(test().config({ dialog_round: 9 }));
      script('1.', '2.', '3.', '4.');
      const answers = await Promise.all(['a', 'b', 'c', 'd'].map((query) => client.ask(app, query)));
      expect(answers.map(({ data }) => data['answer'])).to.have.members(['1.', '2.', '3.', '4.']);
      expect(new Set(answers.map(({ data }) => data['conversation_id'])).size).to.equal(1);
      expect(shown().map((lines) => lines.length)).to.deep.equal([1, 3, 5, 7]);
      expect(await listed(app)).to.have.length(4);
    });

    it('is stopped when whoever said it goes away', async () => {
      const app = await client.newApp(test().config());
      for (const accept of ['application/json', 'text/event-stream']) {
        const model = held();
        const leaving = new AbortController();
        const answer = client
          .call(`/apps/${app}/debug`, {
            method: 'POST',
            body: '{"query":"Wait."}',
            headers: { 'content-type': 'application/json', accept },
            signal: leaving.signal,
          })
          .then((response) => response.text())
          .catch((error: Error) => error.name);
        await waitFor(model.reached);
        leaving.abort();
        expect(await answer).to.equal('AbortError');
        await waitFor(model.left);
      }
      script('Here.');
      expect((await client.ask(app, 'Still there?')).data['answer']).to.equal('Here.');
      expect(shown().at(-1)).to.deep.equal(['user: Still there?']);
      expect((await listed(app)).map(({ query }) => query)).to.deep.equal(['Still there?']);
    });

    it('is stopped when its app is deleted', async () => {
      const app = await client.newApp(test().config());
      const model = held();
      const answer = client.ask(app, 'Wait.');
      await waitFor(model.reached);
      expect((await client.post(`/apps/${app}/delete`)).code).to.equal('success');
      expect(await answer).to.deep.equal(failed('The answer was stopped before it was done.'));
      await waitFor(model.left);
    });
  });

  describe('the messages', () => {
    it('come newest first, in pages, up to a time, without what is not answered yet', async () => {
      const app = await client.newApp(test().config({ dialog_round: 0 }));
      expect(await listed(app)).to.deep.equal([]);
      script('1.', '2.', '3.');
      for (const query of ['a', 'b', 'c']) await client.ask(app, query);
      const model = held();
      const running = client.ask(app, 'd');
      await waitFor(model.reached);
      const { data } = await client.get(`/apps/${app}/messages?page_size=2`);
      expect(data['paginator']).to.deep.equal({
        current_page: 1,
        page_size: 2,
        total_page: 2,
        total_record: 3,
      });
      expect((data['list'] as WireMessage[]).map(({ query }) => query)).to.deep.equal(['c', 'b']);
      expect((await listed(app, '?page_size=2&current_page=2')).map(({ query }) => query)).to.deep.equal([
        'a',
      ]);
      expect(await listed(app, '?current_page=3')).to.deep.equal([]);
      const now = Math.floor(Date.now() / 1000);
      expect(await listed(app, `?created_at=${now}`)).to.have.length(3);
      expect(await listed(app, `?created_at=${now - 60}`)).to.deep.equal([]);
      expect((await client.get(`/apps/${app}/messages?page_size=21`)).code).to.equal('validate_error');
      model.let('4.');
      expect((await running).data['answer']).to.equal('4.');
    });

    it('are views of the session’s log, which LiteAgent shows too', async () => {
      const app = await client.newApp(test().config());
      script('Yes.');
      const { data } = await client.ask(app, 'One log?');
      const history = await fetch(`${test().url}/api/history?id=${String(data['conversation_id'])}`);
      const envelopes = (await history.json()) as {
        taskId: string;
        from: string;
        to: string;
        message: string;
      }[];
      expect(envelopes.find(({ from, to }) => from === 'agent' && to === 'user')).to.deep.include({
        taskId: data['id'],
        message: 'Yes.',
      });
    });

    it('are gone from every view once deleted, and stand in the database', async () => {
      const app = await client.newApp(test().config({ dialog_round: 9 }));
      script('Answer 1.', 'Answer 2 is here.', 'Answer 3.');
      await client.ask(app, 'first');
      const { data } = await client.ask(app, 'second is here');
      const path = `/apps/${app}/messages/${String(data['id'])}/delete`;
      const deleted = { status: 200, code: 'success', data: {}, message: '删除调试信息成功' };
      expect(await client.post(path, { app_id: app, message_id: data['id'] })).to.deep.equal(deleted);
      expect((await listed(app)).map(({ query }) => query)).to.deep.equal(['first']);
      await client.ask(app, 'third');
      expect(shown().at(-1)).to.deep.equal(['user: first', 'assistant: Answer 1.', 'user: third']);
      const rows = await test().dump();
      expect(rows).to.include('second is here').and.to.include('Answer 2 is here.');
      expect((await client.post(path)).code).to.equal('not_found');
    });

    it('are deleted by their own path only', async () => {
      const app = await client.newApp(test().config());
      const other = await client.newApp(test().config());
      script('Mine.', 'Its own.');
      const { data: mine } = await client.ask(app, 'a');
      const { data: others } = await client.ask(other, 'b');
      const remove = (id: unknown, body?: object): Promise<LlmopsAnswer> =>
        client.post(`/apps/${app}/messages/${String(id)}/delete`, body);
      const missing = {
        status: 404,
        code: 'not_found',
        data: {},
        message: 'There is no such message in the conversation of the app.',
      };
      for (const id of [others['id'], randomUUID(), 'x', '%00'])
        expect(await remove(id)).to.deep.equal(missing);
      expect(await remove(mine['id'], { app_id: other, message_id: others['id'] })).to.deep.equal({
        status: 400,
        code: 'validate_error',
        data: {
          app_id: ['app_id differs from the path'],
          message_id: ['message_id differs from the path'],
        },
        message: 'app_id differs from the path',
      });
      expect(
        await client.post(`/apps/${await client.newApp()}/messages/${String(mine['id'])}/delete`, {}),
      ).to.deep.equal(missing);
      expect([await listed(app), await listed(other)].map(({ length }) => length)).to.deep.equal([1, 1]);
      expect((await remove(mine['id'], {})).code).to.equal('success');
    });
  });
}

/** The events of a stream that has ended. */
export function eventsOf(text: string): { event: string; data: unknown }[] {
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('event: '))
    .map((block) => {
      const [event = '', data = ''] = block.split('\n');
      return {
        event: event.slice('event: '.length),
        data: JSON.parse(data.slice('data: '.length)) as unknown,
      };
    });
}
