import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import {
  endOf,
  giveCredits,
  newChat,
  newDeer,
  newPreset,
  type DeerUser,
} from '../../support/aideer-world.ts';
import { onBothEngines, type ChatWorld } from '../../support/chat-world.ts';
import { sendJson } from '../../support/model-server.ts';
import { waitFor } from '../../support/wait-for.ts';

type Json = Record<string, unknown>;

/** A stream of the model that goes on when it is told to. */
function openTalk() {
  let response: ServerResponse | undefined;
  const waiting: (() => void)[] = [];
  return {
    step: {
      answer(answer: ServerResponse) {
        response = answer;
        answer.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const go of waiting.splice(0)) go();
      },
    },
    get closed() {
      return response?.destroyed === true || response?.writableFinished === true;
    },
    async say(content: string) {
      if (!response) await new Promise<void>((resolve) => waiting.push(resolve));
      response!.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
    },
    end(totalTokens: number) {
      const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: totalTokens };
      const last = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage };
      response!.write(`data: ${JSON.stringify(last)}\n\n`);
      response!.end('data: [DONE]\n\n');
    },
    /** Breaks off once what was said has left. */
    async break() {
      await new Promise((resolve) => setTimeout(resolve, 30));
      response!.destroy();
      await once(response!, 'close');
    },
  };
}

