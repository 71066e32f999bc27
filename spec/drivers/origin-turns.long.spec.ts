import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { ORIGIN_CONNECTIONS_MAX_COUNT } from '../../lib/common/origin-turns.ts';
import { openEgress, type Egress } from '../../lib/drivers/egress.ts';
import { createHttpDriver, type HttpContext } from '../../lib/drivers/http.ts';
import { openTestApp } from '../support/app.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';
import { waitFor } from '../support/wait-for.ts';

describe('the calls of several callers to one device', () => {
  let egress: Egress;
  let device: HttpDevice;
  beforeEach(async () => {
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    device = await openHttpDevice();
  });
  afterEach(async () => {
    await egress.close();
    await device.close();
  });

  it('take turns: the slow ones of one caller, as many as there may be connections, keep nobody else from it', async () => {
    let slow = 0;
    device.answer = (response, { url }) => {
      if (url === '/slow') slow += 1;
      else response.end('quick');
    };
    const http = createHttpDriver({ egress, resultMaxBytes: 1000 });
    const stop = new AbortController();
    const call = (owner: string, path: string, more: Partial<HttpContext> = {}) =>
      http.send(
        { method: 'GET', origin: device.url, path, headers: {}, effect: 'read' },
        { connection: { owner }, signal: stop.signal, timeoutMs: 20_000, ...more },
      );
    const all = Array.from({ length: ORIGIN_CONNECTIONS_MAX_COUNT + 100 }, () =>
      call('greedy', '/slow', { timeoutMs: 10_000 }),
    );
    await waitFor(() => slow === ORIGIN_CONNECTIONS_MAX_COUNT - 1);
    for (let at = 0; at < 3; at += 1) expect((await call('other', '/quick'))['body']).to.equal('quick');
    expect(slow).to.equal(ORIGIN_CONNECTIONS_MAX_COUNT - 1);
    stop.abort();
    const ends = await Promise.all(all.slice(-101));
    expect(ends.map(({ error }) => error)).to.deep.equal(
      Array.from({ length: 101 }, () => ({
        code: 'cancelled',
        message: 'Stopped before it was sent',
        effect: 'none',
      })),
    );
    await Promise.all(all);
  });

  it('are those of the users who call it', async () => {
    const slow: ServerResponse[] = [];
    let isOver = false;
    device.answer = (response, { url }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      if (url === '/slow' && !isOver) slow.push(response);
      else response.end('{}');
    };
    const app = await openTestApp({ CALL_TIMEOUT_MS: '60000' });
    const paths = Object.fromEntries(
      ['slow', 'quick'].map((name) => [`/${name}`, { get: { operationId: name, responses: {} } }]),
    );
    const info = { title: 'D', version: '1' };
    const openSpec = { openapi: '3.1.0', info, servers: [{ url: device.url }], paths };
    const tokenOf = async (username: string): Promise<string> => {
      const account = { username, email: `${username}@example.com`, password: 'right horse battery 7' };
      const { body } = await app.post('/api/v1/user/register', account);
      return (body as { access_token: string }).access_token;
    };
    const callAs = async (token: string, tool: string): Promise<unknown[]> => {
      const answer = await fetch(`${app.url}/api/devices/lamp/tools/${tool}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: '{"arguments":{}}',
      });
      return [answer.status, ((await answer.json()) as { statusCode?: number }).statusCode];
    };
    try {
      expect((await app.post('/api/devices', { name: 'lamp', openSpec, users: ['*'] })).status).to.equal(201);
      const [greedy, other] = [await tokenOf('greedy'), await tokenOf('other')];
      const all = Array.from({ length: ORIGIN_CONNECTIONS_MAX_COUNT + 20 }, () => callAs(greedy, 'slow'));
      await waitFor(() => slow.length === ORIGIN_CONNECTIONS_MAX_COUNT - 1, 30_000);
      expect(await callAs(other, 'quick')).to.deep.equal([200, 200]);
      isOver = true;
      for (const response of slow) response.end('{}');
      await Promise.all(all);
    } finally {
      await app.close();
    }
  }).timeout(60_000);
});
