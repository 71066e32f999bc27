import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { WebSocketServer, type WebSocket } from 'ws';
import { openChatClient, type ChatClient, type Envelope } from '../../lib/cli/client.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { refusalOf } from '../support/refusal.ts';

interface Said {
  taskId: string;
  contentList: { type: string; message: string }[];
  stream: boolean;
}

describe('openClient', () => {
  let server: Server;
  let sockets: WebSocketServer;
  let url: string;
  let requests: { call: string; authorization: string | undefined; body: JsonObject }[];
  let init: { status: number; body: string };
  let behave: (socket: WebSocket, said: Said) => void;

  beforeEach(async () => {
    requests = [];
    init = { status: 200, body: '{"id":"s1"}' };
    server = createServer((request, response) => {
      void text(request).then((body) => {
        const { authorization } = request.headers;
        requests.push({
          call: `${request.method} ${request.url}`,
          authorization,
          body: JSON.parse(body) as JsonObject,
        });
        response.writeHead(init.status).end(init.body);
      });
    });
    sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) =>
      socket.on('message', (data: Buffer) => behave(socket, JSON.parse(data.toString()) as Said)),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
  });
  afterEach(async () => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  function send(socket: WebSocket, frame: object): void {
    socket.send(JSON.stringify(frame));
  }

  async function messageOfRefusal(promise: Promise<unknown>): Promise<string> {
    return (await refusalOf(promise)).message;
  }

  /** The frames of a turn with one call, another task's among them. */
  function answerWell(socket: WebSocket, { taskId, stream }: Said): void {
    const line = (from: string, to: string, type: string, message: unknown) =>
      send(socket, { sessionId: 's1', taskId, from, to, type, message, seq: 1 });
    line('agent', 'client', 'text', '[TASK_START]');
    line('llm', 'agent', 'functionCallList', [{ id: 'c1', name: 'pick', parameters: { quantity: 2 } }]);
    send(socket, {
      sessionId: 's1',
      taskId: 'another',
      from: 'agent',
      to: 'client',
      type: 'text',
      message: '[TASK_DONE]',
    });
    send(socket, {
      sessionId: 's1',
      taskId: '',
      from: 'agent',
      to: 'client',
      type: 'text',
      message: '[TASK_STOP]',
    });
    line('tool', 'agent', 'toolReturn', { id: 'c1', result: { statusCode: 200 } });
    if (stream) send(socket, { type: 'chunk', taskId, part: 'Two.' });
    line('agent', 'user', 'text', 'Two.');
    line('agent', 'client', 'text', '[TASK_DONE]');
  }

  it('opens a session, says a sentence and puts the turn together', async () => {
    const envelopes: Envelope[] = [];
    let chunks = '';
    behave = answerWell;
    const client = await openChatClient({
      url,
      token: 't0ken',
      capability: { systemPrompt: 'Be kind.' },
      observer: { envelope: (envelope) => envelopes.push(envelope), chunk: (piece) => (chunks += piece) },
    });
    expect(await client.say('Pick two')).to.deep.equal({
      sentence: 'Pick two',
      answer: 'Two.',
      toolCalls: [{ name: 'pick', arguments: { quantity: 2 }, result: { statusCode: 200 } }],
      status: 'done',
    });
    expect({ id: client.id, chunks, count: envelopes.length }).to.deep.equal({
      id: 's1',
      chunks: 'Two.',
      count: 7,
    });
    await client.stop();
    expect(requests).to.deep.equal([
      { call: 'POST /api/init', authorization: 'Bearer t0ken', body: { systemPrompt: 'Be kind.' } },
      { call: 'POST /api/stop?id=s1', authorization: 'Bearer t0ken', body: {} },
    ]);
    await client.close();
    expect(await messageOfRefusal(client.say('Still there?'))).to.equal('the connection is closed');
    await client.close();
  });

  it('joins a session without /init, and distinguishes stopped and failed', async () => {
    const client = await openChatClient({ url, session: 'a/b' });
    expect(requests).to.deep.equal([]);
    const end = {
      sessionId: 's1',
      from: 'agent',
      to: 'client',
      type: 'text',
      message: '[TASK_STOP]',
      seq: 1,
    };
    behave = (socket, { taskId }) => send(socket, { ...end, taskId });
    expect(await client.say('Stop')).to.have.property('status', 'stopped');
    const error = { code: 'model_error', message: 'the model is down' };
    behave = (socket, { taskId }) => send(socket, { ...end, taskId, error });
    expect(await client.say('Fail')).to.deep.include({ status: 'failed', error });
    await client.close();
  });

  it('rejects with the reason when the server refuses or does not answer', async () => {
    const client: ChatClient = await openChatClient({ url });
    behave = (socket, { taskId }) => send(socket, { type: 'error', code: 'task_rejected', taskId });
    expect(await messageOfRefusal(client.say('One'))).to.equal('task_rejected');
    behave = (socket) => send(socket, { type: 'error', code: 'invalid_request', message: 'too long' });
    expect(await messageOfRefusal(client.say('Two'))).to.equal('too long');
    behave = (socket) => socket.close(4408, 'expired');
    expect(await messageOfRefusal(client.say('Three'))).to.equal(
      'the server closed the connection (4408 expired)',
    );
  });

  it('says why a session cannot be had', async () => {
    init = {
      status: 400,
      body: '{"title":"Bad","detail":"No.","errors":[{"pointer":"/a","detail":"is missing"}]}',
    };
    expect(await messageOfRefusal(openChatClient({ url }))).to.equal(`${url}/init: No.\n  /a: is missing`);
    init = { status: 502, body: '<html>' };
    expect(await messageOfRefusal(openChatClient({ url }))).to.equal(`${url}/init: HTTP 502`);
    init = { status: 200, body: '{"id":"s1"}' };
    sockets.shouldHandle = () => false;
    expect(await messageOfRefusal(openChatClient({ url }))).to.match(/\/api\/chat: HTTP 400$/);
  });
});
