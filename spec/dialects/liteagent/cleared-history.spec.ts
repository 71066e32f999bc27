import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { openTestApp } from '../../support/app.ts';

const LINES = 40;

describe('a history that a client reads slowly', () => {
  it('breaks off when the session is cleared meanwhile, and never mixes old lines with new ones', async () => {
    const app = await openTestApp();
    try {
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
      await post(`/api/clear?id=${session}`, {});
      response.resume();
      const [error] = (await once(response, 'error')) as [Error];
      expect(error.message).to.equal('aborted');
    } finally {
      await app.close();
    }
  }).timeout(60_000);
});
