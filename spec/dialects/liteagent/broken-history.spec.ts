import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { openTestApp, type TestApp } from '../../support/app.ts';

const LINES = 40;

describe('a history that a client reads slowly', () => {
  let app: TestApp;
  beforeEach(async () => {
    app = await openTestApp();
  });
  afterEach(() => app.close());

  for (const [how, end] of [
    ['is cleared meanwhile: old lines never stand beside new ones', ['POST', '/api/clear?id=SESSION']],
    ['is removed meanwhile: no list is too short', ['DELETE', '/v1/threads/THREAD']],
  ] as const)
    it(`breaks off when the session ${how}`, async () => {
      const account = { username: 'ann', email: 'ann@example.com', password: 'right horse battery 7' };
      const { body } = await app.post('/api/v1/user/register', account);
      const { access_token: token } = body as { access_token: string };
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
      const post = async (path: string, sent: object): Promise<{ id: string }> =>
        (await (
          await fetch(app.url + path, { method: 'POST', headers, body: JSON.stringify(sent) })
        ).json()) as { id: string };
      const { id } = await post('/v1/threads', {});
      const session = id
        .replace('thread_', '')
        .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
      const content = 'x'.repeat(200_000);
      for (let at = 0; at < LINES; at += 1)
        await post(`/v1/threads/${id}/messages`, { role: 'user', content });
      const reading = get(`${app.url}/api/history?id=${session}`, { headers });
      const [response] = (await once(reading, 'response')) as [IncomingMessage];
      const [method, path] = end;
      const ended = await fetch(app.url + path.replace('SESSION', session).replace('THREAD', id), {
        method,
        headers,
        ...(method === 'POST' && { body: '{}' }),
      });
      expect(ended.status).to.equal(200);
      response.resume();
      const [error] = (await once(response, 'error')) as [Error];
      expect(error.message).to.equal('aborted');
    }).timeout(60_000);
});
