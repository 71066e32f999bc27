import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { envNameOf, limits } from '../../lib/settings.ts';
import { expect } from 'chai';
import { frameOf, handshakeOf, type FloodConnection } from '../support/flood-server.ts';
import { FloodWorld, type Flood } from '../support/flood-world.ts';
import { waitFor } from '../support/wait-for.ts';

const MiB = 1024 * 1024;
/** The budgets of this server: small, so that a flood of a second is over each of them. */
const budgets = {
  REQUESTS_PER_MINUTE_MAX_COUNT: '300',
  CONNECTIONS_PER_ADDRESS_MAX_COUNT: '200',
  OPEN_REQUESTS_PER_CALLER_MAX_COUNT: '40',
  SOCKETS_PER_CALLER_MAX_COUNT: '40',
  MCP_CONNECTIONS_PER_CALLER_MAX_COUNT: '20',
  SOCKET_BUFFER_MAX_BYTES: String(MiB),
  SOCKET_STALL_TIMEOUT_MS: '1500',
  FILES_PER_OWNER_MAX_BYTES: String(16 * MiB),
} as const;

/** The replies that have no end yet, with the number of pieces that each has. */
const endless = new Map<ServerResponse, number>();

/** A model that speaks to the end of each reply, or of its connection: a kilobyte every 100 ms where it is asked to go on. */
function createEndlessModel(): Server {
  return createServer((request, response) => {
    let asked = '';
    request.on('data', (chunk: Buffer) => (asked += chunk.toString()));
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const say = (content: string): void =>
        void response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
      say('Yes.');
      if (!asked.includes('go on')) {
        response.end('data: [DONE]\n\n');
        return;
      }
      endless.set(response, 0);
      const timer = setInterval(() => {
        say('and so on, '.repeat(100));
        endless.set(response, endless.get(response)! + 1);
      }, 100);
      response.on('close', () => {
        clearInterval(timer);
        endless.delete(response);
      });
    });
  });
}

