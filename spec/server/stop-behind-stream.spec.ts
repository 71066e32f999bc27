import { createConnection } from 'node:net';
import { expect } from 'chai';
import { openTestApp, type TestApp } from '../support/app.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { waitFor } from '../support/wait-for.ts';

describe('a stop on the connection of a stream that has no end yet', () => {
  let app: TestApp;
  let model: ModelServer;
  let isOver = false;
  before(async () => {
    model = await startModelServer([
      {
        answer: (response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write('data: {"choices":[{"index":0,"delta":{"content":"Well"}}]}\n\n');
          response.on('close', () => (isOver = true));
        },
      },
    ]);
    app = await openTestApp({ baseUrl: model.baseUrl, apiKey: 'k', model: 'm' });
  });
  after(async () => {
    await app.close();
    await model.close();
  });

  it('stops at once, and has its answer behind the end of the stream', async () => {
    const account = { username: 'ann', email: 'ann@example.com', password: 'right horse battery 7' };
    const { body } = await app.post('/api/v1/user/register', account);
    const { access_token: token } = body as { access_token: string };
    const post = (path: string, sent: object): string => {
      const text = JSON.stringify(sent);
      return (
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Length: ${text.length}\r\n\r\n${text}`
      );
    };
    const socket = createConnection(Number(new URL(app.url).port), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.write(post('/v1/responses', { input: 'hi', stream: true }));
    await waitFor(() => received.includes('"type":"response.content_part.added"'));
    expect(isOver).to.equal(false);
    socket.write(post(`/v1/responses/${/"id":"(resp_\w+)"/.exec(received)![1]!}/cancel`, {}));
    await waitFor(() => isOver);
    await waitFor(() => received.split('HTTP/1.1 200 OK').length === 3);
    expect(received.split('HTTP/1.1 200 OK')[1]).to.contain('"type":"response.incomplete"');
    socket.destroy();
  });
});
