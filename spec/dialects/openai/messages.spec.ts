import { refusal } from '../../support/openai-refusal.ts';
import { expect } from 'chai';
import type OpenAI from 'openai';
import { openOpenAiDocument } from '../../support/openai-document.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from '../../support/model-server.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../../support/threads.ts';
import { waitFor } from '../../support/wait-for.ts';

type Message = OpenAI.Beta.Threads.Message;

const document = openOpenAiDocument();
const valid = (schema: string, body: unknown): void => document?.expectValid(schema, body);
const textOf = ({ content }: Message): string =>
  content.map((part) => (part.type === 'text' ? part.text.value : part.type)).join('|');

describe('messages of a thread', () => {
  let server: ThreadServer;
  let model: ModelServer;
  let ada: Caller;
  let thread: string;
  const steps: ModelServerStep[] = [];
  before(async () => {
    model = await startModelServer(steps);
    server = await openThreadServer({ baseUrl: model.baseUrl, apiKey: 'sk-of-the-endpoint' });
    ada = await server.caller('ada');
  });
  after(async () => {
    await server.close();
    await model.close();
    expect(server.complaints).to.deep.equal([]);
  });
  beforeEach(async () => {
    ({ id: thread } = await ada.openai.beta.threads.create({}));
  });

  const add = (content: string, query = ''): Promise<Message> =>
    ada.openai.post(`/threads/${thread}/messages${query}`, { body: { role: 'user', content } });
  const list = async (query: object = {}): Promise<Message[]> => {
    const page = await ada.openai.beta.threads.messages.list(thread, query);
    return page.data;
  };
  /** The thread's messages, oldest first, once none is being written. */
  async function settled(): Promise<Message[]> {
    let all: Message[] = [];
    await waitFor(async () => {
      all = await list({ order: 'asc', limit: 100 });
      all.forEach((message) => valid('MessageObject', message));
      return all.every(({ status }) => status !== 'in_progress');
    }, 5000);
    return all;
  }

  it('are answered with every field, and read back as they were answered', async () => {
    const message = await ada.openai.beta.threads.messages.create(thread, {
      role: 'user',
      content: [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: 'https://a.example/b.png', detail: 'low' } },
      ],
      metadata: { n: '1' },
    });
    valid('MessageObject', message);
    const { id, created_at: at } = message;
    expect(message).to.deep.equal({
      id,
      object: 'thread.message',
      created_at: at,
      thread_id: thread,
      status: 'completed',
      completed_at: at,
      incomplete_at: null,
      incomplete_details: null,
      role: 'user',
      content: [
        { type: 'text', text: { value: 'What is this?', annotations: [] } },
        { type: 'image_url', image_url: { url: 'https://a.example/b.png', detail: 'low' } },
      ],
      assistant_id: null,
      run_id: null,
      attachments: [],
      metadata: { n: '1' },
    });
    expect(id).to.match(/^msg_[0-9a-z]+$/);
    const { data, ...page } = (await ada.call('GET', `/v1/threads/${thread}/messages`)).body as {
      data: unknown[];
    };
    expect(data).to.deep.equal([message]);
    expect(page).to.deep.equal({ object: 'list', first_id: id, last_id: id, has_more: false });
    expect(await ada.openai.beta.threads.messages.retrieve(id, { thread_id: thread })).to.deep.equal(message);
  });

  it('are an empty list with empty ids at first', async () => {
    const { body } = await ada.call('GET', `/v1/threads/${thread}/messages`);
    valid('ListMessagesResponse', body);
    expect(body).to.deep.equal({ object: 'list', data: [], first_id: '', last_id: '', has_more: false });
  });

  it('come in pages, in both directions, each once', async () => {
    const all: string[] = [];
    for (let n = 0; n < 7; n += 1) all.push((await add(`m${n}`)).id);
    const ids = async (query: object): Promise<string[]> => (await list(query)).map(({ id }) => id);
    expect(await ids({ order: 'asc' })).to.deep.equal(all);
    expect(await ids({})).to.deep.equal(all.toReversed());
    expect(await ids({ limit: 2, after: all[4] })).to.deep.equal([all[3], all[2]]);
    expect(await ids({ limit: 2, order: 'asc', after: all[4] })).to.deep.equal([all[5], all[6]]);
    expect(await ids({ limit: 2, before: all[3] })).to.deep.equal([all[5], all[4]]);
    expect(await ids({ limit: 2, order: 'asc', before: all[3] })).to.deep.equal([all[1], all[2]]);
    expect(await ids({ order: 'asc', after: all[1], before: all[4] })).to.deep.equal([all[2], all[3]]);
    const paged: string[] = [];
    for await (const { id } of ada.openai.beta.threads.messages.list(thread, { limit: 3 })) paged.push(id);
    expect(paged).to.deep.equal(all.toReversed());
    for (const [query, param] of [
      [{ limit: 0 }, 'limit'],
      [{ limit: 101 }, 'limit'],
      [{ order: 'up' }, 'order'],
      [{ after: 'msg_x' }, 'after'],
      [{ start_time: 'soon' }, 'start_time'],
    ] as const) {
      const text = new URLSearchParams(JSON.parse(JSON.stringify(query)) as Record<string, string>);
      const { status, body } = await ada.call('GET', `/v1/threads/${thread}/messages?${text.toString()}`);
      expect([status, (body as { error: { param: string } }).error.param]).to.deep.equal([400, param]);
    }
  });

  it('are found by time, and by the caller only', async () => {
    const { created_at: at } = await add('now');
    expect(await list({ start_time: at - 1, end_time: at })).to.have.length(1);
    expect(await list({ end_time: at - 1 })).to.deep.equal([]);
    expect(await list({ start_time: at + 10, order: 'asc' })).to.deep.equal([]);
    expect(await list({ start_time: new Date((at - 5) * 1000).toISOString() })).to.have.length(1);
    expect(await list({ user_id: ada.user.uuid })).to.have.length(1);
    const other = await ada.call('GET', `/v1/threads/${thread}/messages?user_id=somebody`);
    expect(other.status).to.equal(403);
  });

  it('with run=true are answered by the agent: in progress, then completed', async () => {
    let go = (): void => undefined;
    const waits = new Promise<void>((resolve) => (go = resolve));
    steps.push({
      async answer(response) {
        await waits;
        response.writeHead(200, { 'content-type': 'application/json' }).end(
          JSON.stringify({
            id: 'c',
            object: 'chat.completion',
            created: 1,
            model: 'm',
            choices: [
              { index: 0, message: { role: 'assistant', content: 'Hello Ada.' }, finish_reason: 'stop' },
            ],
          }),
        );
      },
    });
    await add('I am Ada.');
    const said = await add('Who am I?', '?run=true');
    valid('MessageObject', said);
    expect([said.role, textOf(said), said.status]).to.deep.equal(['user', 'Who am I?', 'completed']);
    const [running] = await list();
    valid('MessageObject', running);
    expect([running?.role, running?.status, running?.content, running?.completed_at]).to.deep.equal([
      'assistant',
      'in_progress',
      [],
      null,
    ]);
    const removal = await ada.call('DELETE', `/v1/threads/${thread}/messages/${running!.id}`);
    expect(removal.status).to.equal(409);
    go();
    const messages = await settled();
    expect(messages.map((message) => [message.role, textOf(message), message.status])).to.deep.equal([
      ['user', 'I am Ada.', 'completed'],
      ['user', 'Who am I?', 'completed'],
      ['assistant', 'Hello Ada.', 'completed'],
    ]);
    const answer = messages[2]!;
    expect(answer.id).to.equal(running!.id);
    expect(answer.run_id).to.match(/^run_[0-9a-f]{32}$/);
    expect(await list({ run_id: answer.run_id })).to.deep.equal([answer]);
    expect(await list({ run_id: 'run_other' })).to.deep.equal([]);
    const { body } = model.requests.at(-1)!;
    expect(body['messages']).to.deep.equal([{ role: 'user', content: 'I am Ada.\n\nWho am I?' }]);
  });

  it('are answered with each spelling of yes, not with one of no, and another word is refused', async () => {
    for (const run of ['true', 'True', 'TRUE', '1']) {
      steps.push({ text: run });
      await add('Go on.', `?run=${run}`);
      expect(textOf((await settled()).at(-1)!)).to.equal(run);
    }
    const count = (await settled()).length;
    for (const run of ['false', 'False', 'FALSE', '0']) await add('Stay.', `?run=${run}`);
    expect(await settled()).to.have.length(count + 4);
    const refused = await ada.call('POST', `/v1/threads/${thread}/messages?run=maybe`, {
      role: 'user',
      content: 'Go?',
    });
    expect([refused.status, (refused.body as { error: { param: string } }).error.param]).to.deep.equal([
      400,
      'run',
    ]);
  });

  it('whose answer fails are answered incomplete', async () => {
    steps.push({ status: 400, body: { error: { message: 'no' } } });
    await add('go', '?run=1');
    const [, answer] = await settled();
    expect([answer?.status, answer?.incomplete_details, answer?.content, answer?.completed_at]).to.deep.equal(
      ['incomplete', { reason: 'run_failed' }, [], null],
    );
    expect(answer?.incomplete_at).to.be.a('number');
  });

  it('that are deleted are hidden everywhere, also from the model; other metadata is kept', async () => {
    steps.push({ text: 'secret answer' });
    const secret = await add('secret question', '?run=true');
    const [, answer] = await settled();
    const changed = await ada.openai.beta.threads.messages.update(answer!.id, {
      thread_id: thread,
      metadata: { seen: 'yes' },
    });
    expect(changed).to.deep.equal({ ...answer, metadata: { seen: 'yes' } });
    expect((await settled())[1]).to.deep.equal(changed);
    for (const { id } of [secret, answer!]) {
      const gone = await ada.openai.beta.threads.messages.delete(id, { thread_id: thread });
      valid('DeleteMessageResponse', gone);
      expect(gone).to.deep.equal({ id, object: 'thread.message.deleted', deleted: true });
      const path = `/v1/threads/${thread}/messages/${id}`;
      for (const method of ['GET', 'DELETE']) expect((await ada.call(method, path)).status).to.equal(404);
    }
    expect(await settled()).to.deep.equal([]);
    steps.push({ text: 'fine' });
    await add('and now?', '?run=true');
    await settled();
    expect(model.requests.at(-1)!.body['messages']).to.deep.equal([{ role: 'user', content: 'and now?' }]);
    const session = thread.replace(/^thread_(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    const history = await server.app.history(session);
    expect(JSON.stringify(history)).to.contain('and now?').and.not.contain('secret');
  });

  it('keep the order of their writers, twenty at once', async () => {
    const written = await Promise.all(
      Array.from({ length: 20 }, async (_, writer) => {
        const ids: string[] = [];
        for (let n = 0; n < 5; n += 1) ids.push((await add(`${writer}.${n}`)).id);
        return ids;
      }),
    );
    const all = (await list({ order: 'asc', limit: 100 })).map(({ id }) => id);
    expect(all).to.have.members(written.flat());
    for (const ids of written) expect(all.filter((id) => ids.includes(id))).to.deep.equal(ids);
  });

  it('are refused when they are incomplete, with the name of the missing field', async () => {
    for (const [body, param] of [
      [{}, 'role'],
      [{ role: 'system', content: 'x' }, 'role'],
      [{ role: 'user' }, 'content'],
      [{ role: 'user', content: '' }, 'content'],
      [{ role: 'user', content: [] }, 'content'],
      [{ role: 'user', content: [{ type: 'text' }] }, 'content.0.text'],
      [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc' } }] }, 'content'],
      [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'http://' } }] }, 'content'],
      [{ role: 'user', content: [{ type: 'text', text: '' }] }, 'content'],
      [{ role: 'user', content: 'x'.repeat(256_001) }, 'content'],
      [{ role: 'user', content: 'x', model: 'm' }, 'model'],
      [{ role: 'user', content: 'x', instructions: 'Be short.' }, 'instructions'],
    ] as const) {
      const { status, body: told } = await ada.call('POST', `/v1/threads/${thread}/messages`, body);
      expect(status, JSON.stringify(body)).to.equal(400);
      valid('ErrorResponse', told);
      expect((told as { error: { param: string } }).error.param, JSON.stringify(body)).to.equal(param);
    }
    const text = await ada.openai.files.create({ file: new File(['x'], 'a.txt'), purpose: 'vision' });
    const picture = { role: 'user', content: [{ type: 'image_file', image_file: { file_id: text.id } }] };
    expect(refusal(await ada.call('POST', `/v1/threads/${thread}/messages`, picture))).to.deep.equal([
      400,
      'content.0.image_file.file_id',
    ]);
    const resources = { tool_resources: { code_interpreter: { file_ids: ['file-1'] } } };
    expect((await ada.call('POST', '/v1/threads', resources)).status).to.equal(404);
    expect((await ada.call('POST', `/v1/threads/${thread}`, resources)).status).to.equal(404);
    const unknown = { role: 'user', content: [{ type: 'image_file', image_file: { file_id: 'file-1' } }] };
    expect((await ada.call('POST', `/v1/threads/${thread}/messages`, unknown)).status).to.equal(404);
    for (const id of ['msg_1', 'x', `msg_${thread.slice(7)}zz`, `msg_${thread.slice(7)}2`])
      expect((await ada.call('GET', `/v1/threads/${thread}/messages/${id}`)).status).to.equal(404);
  });
});