onBothEngines('the tasks of AIDeer', (open) => {
  let world: ChatWorld;
  let admin: DeerUser;
  let user: DeerUser;
  before(async () => {
    world = await open();
    admin = await newDeer(world, 'admin');
  });
  beforeEach(async () => {
    user = await newDeer(world);
    await giveCredits(world, admin, user, 100_000);
    world.steps.length = world.model.requests.length;
  });
  after(() => world.close());

  const as = (who: DeerUser) => (method: string, path: string, body?: unknown) =>
    world.call(method, `/api/v1${path}`, { token: who.token, ...(body !== undefined && { body }) });
  const start = async (chat: string, more: object = {}, who = user) => {
    const answer = await as(who)('POST', '/tasks', { chat_id: chat, ...more });
    expect([answer.status, answer.body]).to.deep.equal([
      200,
      { task_id: (answer.body as Json)['task_id'], status: 'pending' },
    ]);
    return (answer.body as { task_id: string }).task_id;
  };
  const left = async (who = user) =>
    ((await as(who)('GET', '/users/me')).body as { credits_left: number }).credits_left;
  const texts = async (chat: string) =>
    ((await as(user)('GET', `/chats/${chat}`)).body as { messages: { content: string }[] }).messages.map(
      ({ content }) => content,
    );
  const connect = (task: string, signal?: AbortSignal) =>
    fetch(`${world.app.url}/api/v1/tasks/${task}/stream`, {
      headers: { authorization: `Bearer ${user.token}` },
      ...(signal && { signal }),
    });
  const eventsOf = (text: string) =>
    text
      .split('\n\n')
      .filter((event) => event !== '' && !event.startsWith(':'))
      .map((event) => {
        const [, name = 'message', data = ''] = /^(?:event: (\w+)\n)?data: (.*)$/.exec(event) ?? [];
        return [name, JSON.parse(data)] as [string, Json];
      });

  it('answer in the chat, and cost the tokens of the model', async () => {
    const preset = await newPreset(world, user, {
      messages: [{ role: 'system', content: 'Be brief.', visibility: false }],
      parameters: { model: 'qwen-plus', max_tokens: 50, top_k: 5, temperature: 0.2 },
    });
    const hidden = { role: 'user', content: 'Secretly.', visibility: false };
    const chat = await newChat(world, user, {
      preset,
      messages: [hidden, { role: 'user', content: 'Hello' }],
    });
    world.steps.push({ text: 'Good day.' });
    const task = await start(chat);
    const state = await endOf(world, user, task);
    expect(state).to.deep.equal({
      task_id: task,
      chat_id: chat,
      type: 'chat_generation',
      create_time: state['create_time'],
      status: 'finished',
      content: 'Good day.',
      token_cost: 120,
    });
    expect(await texts(chat)).to.deep.equal(['Hello', 'Good day.']);
    expect(world.model.requests.at(-1)!.body).to.deep.include({
      model: 'qwen-plus',
      max_tokens: 50,
      top_k: 5,
      temperature: 0.2,
      repetition_penalty: 1.1,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Secretly.' },
        { role: 'user', content: 'Hello' },
      ],
    });
    expect(await left()).to.equal(100_000 - 120 * 10);
  });

  it('are streamed to one connection, all text so far in every event', async () => {
    const talk = openTalk();
    world.steps.push(talk.step);
    const task = await start(await newChat(world, user));
    const head = await world.call('HEAD', `/api/v1/tasks/${task}/stream`, { token: user.token });
    expect(head.status).to.equal(404); // and it does not use up the one connection
    const stream = await connect(task);
    expect([stream.status, stream.headers.get('content-type')]).to.deep.equal([200, 'text/event-stream']);
    let seen = '';
    const read = (async () => {
      for await (const bytes of stream.body!) seen += Buffer.from(bytes as Uint8Array).toString();
    })();
    await talk.say('One ');
    await waitFor(() => seen.includes('"One "'));
    await talk.say('two');
    await waitFor(() => seen.includes('"One two"'));
    talk.end(77);
    await read;
    const [first, ...events] = eventsOf(seen);
    expect(first).to.deep.equal(['open', { task_id: task }]);
    expect(events).to.deep.equal([
      ['message', { status: 'running', content: '' }],
      ['message', { status: 'running', content: 'One ' }],
      ['message', { status: 'running', content: 'One two' }],
      ['message', { status: 'finished', content: 'One two', token_cost: 77 }],
      ['close', { task_id: task }],
    ]);
    const again = await connect(task);
    expect([again.status, await again.json()]).to.deep.equal([
      422,
      { detail: 'A client has connected to this task already.' },
    ]);
  });

  it('show a long text less often than a short one, as every event has all of it', async () => {
    const talk = openTalk();
    world.steps.push(talk.step);
    const stream = await connect(await start(await newChat(world, user)));
    const read = stream.text();
    const piece = 'x'.repeat(5000);
    for (let at = 0; at < 60; at += 1) {
      await talk.say(piece);
      await left(); // each piece arrives by itself
    }
    talk.end(77);
    const events = eventsOf(await read);
    expect(events.at(-2)).to.deep.equal([
      'message',
      { status: 'finished', content: piece.repeat(60), token_cost: 77 },
    ]);
    expect(events.length).to.be.below(30);
  });

  it('give the stream to one of a hundred that connect at once; no other hangs', async () => {
    const talk = openTalk();
    world.steps.push(talk.step);
    const task = await start(await newChat(world, user));
    await talk.say('Hi.');
    const all = Promise.all(Array.from({ length: 100 }, () => connect(task)));
    setTimeout(() => talk.end(3), 50);
    const answers = await all;
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect([count(200), count(422)]).to.deep.equal([1, 99]);
    for (const answer of answers)
      if (answer.status === 200) expect(eventsOf(await answer.text()).at(-1)![0]).to.equal('close');
      else await answer.body?.cancel();
  });

  it('show the end at once to a client that connects late', async () => {
    world.steps.push({ text: 'Done.' });
    const task = await start(await newChat(world, user));
    await endOf(world, user, task);
    expect(eventsOf(await (await connect(task)).text())).to.deep.equal([
      ['open', { task_id: task }],
      ['message', { status: 'finished', content: 'Done.', token_cost: 120 }],
      ['close', { task_id: task }],
    ]);
  });

  it('end with the text so far when the client disconnects, and cost that much', async () => {
    const talk = openTalk();
    world.steps.push(talk.step);
    const chat = await newChat(world, user);
    const task = await start(chat);
    const leaving = new AbortController();
    const stream = await connect(task, leaving.signal);
    await talk.say('Once upon a time');
    const reader = stream.body!.getReader();
    let seen = '';
    while (!seen.includes('Once upon a time'))
      seen += Buffer.from((await reader.read()).value ?? []).toString();
    leaving.abort();
    const state = await endOf(world, user, task);
    await waitFor(() => talk.closed);
    expect(state).to.include({ status: 'finished', content: 'Once upon a time' });
    expect(await texts(chat)).to.deep.equal(['Hello', 'Once upon a time']);
    expect(state['token_cost']).to.be.within(1, 100);
    expect(await left()).to.equal(100_000 - Number(state['token_cost']));
  });

  it('cost nothing when they fail, and keep the text so far', async () => {
    const chat = await newChat(world, user);
    world.steps.push({ status: 401, body: { error: { message: 'bad key' } } });
    const failed = await endOf(world, user, await start(chat));
    const detail = 'the model endpoint answered 401: bad key; check apiKey';
    expect(failed).to.include({ status: 'failed', content: '', detail });
    expect(failed).to.not.have.property('token_cost');
    const talk = openTalk();
    world.steps.push(talk.step);
    const task = await start(chat);
    await talk.say('Half a');
    await talk.break();
    const ended = await endOf(world, user, task);
    expect(ended).to.include({ status: 'failed', content: 'Half a' });
    expect(String(ended['detail'])).to.not.match(/Error:|\.[jt]s:/);
    expect(await texts(chat)).to.deep.equal(['Hello', 'Half a']);
    expect(await left()).to.equal(100_000);
  });

  it('are refused when the credits do not reach; admins pay nothing', async () => {
    const poor = await newDeer(world);
    const refused = await as(poor)('POST', '/tasks', { chat_id: await newChat(world, poor) });
    expect([refused.status, refused.body]).to.deep.equal([
      402,
      { detail: 'You do not have enough credits for this.' },
    ]);
    world.steps.push({ text: 'For free.' });
    const chat = await newChat(world, admin);
    const state = await endOf(world, admin, await start(chat, {}, admin));
    expect([state['status'], await left(admin)]).to.deep.equal(['finished', 0]);
  });

  it('are as many as the credits reach for, of fifty at once', async () => {
    const someone = await newDeer(world);
    const chat = await newChat(world, someone);
    world.steps.push({ text: 'x' });
    await giveCredits(world, admin, someone, 1_000_000);
    // What one task holds: all but what was said is fixed.
    const before = await left(someone);
    const talks = Array.from({ length: 10 }, openTalk);
    world.steps.length = world.model.requests.length;
    world.steps.push(talks[0]!.step);
    const probe = await start(chat, {}, someone);
    const held = before - (await left(someone));
    await talks[0]!.say('x');
    talks[0]!.end(1);
    await endOf(world, someone, probe);
    const fifty = await newDeer(world);
    await giveCredits(world, admin, fifty, held * 10 + held - 1);
    const own = await newChat(world, fifty);
    const streams = Array.from({ length: 10 }, openTalk);
    world.steps.length = world.model.requests.length;
    world.steps.push(...streams.map(({ step }) => step));
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => as(fifty)('POST', '/tasks', { chat_id: own })),
    );
    const made = answers
      .filter(({ status }) => status === 200)
      .map(({ body }) => (body as { task_id: string }).task_id);
    expect([made.length, answers.filter(({ status }) => status === 402).length]).to.deep.equal([10, 40]);
    expect(await left(fifty)).to.equal(held - 1);
    for (const stream of streams) {
      await stream.say('x');
      stream.end(2);
    }
    for (const task of made)
      expect(await endOf(world, fifty, task)).to.include({ status: 'finished', token_cost: 2 });
    expect(await left(fifty)).to.equal(held * 11 - 1 - 20);
  });

  it('need the user’s message as the last one, and a chat of the caller', async () => {
    const said = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Yes?' },
    ];
    const other = await newDeer(world);
    for (const [status, body] of [
      [422, { chat_id: await newChat(world, user, { messages: said }) }],
      [422, { chat_id: await newChat(world, user, { messages: [] }) }],
      [422, { chat_id: await newChat(world, user, { messages: [] }), type: 'title_generation' }],
      [422, { chat_id: await newChat(world, user), type: 'video_generation' }],
      [422, {}],
      [404, { chat_id: 'nothing' }],
      [403, { chat_id: await newChat(world, other) }],
    ] as const) {
      const answer = await as(user)('POST', '/tasks', body);
      expect([answer.status, Object.keys(answer.body as object)]).to.deep.equal([status, ['detail']]);
    }
    expect(await left()).to.equal(100_000);
  });

  it('are their owner’s only, and forgotten when he wants', async () => {
    const talk = openTalk();
    world.steps.push(talk.step);
    const chat = await newChat(world, user);
    const task = await start(chat);
    const other = await newDeer(world);
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/stream'],
    ] as const)
      expect((await as(other)(method, `/tasks/${task}${path}`)).status).to.equal(403);
    await talk.say('Well');
    const removed = await as(user)('DELETE', `/tasks/${task}`);
    expect([removed.status, removed.body]).to.deep.equal([200, { message: 'The task is removed.' }]);
    await waitFor(() => talk.closed);
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/stream'],
    ] as const)
      expect((await as(user)(method, `/tasks/${task}${path}`)).status).to.equal(404);
    expect(await left()).to.be.within(99_900, 99_999);
    expect((await as(user)('GET', '/tasks/nothing')).status).to.equal(404);
  });

  it('give a chat a title', async () => {
    const chat = await newChat(world, user, {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Yes?' },
      ],
    });
    world.steps.push({ text: '「一次问候」' });
    const state = await endOf(world, user, await start(chat, { type: 'title_generation' }));
    expect(state).to.include({ status: 'finished', content: '一次问候', type: 'title_generation' });
    expect((await as(user)('GET', `/chats/${chat}`)).body).to.include({ title: '一次问候' });
    expect(await texts(chat)).to.deep.equal(['Hi', 'Yes?']);
  });

  it('draw pictures, which are messages of the chat', async () => {
    const png = await (
      await import('sharp')
    )
      .default({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const answers = [
      { data: [{ url: 'https://pictures.example/1.png' }], usage: { total_tokens: 9 } },
      { data: [{ b64_json: png.toString('base64') }] },
      { data: [{ b64_json: Buffer.from('<svg/>').toString('base64') }] },
    ];
    const preset = await newPreset(world, user, {
      type: 'image_generation',
      parameters: { model: 'wanx', max_tokens: 10 },
    });
    const chat = await newChat(world, user, { preset, messages: [{ role: 'user', content: 'A red dot' }] });
    const draw = async (answer: object) => {
      world.steps.push({ answer: (response) => sendJson(response, 200, answer as never) });
      const state = await endOf(world, user, await start(chat, { type: 'image_generation' }));
      await as(user)('PUT', `/chats/${chat}`, {
        messages: [
          ...((await as(user)('GET', `/chats/${chat}`)).body as { messages: object[] }).messages,
          { role: 'user', content: 'Again' },
        ],
      });
      return state;
    };
    expect(await draw(answers[0]!)).to.include({ status: 'finished', token_cost: 9 });
    expect(world.model.requests.at(-1)).to.deep.include({ path: '/v1/images/generations' });
    expect(world.model.requests.at(-1)!.body).to.deep.include({ model: 'wanx', prompt: 'A red dot', n: 1 });
    expect(await texts(chat)).to.deep.equal(['A red dot', 'https://pictures.example/1.png', 'Again']);
    const own = await newChat(world, user, { preset, messages: [{ role: 'user', content: 'Another' }] });
    world.steps.push({ answer: (response) => sendJson(response, 200, answers[1] as never) });
    await endOf(world, user, await start(own, { type: 'image_generation' }));
    const [, url] = await texts(own);
    const got = await fetch(url!);
    expect([got.status, got.headers.get('content-type')]).to.deep.equal([200, 'image/png']);
    expect(Buffer.from(await got.arrayBuffer())).to.deep.equal(png);
    expect(await draw(answers[2]!)).to.include({ status: 'failed' });
    world.steps.push({ status: 500, body: { error: { message: 'out of paint' } } });
    const failed = await endOf(world, user, await start(chat, { type: 'image_generation' }));
    expect(failed['detail']).to.equal('the model endpoint answered 500: out of paint');
  });

  it('go on without their chat, and are known again after a restart', async () => {
    const talk = openTalk();
    world.steps.push(talk.step);
    const chat = await newChat(world, user);
    const task = await start(chat);
    await talk.say('Half');
    await as(user)('DELETE', `/chats/${chat}`);
    talk.end(5);
    expect(await endOf(world, user, task)).to.include({ status: 'finished', chat_id: null, token_cost: 5 });
    const cut = openTalk();
    world.steps.push(cut.step);
    const second = await newChat(world, user);
    const broken = await start(second);
    await cut.say('Half an answer');
    const before = await left();
    await world.restart();
    const state = await endOf(world, user, broken);
    expect(state).to.include({ status: 'failed' });
    expect(await left()).to.be.above(before);
    expect(await left()).to.equal(100_000 - 5);
    expect(world.app.complaints.filter((text) => !text.includes('nobody can call'))).to.deep.equal([]);
  });
});
