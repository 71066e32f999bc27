import { expect } from 'chai';
import { WebSocket } from 'ws';
import { plugsDocument } from '../support/plugs-document.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../support/threads.ts';

const document = { openSpec: JSON.stringify(plugsDocument), server: 'http://127.0.0.1:9' };
const withDocument = { openSpecList: [document] };
const draftOf = (openSpecList: unknown[]) => ({
  model_config: { dialog_round: 1, openSpecList },
  memory_mode: 'none',
});

/** The answer to one frame on the socket of a session: an ack, or the code of an error. */
async function answerOnSocket(url: string, session: string, token: string): Promise<unknown> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/chat?id=${session}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode));
      socket.on('open', () =>
        socket.send(JSON.stringify({ contentList: [{ type: 'text', message: 'hi' }], ack: true })),
      );
      socket.on('message', (data: Buffer) => {
        const { type, code } = JSON.parse(data.toString()) as { type: string; code?: string };
        if (type === 'ack' || type === 'error') resolve(code ?? type);
      });
    });
  } finally {
    socket.terminate();
  }
}

describe('the use of devices', () => {
  let server: ThreadServer;
  let user: Caller;
  before(async () => {
    server = await openThreadServer({ AUTH: 'required' });
    user = await server.caller('ann');
  });
  after(() => server.close());

  /** The statuses of everything that brings a document or reaches a device, for one token. */
  async function outcomesOf(token: string): Promise<Record<string, unknown>> {
    const id = async (path: string, body: unknown) => {
      const answer = (await user.call('POST', path, body)).body as { id: string; data?: { id: string } };
      return answer.data?.id ?? answer.id;
    };
    const session = await id('/api/init', withDocument);
    const parent = { sessionList: [{ id: session, name: 'plugs', description: '' }] };
    const parentSession = await id('/api/init', parent);
    const plain = await id('/api/init', {});
    const app = await id('/apps', { name: 'app', icon: 'https://a.example/i.png' });
    const call = server.as(token);
    const status = async (path: string, body: unknown) => (await call('POST', path, body)).status;
    const thread = (of: string) => `/v1/threads/thread_${of.replaceAll('-', '')}/messages?run=true`;
    const said = { role: 'user', content: 'hi' };
    const draft = await status(`/apps/${app}/config`, draftOf([document]));
    await user.call('POST', `/apps/${app}/config`, draftOf([document]));
    const debug = await status(`/apps/${app}/debug`, { query: 'hi' });
    const shown = (await user.call('GET', `/apps/${app}`)).body as {
      data: { debug_conversation_id: string };
    };
    const { debug_conversation_id: own } = shown.data;
    return {
      'POST /api/init with a document': await status('/api/init', withDocument),
      'POST /api/init with another session': await status('/api/init', parent),
      'a frame to a session with a document': await answerOnSocket(server.url, session, token),
      'a frame to a session with another session': await answerOnSocket(server.url, parentSession, token),
      'a message in the thread of such a session': await status(thread(session), said),
      'the draft of an app with a document': draft,
      'words to an app with a document': debug,
      'a frame to the conversation of an app':
        own === null ? 'there is none' : await answerOnSocket(server.url, own, token),
      'POST /api/init without a document': await status('/api/init', {}),
      'a frame to a session without a document': await answerOnSocket(server.url, plain, token),
      'a message in a thread': await status(thread(plain), said),
    };
  }
  const free = {
    'POST /api/init with a document': 200,
    'POST /api/init with another session': 200,
    'a frame to a session with a document': 'ack',
    'a frame to a session with another session': 'ack',
    'a message in the thread of such a session': 200,
    'the draft of an app with a document': 200,
    'words to an app with a document': 200,
    'a frame to the conversation of an app': 'ack',
    'POST /api/init without a document': 200,
    'a frame to a session without a document': 'ack',
    'a message in a thread': 200,
  };
  const chatOnly = {
    'POST /api/init with a document': 403,
    'POST /api/init with another session': 403,
    'a frame to a session with a document': 'forbidden',
    'a frame to a session with another session': 'forbidden',
    'a message in the thread of such a session': 403,
    'the draft of an app with a document': 403,
    'words to an app with a document': 403,
    'a frame to the conversation of an app': 'there is none',
    'POST /api/init without a document': 200,
    'a frame to a session without a document': 'ack',
    'a message in a thread': 200,
  };
  const keyWith = async (...scopes: string[]) =>
    (await server.accounts.apiKeys.create(user.user.uuid, { scopes })).key;

  it('is free to a user, and to a key for devices', async () => {
    expect(await outcomesOf(user.token)).to.deep.equal(free);
    expect(await outcomesOf(await keyWith('devices'))).to.deep.equal(free);
  });

  it('is refused to a key that only chats', async () => {
    expect(await outcomesOf(await keyWith('chat'))).to.deep.equal(chatOnly);
  });

  it('is refused to a key that only manages, and such a key may not chat either', async () => {
    const outcomes = await outcomesOf(await keyWith('admin'));
    expect(new Set(Object.values(outcomes))).to.deep.equal(new Set([403, 'forbidden', 'there is none']));
  });

  it('is refused to a user who is not approved, also in sessions and apps that exist already', async () => {
    const { body } = await user.call('POST', '/api/init', withDocument);
    const { id } = body as { id: string };
    const set = (approved_at: number | null) =>
      server.accounts.db
        .updateTable('users')
        .set({ approved_at })
        .where('uuid', '=', user.user.uuid)
        .execute();
    await set(null);
    try {
      const init = await user.call('POST', '/api/init', withDocument);
      expect([init.status, (init.body as { detail: string }).detail]).to.deep.equal([
        403,
        'Your account is not approved: ask an admin (`lite-agent user approve NAME`). Until then you may chat, without documents and devices.',
      ]);
      expect((await user.call('POST', '/api/init', {})).status).to.equal(200);
      expect(await answerOnSocket(server.url, id, user.token)).to.equal('forbidden');
    } finally {
      await set(1);
    }
  });

  it('of an app is open to a key for this app, which reaches nothing else', async () => {
    const app = async () => {
      const { body } = await user.call('POST', '/apps', { name: 'app', icon: 'https://a.example/i.png' });
      const { id } = (body as { data: { id: string } }).data;
      await user.call('POST', `/apps/${id}/config`, draftOf([document]));
      return id;
    };
    const [own, other] = [await app(), await app()];
    const call = server.as(await keyWith(`app:${own}`));
    const calls: [string, string, unknown?][] = [
      ['POST', `/apps/${own}/debug`, { query: 'hi' }],
      ['GET', `/apps/${own}/messages`],
      ['GET', `/apps/${own}`],
      ['POST', `/apps/${own}/config`, draftOf([])],
      ['POST', `/apps/${own}/delete`],
      ['POST', `/apps/${other}/debug`, { query: 'hi' }],
      ['GET', `/apps/${other}`],
      ['GET', '/apps'],
      ['POST', '/api/init', {}],
      ['POST', '/api/ticket'],
      ['GET', '/v1/files'],
      ['GET', '/api/v1/users/me'],
    ];
    const statuses: number[] = [];
    for (const [method, path, body] of calls) statuses.push((await call(method, path, body)).status);
    expect(statuses).to.deep.equal([200, 200, 200, ...Array.from({ length: 9 }, () => 403)]);
  });
});
