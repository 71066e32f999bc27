import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { sendEvents } from '../../support/model-server.ts';
import {
  makeConfig,
  makeConversation,
  onBothEngines,
  registerUser,
  type ChatUser,
  type ChatWorld,
} from '../../support/chat-world.ts';
import { waitFor } from '../../support/wait-for.ts';

interface Said {
  message_id: number;
  role: string;
  content: unknown;
  timestamp: string;
}

const hello = { role: 'user', content: 'Hello' };

function chunk(content: string): object {
  return { choices: [{ index: 0, delta: { content } }] };
}

onBothEngines('saying something in the chat dialect', (open) => {
  let world: ChatWorld;
  let user: ChatUser;
  let id: number;
  let model: { base_url: string; model_name: string; api_key: string };
  before(async () => {
    world = await open();
    model = { base_url: world.model.baseUrl, model_name: 'gpt-test', api_key: 'sk-k' };
  });
  beforeEach(async () => {
    user = await registerUser(world);
    id = await makeConversation(world, user);
    world.steps.length = world.model.requests.length;
  });
  after(() => world.close());

  const send = (messages: unknown, more: object = {}, headers: Record<string, string> = {}) =>
    world.call('POST', '/api/v1/chat/send', {
      token: user.access,
      headers,
      body: { conversation_id: id, messages, ...model, ...more },
    });
  const history = async () =>
    (await world.ok<{ messages: Said[] }>(200, 'GET', `/chat/${id}`, { token: user.access })).messages;
  const linesOf = (body: unknown) =>
    String(body)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  /** Begins a request whose answer is read by the test. */
  const begin = (signal: AbortSignal, more: object = {}) =>
    fetch(`${world.app.url}/chat/send`, {
      method: 'POST',
      signal,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${user.access}` },
      body: JSON.stringify({ conversation_id: id, messages: [hello], ...model, ...more }),
    });

  it('streams one JSON object a line, and stores both sides', async () => {
    world.steps.push({ text: 'Good day to you.' });
    const answer = await send([hello]);
    expect([answer.status, answer.headers.get('content-type')]).to.deep.equal([200, 'application/x-ndjson']);
    const lines = linesOf(answer.body);
    const [first, last] = [lines[0]!, lines.at(-1)!];
    expect(lines).to.deep.equal([
      { type: 'user_message_id', user_message_id: first.user_message_id },
      ...['Good ', 'day ', 'to ', 'you.'].map((content) => ({ type: 'ai_chunk', content })),
      { type: 'complete', ai_message_id: last.ai_message_id },
    ]);
    const said = await history();
    expect(
      said.map(({ timestamp, ...message }) => (expect(timestamp).to.be.a('string'), message)),
    ).to.deep.equal([
      { message_id: first.user_message_id, role: 'user', content: 'Hello' },
      { message_id: last.ai_message_id, role: 'assistant', content: 'Good day to you.' },
    ]);
    for (const { timestamp } of said) expect(new Date(timestamp).toISOString()).to.equal(timestamp);
    expect(world.model.requests.at(-1)?.headers.authorization).to.equal('Bearer sk-k');
  });

  it('streams the same as server-sent events, and as text', async () => {
    world.steps.push({ text: 'One two' }, { text: 'One two' });
    const events = await send([hello], {}, { accept: 'text/event-stream' });
    expect(events.headers.get('content-type')).to.equal('text/event-stream');
    const [one, two] = await history();
    const data = [
      { type: 'user_message_id', user_message_id: one!.message_id },
      { type: 'ai_chunk', content: 'One ' },
      { type: 'ai_chunk', content: 'two' },
      { type: 'complete', ai_message_id: two!.message_id },
    ];
    expect(events.body).to.equal(data.map((line) => `data: ${JSON.stringify(line)}\n\n`).join(''));
    const text = await send([hello], {}, { accept: 'text/plain' });
    expect(text.headers.get('content-type')).to.equal('text/plain; charset=utf-8');
    const [, , three, four] = await history();
    const end = { user_message_id: three!.message_id, ai_message_id: four!.message_id };
    expect(text.body).to.equal(`One two\n\n[END]${JSON.stringify(end)}`);
  });

  it('gives the model what the client sends, and stores the last message only, once', async () => {
    world.steps.push({ text: 'A.' }, { text: 'B.' });
    const messages = [
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: [{ type: 'text', text: 'First' }] },
      { role: 'assistant', content: 'Yes' },
      { role: 'user', content: 'Second' },
    ];
    const [first] = linesOf((await send(messages, { params: { temperature: 0.5, seed: 3 } })).body);
    expect(world.model.requests.at(-1)?.body).to.deep.include({
      messages: [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: 'First' },
        { role: 'assistant', content: 'Yes' },
        { role: 'user', content: 'Second' },
      ],
      temperature: 0.5,
      seed: 3,
    });
    const again = messages.with(3, { ...messages[3]!, message_id: first!.user_message_id } as never);
    const [same] = linesOf((await send(again)).body);
    expect(same).to.deep.equal(first);
    expect((await history()).map(({ role, content }) => [role, content])).to.deep.equal([
      ['user', 'Second'],
      ['assistant', 'A.'],
      ['assistant', 'B.'],
    ]);
    const foreign = await send([{ ...hello, message_id: 999_999 }]);
    expect([foreign.status, Object.keys(foreign.body as object)]).to.deep.equal([404, ['detail']]);
  });

  it('takes a stored configuration instead of an endpoint', async () => {
    const config = await makeConfig(world, user, { params: { temperature: 0.1, seed: 1 } });
    world.steps.push({ text: 'A.' });
    const body = { conversation_id: id, messages: [hello] };
    const params = { seed: 2 };
    await world.ok(200, 'POST', '/chat/send', {
      token: user.access,
      body: { ...body, model_config_id: config, params },
    });
    const request = world.model.requests.at(-1)!;
    expect(request.headers.authorization).to.equal('Bearer sk-secret-0123451d9a');
    expect(request.body).to.include({ model: 'gpt-test', temperature: 0.1, seed: 2 });
    // A stored key never goes where a request says.
    world.steps.push({ text: 'A.' });
    await world.ok(200, 'POST', '/chat/send', {
      token: user.access,
      body: { ...body, model_config_id: config, base_url: 'http://127.0.0.1:9/v1' },
    });
    const somebody = await makeConfig(world, await registerUser(world));
    const refused = await world.call('POST', '/chat/send', {
      token: user.access,
      body: { ...body, model_config_id: somebody },
    });
    expect(refused.status).to.equal(404);
    expect((await world.call('POST', '/chat/send', { token: user.access, body })).status).to.equal(422);
  });

  it('never spends the server’s own key, also at the server’s own endpoint', async () => {
    world.steps.push({ text: 'A.' }, { text: 'B.' });
    await send([hello], { api_key: '' });
    expect(world.model.requests.at(-1)!.headers).to.not.have.property('authorization');
    const config = await makeConfig(world, user, { api_key: '' });
    const body = { conversation_id: id, messages: [hello], model_config_id: config };
    await world.ok(200, 'POST', '/chat/send', { token: user.access, body });
    expect(world.model.requests.at(-1)!.headers).to.not.have.property('authorization');
  });

  it('reports the error of the model’s endpoint, stores the text before it, and goes on', async () => {
    const message = `bad key sk-k for ${world.model.baseUrl}`;
    world.steps.push({ status: 401, body: { error: { message } } });
    const [first, ...others] = linesOf((await send([hello])).body);
    expect([first!.type, others]).to.deep.equal([
      'user_message_id',
      [
        {
          type: 'error',
          detail: 'the model endpoint answered 401: bad key *** for http://the endpoint/v1; check apiKey',
        },
      ],
    ]);
    world.steps.push({
      async answer(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${JSON.stringify(chunk('Half a '))}\n\n`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        response.destroy();
      },
    });
    const lines = linesOf((await send([hello])).body);
    expect(lines.map(({ type }) => type)).to.deep.equal(['user_message_id', 'ai_chunk', 'error']);
    expect(String(lines.at(-1)!.detail)).to.not.match(/Error:|at .*\.[jt]s/);
    const plain = await send([hello], { base_url: 'http://127.0.0.1:9/v1' }, { accept: 'text/plain' });
    expect(plain.body).to.match(/^\n\n\[END\]\{"user_message_id":\d+,"detail":".+"\}$/);
    world.steps.push({ text: 'Fine.' });
    await send([hello]);
    expect((await history()).map(({ role, content }) => `${role}: ${String(content)}`)).to.deep.equal([
      'user: Hello',
      'user: Hello',
      'assistant: Half a ',
      'user: Hello',
      'user: Hello',
      'assistant: Fine.',
    ]);
    const complete = await world.sql<{ chat_messages: { content: string; complete: number } }, object[]>(
      (db) => db.selectFrom('chat_messages').select('complete').where('content', '=', '"Half a "').execute(),
    );
    expect(complete).to.deep.equal([{ complete: 0 }]);
  });

  it('stops the model when the client disconnects, and stores the text so far', async () => {
    let asked: ServerResponse | undefined;
    world.steps.push({
      answer(response) {
        asked = response;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${JSON.stringify(chunk('Once upon'))}\n\n`);
      },
    });
    const leaving = new AbortController();
    const response = await begin(leaving.signal);
    const reader = response.body!.getReader();
    let seen = '';
    while (!seen.includes('Once upon')) seen += Buffer.from((await reader.read()).value ?? []).toString();
    const closed = once(asked!, 'close');
    leaving.abort();
    await closed;
    let said: Said[] = [];
    await waitFor(() => {
      void history().then((now) => (said = now));
      return said.length === 2;
    });
    expect(said[1]).to.include({ role: 'assistant', content: 'Once upon' });
  });

  it('refuses a bad request before anything is stored', async () => {
    for (const [messages, more] of [
      [[], {}],
      [[{ role: 'tool', content: 'x' }], {}],
      [[{ role: 'user' }], {}],
      [[{ role: 'user', content: 5 }], {}],
      [[{ role: 'user', content: [] }], {}],
      [[{ role: 'user', content: [{ type: 'video' }] }], {}],
      [[{ role: 'user', content: [{ type: 'image_url', image_url: 'file:///etc/passwd' }] }], {}],
      [[hello, { role: 'assistant', content: 'I said so' }], {}],
      [[hello], { base_url: 'gopher://x' }],
      [[hello], { params: { model: 'another' } }],
      [[hello], { conversation_id: 'x' }],
    ] as const) {
      const answer = await send(messages, more);
      expect([answer.status, Object.keys(answer.body as object)]).to.deep.equal([422, ['detail']]);
    }
    expect(await history()).to.deep.equal([]);
    expect((await world.call('POST', '/chat/send', { body: {} })).status).to.equal(401);
  });

  it('writes one line a request into the log, with the trace of its caller', async () => {
    world.steps.push({ text: 'A.' });
    const answer = await send(
      [hello],
      {},
      { 'x-request-id': 'r-7', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    );
    expect([answer.headers.get('x-request-id'), answer.headers.get('x-trace-id')]).to.deep.equal([
      'r-7',
      'a'.repeat(32),
    ]);
  });

  it('streams events for texts with any characters', async () => {
    world.steps.push({
      answer: (response) => sendEvents(response, [chunk('a\nb\r\n\u2028"'), chunk('\u0000c')] as never),
    });
    const body = String((await send([hello], {}, { accept: 'text/event-stream' })).body);
    const chunks = body
      .split('\n\n')
      .filter(Boolean)
      .map((event) => JSON.parse(event.slice('data: '.length)) as { content?: string })
      .flatMap(({ content }) => content ?? []);
    expect(chunks).to.deep.equal(['a\nb\r\n\u2028"', '\u0000c']);
    expect((await history()).at(-1)?.content).to.equal('a\nb\r\n\u2028"\u0000c');
  });
});

describe('a model of the user’s own choice', () => {
  let world: ChatWorld;
  afterEach(() => world.close());

  it('lives where EGRESS rules allow, and nowhere else', async () => {
    const { openChatWorld } = await import('../../support/chat-world.ts');
    world = await openChatWorld({ EGRESS_DENY: '127.0.0.1' });
    const user = await registerUser(world);
    const id = await makeConversation(world, user);
    const body = { conversation_id: id, messages: [hello], model_name: 'm', api_key: 'k' };
    const ask = (path: string, url: string) =>
      world.call('POST', path, { token: user.access, body: { ...body, base_url: url } });
    for (const url of [world.model.baseUrl, 'http://169.254.169.254/latest/meta-data']) {
      const lines = String((await ask('/chat/send', url)).body)
        .trim()
        .split('\n');
      expect(JSON.parse(lines.at(-1)!)).to.have.property('type', 'error');
      expect(lines.at(-1)).to.match(/refused|denied|EGRESS/i);
      const title = await ask('/conversation/generate_title', url);
      expect([title.status, Object.keys(title.body as object)]).to.deep.equal([502, ['detail']]);
    }
    expect(world.model.requests).to.deep.equal([]);
  });
});