describe('a server whose clients read nothing', function () {
  this.timeout(120_000);
  this.retries(1); // A busy machine doubles the time of a hold now and then, and a fault would do so twice.
  const model = createEndlessModel();
  let world: FloodWorld;
  let authorization = '';

  before(async () => {
    model.listen(0, '127.0.0.1');
    await once(model, 'listening');
    const baseUrl = `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`;
    world = new FloodWorld({ ...budgets, METRICS: 'open', CREDIT_RATES: 'm=0', baseUrl, apiKey: 'k' });
    await world.open(async () => {
      authorization = await newReader();
      for (const [path, body] of [
        ['/v1/responses', { input: 'hi' }],
        ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }],
        ['/mcp', initialize],
      ] as const)
        await world.server.send('127.0.1.1', 'POST', path, {
          body,
          headers: { authorization, ...mcpHeaders },
        });
    });
  });
  afterEach(() => {
    world.server.cut();
    endReplies();
  });
  after(async () => {
    await world.close();
    model.closeAllConnections();
    model.close();
  });

  let readers = 0;
  /** The token of a new user, whose requests nobody else has used up. */
  async function newReader(): Promise<string> {
    readers += 1;
    const username = `reader${readers}`;
    const body = { username, email: `${username}@example.com`, password: 'right horse battery 7' };
    const made = await world.server.send('127.0.1.1', 'POST', '/user/register', { body });
    return `Bearer ${(JSON.parse(made.text) as { access_token: string }).access_token}`;
  }

  /** Posts as a user; resolves with the JSON of the answer. */
  async function ask(path: string, body: object, user: string): Promise<Record<string, string>> {
    const answer = await world.server.send('127.0.1.1', 'POST', path, {
      body,
      headers: { authorization: user },
    });
    expect(answer.status, answer.text).to.equal(200);
    return JSON.parse(answer.text) as Record<string, string>;
  }

  /** Opens streams that nobody reads while the model speaks to `replies` of them. Resolves with the text that each stream received. */
  async function watch(address: string, streams: readonly string[], replies: number): Promise<string[]> {
    const all = await Promise.all(streams.map(async (text) => (await deaf(address, 1, text))[0]!));
    await waitFor(
      () => endless.size === replies && [...endless.values()].every((pieces) => pieces > 80),
      60_000,
    );
    for (const { socket } of all) socket.resume();
    await waitFor(() => all.every(({ received }) => received.includes('HTTP/1.1')), 30_000);
    return all.map(({ received }) => received);
  }

  /** Connections that have sent a text, and read nothing. */
  async function deaf(address: string, count: number, text: string): Promise<FloodConnection[]> {
    const all = await Promise.all(Array.from({ length: count }, () => world.server.connect(address, text)));
    for (const { socket } of all) socket.pause();
    return all;
  }

  /** Says words in a session, one task after the other, and waits for their ends. */
  async function say(address: string, session: string, texts: readonly string[]): Promise<void> {
    const speaker = await world.server.connect(address, handshakeOf(session));
    await waitFor(() => speaker.received.includes('101'));
    for (const [at, message] of texts.entries()) {
      speaker.socket.write(frameOf(JSON.stringify({ type: 'text', message })));
      await waitFor(() => speaker.received.split('[TASK_DONE]').length > at + 1, 30_000);
    }
  }

  let looks = 0;
  /** The number of open sockets. Each look comes from another address, as all of one would be too many. */
  async function openSockets(): Promise<number> {
    looks += 1;
    const { text } = await world.server.send(`127.0.3.${(looks % 250) + 1}`, 'GET', '/metrics');
    return Number(/^lite_agent_sockets_open (\d+)/m.exec(text)?.[1]);
  }

  const post = (path: string, body: object, headers = ''): string => {
    const text = JSON.stringify(body);
    return (
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
    );
  };
  const get = (path: string, user: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${user}\r\n\r\n`;
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 's', version: '1' } },
  };
  const mcpHeaders = { accept: 'application/json, text/event-stream' };

  /** A session with a history of 10 MB. */
  let longSession = '';
  const floods: Flood[] = [
    {
      name: 'sockets that ask for a history of 10 MB and read nothing',
      budget: 'SOCKET_STALL_TIMEOUT_MS',
      refusal: /^0 sockets/,
      async prepare(address) {
        longSession = await world.newSession(address);
        await say(
          address,
          longSession,
          Array.from({ length: 20 }, () => 'x'.repeat(500_000)),
        );
      },
      async run(address) {
        const since = handshakeOf(longSession).replace('?id=', '?since=0&id=');
        await deaf(address, 39, since);
        await waitFor(async () => (await openSockets()) > 10);
        await waitFor(async () => (await openSockets()) <= 1, 30_000);
        return [`0 sockets`];
      },
    },
    {
      name: 'watchers of one session that read nothing while much is said',
      budget: 'SOCKETS_PER_CALLER_MAX_COUNT',
      refusal: /SOCKETS_PER_CALLER_MAX_COUNT/,
      async run(address) {
        const session = await world.newSession(address);
        const watchers = await Promise.all(
          [0, 1, 2, 3].map((at) => deaf(`127.0.2.${at + 1}`, 50, handshakeOf(session))),
        );
        await say(
          address,
          session,
          Array.from({ length: 30 }, () => 'x'.repeat(50_000)),
        );
        for (const { socket } of watchers.flat()) socket.resume();
        await waitFor(() => watchers.flat().every(({ received }) => / (101|429) /.test(received)));
        return watchers.flat().map(({ received }) => received);
      },
    },
    {
      name: 'files',
      budget: 'FILES_PER_OWNER_MAX_BYTES',
      refusal: /^(400|413) .*FILES_PER_OWNER_MAX_BYTES/s,
      run: (address) =>
        world.all(40, (at) => {
          const edge = 'edge';
          const part = (name: string): string =>
            `--${edge}\r\nContent-Disposition: form-data; name="${name}"`;
          const body = `${part('purpose')}\r\n\r\nuser_data\r\n${part('file')}; filename="${at}.txt"\r\n\r\n${'x'.repeat(MiB)}\r\n--${edge}--\r\n`;
          const headers = { authorization, 'content-type': `multipart/form-data; boundary=${edge}` };
          return world.server.send(address, 'POST', '/v1/files', { body, headers });
        }),
    },
    {
      name: 'tickets',
      budget: 'REQUESTS_PER_MINUTE_MAX_COUNT',
      refusal: /^429 .*REQUESTS_PER_MINUTE_MAX_COUNT/s,
      run: (address) => world.all(380, () => world.server.send(address, 'POST', '/api/ticket')),
    },
    {
      name: 'wrong tokens',
      budget: 'REQUESTS_PER_MINUTE_MAX_COUNT',
      refusal: /^429 .*REQUESTS_PER_MINUTE_MAX_COUNT/s,
      run: (address) =>
        world.all(380, (at) =>
          world.server.send(address, 'GET', '/api/devices', {
            headers: { authorization: `Bearer ${at % 2 === 0 ? 'sk-' : ''}${'x'.repeat(40)}` },
          }),
        ),
    },
    {
      name: 'MCP connections',
      budget: 'MCP_CONNECTIONS_PER_CALLER_MAX_COUNT',
      refusal: / 429 .*MCP_CONNECTIONS_PER_CALLER_MAX_COUNT/s,
      async run(address) {
        const ids: string[] = [];
        for (let at = 0; at < 20; at += 1) {
          const opened = await world.server.connect(address, post('/mcp', initialize, headersOf(mcpHeaders)));
          await waitFor(() => /mcp-session-id: (\S+)/i.test(opened.received));
          ids.push(/mcp-session-id: (\S+)/i.exec(opened.received)![1]!);
        }
        const listen = (id: string): string =>
          `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${id}\r\n\r\n`;
        for (const id of ids) await world.opened(address, 1, listen(id), / 200 /);
        return world.opened(
          address,
          100,
          post('/mcp', initialize, headersOf(mcpHeaders)),
          /MCP_CONNECTIONS_PER_CALLER_MAX_COUNT/,
        );
      },
    },
    {
      name: 'streams of answers without an end',
      budget: 'OPEN_REQUESTS_PER_CALLER_MAX_COUNT',
      refusal: / 429 .*OPEN_REQUESTS_PER_CALLER_MAX_COUNT/s,
      async run(address) {
        const headers = headersOf({ authorization });
        const response = post('/v1/responses', { input: 'go on', stream: true }, headers);
        const messages = [{ role: 'user', content: 'go on' }];
        const completion = post('/v1/chat/completions', { stream: true, messages }, headers);
        return watch(
          address,
          [...Array<string>(30).fill(response), ...Array<string>(30).fill(completion)],
          40,
        );
      },
    },
    {
      name: 'watchers of one response',
      budget: 'OPEN_REQUESTS_PER_CALLER_MAX_COUNT',
      refusal: / 429 .*OPEN_REQUESTS_PER_CALLER_MAX_COUNT/s,
      async run(address) {
        const user = await newReader();
        const { id } = await ask('/v1/responses', { input: 'go on', background: true }, user);
        return watch(address, Array<string>(60).fill(get(`/v1/responses/${id}?stream=true`, user)), 1);
      },
    },
    {
      name: 'streams of the tasks of one chat',
      budget: 'OPEN_REQUESTS_PER_CALLER_MAX_COUNT',
      refusal: / 429 .*OPEN_REQUESTS_PER_CALLER_MAX_COUNT/s,
      async run(address) {
        const user = await newReader();
        const parameters = { model: 'm', max_tokens: 100 };
        const preset = await ask('/api/v1/presets', { title: 'A scene', parameters }, user);
        const messages = [{ role: 'user', content: 'go on' }];
        const chat = await ask('/api/v1/chats', { preset_id: preset['id'], title: 'A chat', messages }, user);
        const streams: string[] = [];
        for (let at = 0; at < 60; at += 1) {
          const { task_id: task } = await ask('/api/v1/tasks', { chat_id: chat['id'] }, user);
          streams.push(get(`/api/v1/tasks/${task}/stream`, user));
        }
        return watch(address, streams, 60);
      },
    },
  ];

  for (const [at, flood] of floods.entries())
    it(`survives a flood of ${flood.name}: ${flood.budget} catches it, and it takes little memory`, () =>
      world.withstand(flood, `127.0.0.${at + 10}`));

  it('has its memory again after the floods, when the model has ended its replies', () => world.recover());

  it('has only budgets that are settings', () => {
    const known = new Set(Object.keys(limits).map(envNameOf));
    expect(Object.keys(budgets).filter((name) => !known.has(name))).to.deep.equal([]);
  });
});

/** Lets the model end the replies that have no end yet. */
function endReplies(): void {
  for (const reply of endless.keys()) reply.end('data: [DONE]\n\n');
  endless.clear();
}

function headersOf(headers: Record<string, string>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
