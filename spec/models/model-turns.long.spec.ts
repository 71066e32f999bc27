import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { ORIGIN_CONNECTIONS_MAX_COUNT } from '../../lib/common/origin-turns.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';
import { waitFor } from '../support/wait-for.ts';

const reply = {
  id: 'c',
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'ready' } }],
};

describe('the requests of several callers to one model', function () {
  this.timeout(60_000);
  let app: TestApp;
  let endpoint: HttpDevice;
  const slow: ServerResponse[] = [];
  let isOver = false;
  const answer = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  };
  before(async () => {
    endpoint = await openHttpDevice();
    endpoint.answer = (response, { body }) => {
      if (body.includes('slow') && !isOver) slow.push(response);
      else answer(response);
    };
    app = await openTestApp({
      baseUrl: `${endpoint.url}/v1`,
      apiKey: 'key-of-the-settings',
      AUTH: 'required',
    });
  });
  after(async () => {
    await app.close();
    await endpoint.close();
  });

  async function tokenOf(username: string): Promise<string> {
    const account = { username, email: `${username}@example.com`, password: 'right horse battery 7' };
    const { body } = await app.post('/api/v1/user/register', account);
    return (body as { access_token: string }).access_token;
  }

  /** Says a word in each way that reaches the model of the settings; resolves with the statuses. */
  const ways: Record<string, (word: string) => [path: string, body: object]> = {
    'a chat completion': (word) => ['/v1/chat/completions', { messages: [{ role: 'user', content: word }] }],
    'a streamed one': (word) => [
      '/v1/chat/completions',
      { stream: true, messages: [{ role: 'user', content: word }] },
    ],
    'a task of a session': (word) => ['/v1/responses', { input: word }],
  };
  async function say(token: string, [path, body]: [string, object]): Promise<number> {
    const said = await fetch(`${app.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    await said.arrayBuffer();
    return said.status;
  }

  it('take turns: the slow ones of one caller, as many as there may be connections, keep nobody else from it', async () => {
    const [greedy, other] = [await tokenOf('greedy'), await tokenOf('other')];
    const waysOfOne = Object.values(ways);
    const count = ORIGIN_CONNECTIONS_MAX_COUNT + 30;
    const all = Array.from({ length: count }, (_, at) =>
      say(greedy, waysOfOne[at % waysOfOne.length]!('slow')),
    );
    await waitFor(() => slow.length === ORIGIN_CONNECTIONS_MAX_COUNT - 1, 30_000);
    const statuses: Record<string, number> = {};
    for (const [name, way] of Object.entries(ways)) statuses[name] = await say(other, way('quick'));
    expect(statuses).to.deep.equal({
      'a chat completion': 200,
      'a streamed one': 200,
      'a task of a session': 200,
    });
    expect(slow.length).to.equal(ORIGIN_CONNECTIONS_MAX_COUNT - 1);
    isOver = true;
    slow.forEach(answer);
    expect(new Set(await Promise.all(all))).to.deep.equal(new Set([200]));
  });
});
