import { expect } from 'chai';
import { openThreadServer, type Caller, type ThreadServer } from '../../support/threads.ts';
import { openOpenAiDocument } from '../../support/openai-document.ts';

const document = openOpenAiDocument();

describe('threads', () => {
  let server: ThreadServer;
  let ada: Caller;
  let bob: Caller;
  before(async () => {
    server = await openThreadServer();
    ada = await server.caller('ada');
    bob = await server.caller('bob');
  });
  after(() => server.close());

  const valid = (schema: string, body: unknown): void => document?.expectValid(schema, body);

  it('are made with notes, without, and without a body at all; read, changed and deleted', async () => {
    for (const [body, headers] of [
      [undefined, {}],
      ['', { 'content-type': 'application/json' }],
      ['', { 'content-type': 'application/x-www-form-urlencoded' }],
      [{}, {}],
    ] as const) {
      const made = await ada.call('POST', '/v1/threads', body, headers);
      valid('ThreadObject', made.body);
      const { id, created_at: at } = made.body as { id: string; created_at: number };
      expect(made.body).to.deep.equal({
        id,
        object: 'thread',
        created_at: at,
        metadata: {},
        tool_resources: {},
      });
      expect(id).to.match(/^thread_[0-9a-f]{32}$/);
      expect(at).to.be.within(Date.now() / 1000 - 60, Date.now() / 1000);
    }
    const thread = await ada.openai.beta.threads.create({
      metadata: { room: 'kitchen' },
      messages: [
        { role: 'user', content: 'one' },
        { role: 'assistant', content: [{ type: 'text', text: 'two' }], metadata: { n: '2' } },
      ],
    });
    valid('ThreadObject', thread);
    expect(await ada.openai.beta.threads.retrieve(thread.id)).to.deep.equal(thread);
    const changed = await ada.openai.beta.threads.update(thread.id, { metadata: { room: 'bath' } });
    expect(changed).to.deep.equal({ ...thread, metadata: { room: 'bath' } });
    expect(await ada.openai.beta.threads.retrieve(thread.id)).to.deep.equal(changed);
    const gone = await ada.openai.beta.threads.delete(thread.id);
    valid('DeleteThreadResponse', gone);
    expect(gone).to.deep.equal({ id: thread.id, object: 'thread.deleted', deleted: true });
    expect((await ada.call('GET', `/v1/threads/${thread.id}`)).status).to.equal(404);
  });

  it('answer 403 to other users, 404 for an unknown id, 401 without a token, in the shape of OpenAI', async () => {
    const { id } = await ada.openai.beta.threads.create({});
    const path = `/v1/threads/${id}`;
    for (const [answer, status, code] of [
      [await bob.call('GET', path), 403, 'forbidden'],
      [await bob.call('DELETE', path), 403, 'forbidden'],
      [await bob.call('POST', `${path}/messages`, { role: 'user', content: 'hi' }), 403, 'forbidden'],
      [await ada.call('GET', '/v1/threads/thread_nobody'), 404, 'not_found'],
      [await ada.call('GET', `/v1/threads/thread_${'0'.repeat(32)}`), 404, 'not_found'],
      [await ada.call('GET', '/v1/nothing'), 404, 'not_found'],
      [await ada.call('PUT', path), 404, 'not_found'],
      [await ada.call('GET', '/auth/nothing'), 404, 'not_found'],
      [await server.call('GET', path), 401, 'invalid_api_key'],
      [await server.call('GET', path, undefined, { authorization: 'Bearer x' }), 401, 'invalid_api_key'],
    ] as const) {
      expect(answer.status).to.equal(status);
      valid('ErrorResponse', answer.body);
      const { error } = answer.body as { error: Record<string, unknown> };
      expect(error).to.have.keys('message', 'type', 'param', 'code');
      expect([error['type'], error['code'], error['param']]).to.deep.equal([
        'invalid_request_error',
        code,
        null,
      ]);
    }
  });

  it('name the field that is wrong', async () => {
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`k${at}`, 'v']));
    for (const [metadata, param] of [
      [many, 'metadata'],
      [{ ['k'.repeat(65)]: 'v' }, 'metadata'],
      [{ k: 'v'.repeat(513) }, 'metadata.k'],
      [{ k: 1 }, 'metadata.k'],
    ] as const) {
      const { status, body } = await ada.call('POST', '/v1/threads', { metadata });
      expect([status, (body as { error: { param: string } }).error.param]).to.deep.equal([400, param]);
    }
  });

  it('are sessions: a session of /init is a thread of its user, or of everybody without a user', async () => {
    for (const [maker, status] of [
      [ada, 403],
      [server, 200],
    ] as const) {
      const { id } = (await maker.call('POST', '/api/init', { systemPrompt: 'Be kind.' })).body as {
        id: string;
      };
      const path = `/v1/threads/thread_${id.replaceAll('-', '')}`;
      expect((await ada.call('GET', path)).status).to.equal(200);
      expect((await bob.call('GET', path)).status).to.equal(status);
    }
  });
});
