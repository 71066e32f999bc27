import { expect } from 'chai';
import type { LongTextValue } from '../../../lib/common/long-text.ts';
import { openTestServer, Refused, type TestServer } from '../../support/test-server.ts';

const token = 'operator-token-0123456789';
const bearer = { authorization: `Bearer ${token}` };

function problem(status: number, title: string, detail: string, errors?: unknown): object {
  return { type: 'about:blank', title, status, detail, ...(errors !== undefined && { errors }) };
}

describe('the LiteAgent calls', () => {
  let server: TestServer;
  before(async () => {
    server = await openTestServer();
  });
  after(() => server.close());

  for (const path of ['/api/history', '/api/stop', '/api/clear']) {
    it(`${path} says 404 for an id that nobody has`, async () => {
      const response = await server.call(`${path}?id=nobody`);
      expect([response.status, await response.json()]).to.deep.equal([
        404,
        problem(404, 'Not Found', 'There is no such session.'),
      ]);
    });

    it(`${path} says 400 without an id, with an empty one, and with two`, async () => {
      for (const [query, detail] of [
        ['', 'is missing'],
        ['?id=', 'must not be empty'],
        ['?id=a&id=b', 'is given more than once'],
      ]) {
        const response = await server.call(`${path}${query}`);
        expect([response.status, await response.json()]).to.deep.equal([
          400,
          problem(400, 'Bad Request', `The query is not valid: /id ${detail}.`, [{ pointer: '/id', detail }]),
        ]);
      }
    });
  }

  it('stop with GET and POST, all or one task', async () => {
    const session = await server.session();
    for (const [method, query, answer] of [
      ['GET', '', { id: session.id }],
      ['POST', '', { id: session.id }],
      ['GET', '&taskId=t1', { id: session.id, taskId: 't1' }],
      ['POST', '&taskId=t2', { id: session.id, taskId: 't2' }],
    ] as const) {
      const response = await server.call(`/api/stop?id=${session.id}${query}`, { method });
      expect([response.status, await response.json()]).to.deep.equal([200, answer]);
    }
    expect(session.stopped).to.deep.equal([undefined, undefined, 't1', 't2']);
    const long = await server.call(`/api/stop?id=${session.id}&taskId=${'x'.repeat(37)}`);
    expect(((await long.json()) as { errors: unknown }).errors).to.deep.equal([
      { pointer: '/taskId', detail: 'must NOT have more than 36 characters' },
    ]);
  });

  it('clear with POST too', async () => {
    const session = await server.session({ systemPrompt: 'Be kind.' });
    const response = await server.call(`/api/clear?id=${session.id}`, { method: 'POST' });
    expect([response.status, await response.json()]).to.deep.equal([200, { id: session.id }]);
    const history = (await (await server.call(`/api/history?id=${session.id}`)).json()) as { seq: number }[];
    expect(history.map(({ seq }) => seq)).to.deep.equal([16]);
  });

  it('log the fields of /init that they do not know', async () => {
    server.log.length = 0;
    await server.session({ mood: 'good' });
    const line = server.log.find(({ text }) => text === 'unknown fields of /init were ignored');
    expect(line?.fields.ignored).to.deep.equal(['/mood']);
  });

  it('answer /init with a warning for each field that they do not know', async () => {
    const response = await server.call('/api/init', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        openspeclist: [],
        llmConfig: { modle: 'm' },
        openSpecList: [{ openSpec: '{}', include: { method: ['get'] } }],
        mood: 'good',
      }),
    });
    const { warnings } = (await response.json()) as { warnings: string[] };
    expect(warnings.slice(0, 3)).to.deep.equal([
      '/openspeclist is not known; did you mean "openSpecList"?',
      '/llmConfig/modle is not known; did you mean "model"?',
      '/openSpecList/0/include/method is not known; did you mean "methods"?',
    ]);
    expect(warnings[3]).to.match(/^\/mood is not known; the keys here are llmConfig, systemPrompt, /);
    expect(warnings).to.have.length(4);
  });

  it('take an /init of 64 MiB, and refuse a larger one', async function () {
    this.timeout(30_000);
    const room = 64 * 1024 * 1024 - '{"openSpecList":[{"openSpec":""}]}'.length;
    const post = (size: number) =>
      server.call('/api/init', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `{"openSpecList":[{"openSpec":"${'x'.repeat(size)}"}]}`,
      });
    const fits = await post(room);
    expect(fits.status).to.equal(200);
    const { id } = (await fits.json()) as { id: string };
    const kept = server.sessions.all.get(id)?.created.documents[0]?.['openSpec'] as unknown as LongTextValue;
    expect(kept.textPieces.join('')).to.have.length(room);
    server.sessions.all.delete(id);
    expect((await post(room + 1)).status).to.equal(413);
  });

  it('refuse a socket with the status of /history', async () => {
    for (const [query, status, detail] of [
      ['?id=nobody', 404, 'There is no such session.'],
      ['', 400, 'The query is not valid: /id is missing.'],
      ['?id=a&since=-1', 400, 'The query is not valid: /since must be a seq: a whole number.'],
      ['?id=a&since=1e3', 400, 'The query is not valid: /since must be a seq: a whole number.'],
    ] as const) {
      const refused = await refusal(server, `/api/chat${query}`);
      expect([refused.status, refused.headers['content-type']]).to.deep.equal([
        status,
        'application/problem+json',
      ]);
      expect((JSON.parse(refused.body) as { detail: string }).detail).to.equal(detail);
    }
    expect((await refusal(server, '/api/talk')).status).to.equal(404);
    server.sessions.failFind(new TypeError('oops'));
    expect((await refusal(server, '/api/chat?id=a')).status).to.equal(500);
  });

  it('are open to all with AUTH=none, with any token', async () => {
    const { id } = await server.session();
    const response = await server.call(`/api/history?id=${id}`, {
      headers: { authorization: 'Bearer whatever' },
    });
    expect(response.status).to.equal(200);
  });
});

