import { createOpenAI } from '@ai-sdk/openai';
import { generateText } from 'ai';
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import OpenAI from 'openai';
import { startCrashDevice, type CrashDevice } from '../support/crash-device.ts';
import { sentenceOf, startCrashModel, type CrashModel } from '../support/crash-model.ts';
import { sendThroughDrops } from '../support/dropped-requests.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../support/threads.ts';
import { waitFor } from '../support/wait-for.ts';

describe('a request that is repeated because its answer was lost', () => {
  let model: CrashModel;
  let device: CrashDevice;
  let server: ThreadServer;
  let ada: Caller;
  before(async () => {
    model = await startCrashModel(() => 0);
    device = await startCrashDevice(() => 0);
    server = await openThreadServer({ baseUrl: model.baseUrl, apiKey: 'none' });
    ada = await server.caller('ada');
  });
  after(async () => {
    await server.close();
    await Promise.all([model.close(), device.close()]);
  });

  async function openSession(headers: Record<string, string> = {}): Promise<string> {
    const body = { openSpecList: [{ openSpec: JSON.stringify(device.document) }] };
    return ((await ada.call('POST', '/api/init', body, headers)).body as { id: string }).id;
  }
  const threadOf = (id: string): string => `thread_${id.replaceAll('-', '')}`;
  const message = (taskId: string) => ({ role: 'user', content: sentenceOf(taskId, 1, 1) });
  const post = (thread: string, body: object, headers: Record<string, string> = {}) =>
    ada.call('POST', `/v1/threads/${thread}/messages?run=true`, body, headers);
  /** The times that the device got the write of a task, once the task is done. */
  async function writesOf(session: string, taskId: string): Promise<number> {
    await waitFor(async () => {
      const history = (await ada.call('GET', `/api/history?id=${session}`)).body as { message: unknown }[];
      return history.some(({ message: said }) => said === '[TASK_DONE]');
    });
    return device.writes.get(`${taskId}.0.w0`)?.length ?? 0;
  }

  it('moves a device once, whatever the network drops between the official client and the server', async () => {
    const sent = await sendThroughDrops(
      server,
      { caller: ada, device },
      async () => threadOf(await openSession()),
      {
        talks: 20,
        requestsEach: 10,
        percent: 20,
      },
    );
    expect(sent.drops).to.be.at.least(40);
    expect(sent.writes).to.deep.equal(Array.from({ length: 200 }, () => 1));
    for (const { answered, listed } of sent.threads) expect(listed).to.deep.equal(answered);
  });

  it('gets the first answer under one Idempotency-Key, word for word', async () => {
    const session = await openSession();
    const taskId = randomUUID();
    const headers = { 'idempotency-key': `key of ${taskId}` };
    const all = await Promise.all(
      Array.from({ length: 5 }, () => post(threadOf(session), message(taskId), headers)),
    );
    expect(all.map(({ status, body }) => ({ status, body }))).to.deep.equal(
      all.map(() => ({ status: 200, body: all[0]!.body })),
    );
    const replayed = all
      .map((answer) => answer.headers.get('idempotent-replayed'))
      .filter((header) => header === 'true');
    expect(replayed.length).to.equal(4);
    expect(await writesOf(session, taskId)).to.equal(1);
  });

  it('opens one session under one Idempotency-Key', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const first = await openSession(headers);
    expect(await openSession(headers)).to.equal(first);
    expect(await openSession()).not.to.equal(first);
  });

  it('is refused under the key of another request, and nothing is done', async () => {
    const session = await openSession();
    const [taskId, other] = [randomUUID(), randomUUID()];
    const headers = { 'idempotency-key': randomUUID() };
    await post(threadOf(session), message(taskId), headers);
    const refused = await post(threadOf(session), message(other), headers);
    expect([refused.status, (refused.body as { error: { message: string } }).error.message]).to.deep.equal([
      409,
      'This Idempotency-Key belongs to another request: take a new key.',
    ]);
    const elsewhere = await post(threadOf(await openSession()), message(taskId), headers);
    expect(elsewhere.status).to.equal(409);
    expect(await writesOf(session, taskId)).to.equal(1);
    expect(device.writes.has(`${other}.0.w0`)).to.equal(false);
  });

  it('is not mistaken for the request of another user, or for the same words said again', async () => {
    const ben = await server.caller('ben');
    const sessions = [await openSession(), await openSession()];
    const headers = { 'idempotency-key': 'the same for all' };
    const created = await Promise.all(
      [ada, ben].map((one) => one.call('POST', '/api/init', { systemPrompt: 'Hello.' }, headers)),
    );
    const [hers, his] = created.map(({ body }) => (body as { id: string }).id);
    expect(hers).not.to.equal(his);
    const counted = { 'x-stainless-retry-count': '0' };
    const thread = threadOf(sessions[0]!);
    const ids = [
      await post(thread, { role: 'user', content: 'Hello' }, counted),
      await post(thread, { role: 'user', content: 'Hello' }, counted),
      await post(thread, { role: 'user', content: 'Hello' }, { 'x-stainless-retry-count': '1' }),
    ].map(({ body }) => (body as { id: string }).id);
    expect(new Set(ids.slice(0, 2)).size).to.equal(2);
    expect(ids[2]).to.equal(ids[1]);
  });

  describe('as a run', () => {
    async function run(thread: string, count: string, messages: object[] = []): Promise<string> {
      const body = {
        assistant_id: 'default',
        ...(messages.length > 0 && { additional_messages: messages }),
      };
      const headers = { 'x-stainless-retry-count': count };
      const answer = await ada.call('POST', `/v1/threads/${thread}/runs`, body, headers);
      return (answer.body as { id: string }).id;
    }
    const say = (thread: string) => ada.call('POST', `/v1/threads/${thread}/messages`, message(randomUUID()));

    it('moves a device once with the message that it brings along, also when others speak in between', async () => {
      const session = await openSession();
      const [thread, taskId] = [threadOf(session), randomUUID()];
      const first = await run(thread, '0', [message(taskId)]);
      expect(await run(thread, '1', [message(taskId)])).to.equal(first);
      await say(thread);
      expect(await run(thread, '2', [message(taskId)])).to.equal(first);
      expect(await writesOf(session, taskId)).to.equal(1);
    });

    it('is another run after a new message, where it brings none along', async () => {
      const thread = threadOf(await openSession());
      await say(thread);
      const first = await run(thread, '0');
      expect(await run(thread, '1')).to.equal(first);
      await say(thread);
      expect(await run(thread, '1')).not.to.equal(first);
    });
  });

  it('is carried out when the first one was refused', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const missing = await ada.call(
      'POST',
      '/v1/threads/thread_none/messages?run=true',
      message('a'),
      headers,
    );
    expect(missing.status).to.equal(404);
    const thread = threadOf(await openSession());
    expect((await post(thread, message(randomUUID()), headers)).status).to.equal(200);
  });

  describe('whose work ends with a refusal', () => {
    let strict: ThreadServer;
    let eve: Caller;
    before(async () => {
      const env = { baseUrl: model.baseUrl, apiKey: 'none', TASK_ROUNDS_MAX_COUNT: '1' };
      strict = await openThreadServer(env);
      eve = await strict.caller('eve');
    });
    after(() => strict.close());
    const devices = () => ({ openSpecList: [{ openSpec: JSON.stringify(device.document) }] });

    const statusOf = (error: unknown): unknown =>
      Object(error).statusCode ?? Object(error).status ?? statusOf(Object(error).lastError);

    it('moves a device once, as a chat completion of a client that repeats requests by itself', async () => {
      const baseURL = `${strict.url}/v1`;
      const clients: Record<string, (prompt: string) => Promise<unknown>> = {
        openai: (content) =>
          new OpenAI({ baseURL, apiKey: eve.token, maxRetries: 2 }).chat.completions.create({
            model: 'm',
            messages: [{ role: 'user', content }],
            ...devices(),
          }),
        // Its repeats have no mark: only the status of the answer keeps it from them.
        ai: (prompt) =>
          generateText({
            model: createOpenAI({ baseURL, apiKey: eve.token, fetch: withDevices }).chat('m'),
            prompt,
            maxRetries: 2,
          }),
      };
      for (const [name, ask] of Object.entries(clients)) {
        const taskId = randomUUID();
        const refused = await ask(sentenceOf(taskId, 9, 1)).then(() => 'no error', statusOf);
        expect([name, refused, device.writes.get(`${taskId}.0.w0`)?.length]).to.deep.equal([name, 422, 1]);
      }
    });

    /** Gives each request the device. */
    const withDevices: typeof fetch = (url, init) =>
      fetch(url, { ...init, body: JSON.stringify({ ...JSON.parse(init?.body as string), ...devices() }) });

    it('moves a device once, and gets the first answer, as a question to an app', async () => {
      const taskId = randomUUID();
      const { body: made } = await eve.call('POST', '/apps', {
        name: 'Home',
        icon: 'http://a.example/i.png',
      });
      const app = `/apps/${(made as { data: { id: string } }).data.id}`;
      const config = { model_config: { dialog_round: 3, ...devices() }, memory_mode: 'none' };
      await eve.call('POST', `${app}/config`, config);
      const headers = { 'idempotency-key': randomUUID() };
      const ask = () => eve.call('POST', `${app}/debug`, { query: sentenceOf(taskId, 9, 1) }, headers);
      const [first, again] = [await ask(), await ask()];
      expect([again.status, again.body]).to.deep.equal([first.status, first.body]);
      expect(again.headers.get('idempotent-replayed')).to.equal('true');
      expect(device.writes.get(`${taskId}.0.w0`)?.length).to.equal(1);
    });
  });

  it('gets its answer as a question to an app whose client left while it was answered', async () => {
    const taskId = randomUUID();
    const { body: made } = await ada.call('POST', '/apps', { name: 'Home', icon: 'http://a.example/i.png' });
    const app = `/apps/${(made as { data: { id: string } }).data.id}`;
    const openSpecList = [{ openSpec: JSON.stringify(device.document) }];
    const config = { model_config: { dialog_round: 3, openSpecList }, memory_mode: 'none' };
    await ada.call('POST', `${app}/config`, config);
    const headers = {
      authorization: `Bearer ${ada.token}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    };
    const body = JSON.stringify({ query: sentenceOf(taskId, 3, 1) });
    const leaving = new AbortController();
    const url = `${server.url}${app}/debug`;
    const left = fetch(url, { method: 'POST', headers, body, signal: leaving.signal }).catch(() => undefined);
    await waitFor(() => device.writes.has(`${taskId}.0.w0`));
    leaving.abort();
    await left;
    const answer = await fetch(url, { method: 'POST', headers, body });
    expect(((await answer.json()) as { data: { answer: string } }).data.answer).to.equal(`done ${taskId}`);
    expect([0, 1, 2].map((round) => device.writes.get(`${taskId}.${round}.w0`)?.length)).to.deep.equal([
      1, 1, 1,
    ]);
  });

  for (const [title, key] of [
    ['is empty', ''],
    ['is longer than 255 characters', 'k'.repeat(256)],
  ] as const)
    it(`is refused when its key ${title}`, async () => {
      const refused = await ada.call('POST', '/api/init', {}, { 'idempotency-key': key });
      expect([refused.status, (refused.body as { detail: string }).detail]).to.deep.equal([
        400,
        'The Idempotency-Key has 1 to 255 characters.',
      ]);
    });
});