describe('the LiteAgent calls with AUTH=required', () => {
  let server: TestServer;
  before(async () => {
    server = await openTestServer({ auth: 'required', authToken: token });
  });
  after(() => server.close());

  it('need the token, but for the version', async () => {
    expect((await server.call('/api/version')).status).to.equal(200);
    const { id } = await server.session();
    for (const [method, path] of [
      ['GET', `/api/history?id=${id}`],
      ['GET', `/api/stop?id=${id}`],
      ['POST', `/api/stop?id=${id}`],
      ['GET', `/api/clear?id=${id}`],
      ['POST', `/api/clear?id=${id}`],
      ['POST', '/api/init'],
      ['POST', '/api/ticket'],
    ] as const) {
      for (const [authorization, detail] of [
        [undefined, 'A token is needed: send "Authorization: Bearer <token>".'],
        ['Bearer wrong', 'The token is unknown or no longer valid.'],
        [`Bearer ${token}x`, 'The token is unknown or no longer valid.'],
        [`Basic ${token}`, 'The Authorization header must be "Bearer <token>".'],
      ] as const) {
        const response = await server.call(path, {
          method,
          headers: { ...(authorization && { authorization }) },
        });
        expect([
          response.status,
          response.headers.get('www-authenticate'),
          await response.json(),
        ]).to.deep.equal([401, 'Bearer', problem(401, 'Unauthorized', detail)]);
      }
    }
    expect(server.sessions.all.get(id)?.stopped).to.deep.equal([]);
    expect((await server.call(`/api/history?id=${id}`, { headers: bearer })).status).to.equal(200);
  });

  it('know a socket by bearer header', async () => {
    const { id } = await server.session();
    const socket = await server.connect(`/api/chat?id=${id}`, [], { headers: bearer }).open();
    expect(socket.ws.protocol).to.equal('');
    const refused = await refusal(server, `/api/chat?id=${id}`);
    expect([refused.status, refused.headers['www-authenticate']]).to.deep.equal([401, 'Bearer']);
  });

  it('know a socket by subprotocol, and never echo the token', async () => {
    const { id } = await server.session();
    const socket = server.connect(`/api/chat?id=${id}`, ['liteagent', `bearer.${token}`]);
    const headers = new Promise((resolve) =>
      socket.ws.on('upgrade', (response) => resolve(response.headers['sec-websocket-protocol'])),
    );
    await socket.open();
    expect(await headers).to.equal('liteagent');
    expect((await refusal(server, `/api/chat?id=${id}`, ['liteagent', 'bearer.wrong'])).status).to.equal(401);
    expect(JSON.stringify(server.log)).not.to.include(token);
  });

  it('know a socket by a ticket, once', async () => {
    const { id } = await server.session();
    const response = await server.call('/api/ticket', { method: 'POST', headers: bearer });
    const { ticket, expiresInSeconds } = (await response.json()) as {
      ticket: string;
      expiresInSeconds: number;
    };
    expect([response.status, expiresInSeconds]).to.deep.equal([200, 30]);
    await server.connect(`/api/chat?id=${id}&ticket=${ticket}`).open();
    const again = await refusal(server, `/api/chat?id=${id}&ticket=${ticket}`);
    expect([again.status, (JSON.parse(again.body) as { detail: string }).detail]).to.deep.equal([
      401,
      'The ticket is unknown, used or older than 30 seconds: get a new one from POST /api/ticket.',
    ]);
    expect(JSON.stringify(server.log)).not.to.include(ticket);
  });
});

async function refusal(server: TestServer, path: string, protocols: string[] = []): Promise<Refused> {
  const outcome = await server
    .connect(path, protocols)
    .open()
    .catch((error: unknown) => error);
  if (outcome instanceof Refused) return outcome;
  throw new Error('the upgrade was not refused', { cause: outcome });
}
