import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { limits, envNameOf } from '../../lib/settings.ts';
import { FloodServer, frameOf, handshakeOf, type FloodAnswer } from '../support/flood-server.ts';
import { waitFor } from '../support/wait-for.ts';

const MiB = 1024 * 1024;
/** A server that is held for so long is frozen. (attacks.spec.ts looks for shorter holds, one input at a time.) */
const FROZEN_MS = 1000;
/** Bodies are read in turns: many of them hold the server hardly longer than one. */
const BODIES_HELD_MAX_MS = 400;
/** The budgets of this server: small, so that a flood of a second is over each of them. */
const budgets = {
  REQUESTS_PER_MINUTE_MAX_COUNT: '300',
  CONNECTIONS_PER_ADDRESS_MAX_COUNT: '200',
  SOCKETS_PER_CALLER_MAX_COUNT: '50',
  SESSIONS_PER_OWNER_MAX_COUNT: '200',
  SESSIONS_PER_OWNER_MAX_BYTES: String(64 * MiB),
  QUEUED_TASKS_MAX_COUNT: '20',
  REQUEST_BODY_TIMEOUT_MS: '1500',
  SOCKET_BUFFER_MAX_BYTES: String(MiB),
  SOCKET_STALL_TIMEOUT_MS: '1500',
  SOCKET_INPUT_MAX_BYTES: String(8 * MiB),
  WAITING_DOCUMENTS_PER_CALLER_MAX_COUNT: '10',
  BODIES_MAX_BYTES: String(64 * MiB),
  FILES_PER_OWNER_MAX_BYTES: String(2 * MiB),
} as const;

/** A flood: the budget that catches it, and the refusals that it got, as many as came. */
interface Flood {
  name: string;
  budget: string;
  refusal: RegExp;
  /** Another bound than that of a frozen server. */
  heldMaxMs?: number;
  run(address: string): Promise<string[]>;
}

describe('a server under a flood', function () {
  this.timeout(120_000);
  let server: FloodServer;
  let folder: string;
  let session: string;
  let loadedMiB: number;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'floods-'));
    server = await FloodServer.open({ ...budgets, DATA_DIR: folder });
    // The loaded server: every kind of work was done once, and some sessions are open.
    for (let at = 0; at < 100; at += 1) session = await newSession('127.0.1.1');
    const yaml = await init('127.0.1.1', yamlOf('first', 20_000));
    expect(yaml.status, yaml.text).to.equal(200);
    const made = await register('127.0.1.1', 'first');
    expect(made.status, made.text).to.equal(200);
    loadedMiB = (await server.report()).memoryMiB;
  });
  afterEach(() => server?.cut());
  after(async () => {
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  const init = (address: string, openSpec?: string): Promise<FloodAnswer> =>
    server.send(address, 'POST', '/api/init', {
      body: openSpec === undefined ? {} : { openSpecList: [{ openSpec }] },
    });
  const newSession = async (address: string): Promise<string> =>
    (JSON.parse((await init(address)).text) as { id: string }).id;
  const yamlOf = (mark: string, keys: number): string =>
    'openapi: 3.0.0\ninfo: {title: t, version: "1"}\npaths: {/a: {get: {responses: {}}}}\n' +
    `x-${mark}:\n${Array.from({ length: keys }, (_, at) => `  key${at}: ${at}\n`).join('')}`;
  const register = (address: string, name: string): Promise<FloodAnswer> =>
    server.send(address, 'POST', '/api/v1/user/register', {
      body: { username: name, email: `${name}@example.com`, password: 'right horse battery 7' },
    });
  const all = (count: number, work: (at: number) => Promise<FloodAnswer>): Promise<string[]> =>
    Promise.all(
      Array.from({ length: count }, async (_, at) => {
        const { status, text } = await work(at).catch((error: Error) => ({ status: 0, text: error.message }));
        return `${status} ${text}`;
      }),
    );
  /** What connections that were opened at once have received, when each of them is refused or closed. */
  async function opened(address: string, count: number, text: string, isOver: RegExp): Promise<string[]> {
    const open = await Promise.all(Array.from({ length: count }, () => server.connect(address, text)));
    await waitFor(() => open.some(({ received }) => isOver.test(received)), 30_000);
    return open.map(({ received }) => received);
  }

  const floods: Flood[] = [
    {
      name: 'registrations',
      budget: 'the throttle of registrations',
      refusal: /^(429|503) /,
      run: (address) => all(70, (at) => register(address, `flood${at}`)),
    },
    {
      name: 'sign-ins with wrong passwords',
      budget: 'the throttle of sign-ins',
      refusal: /^(429|503) /,
      run: (address) =>
        all(70, () =>
          server.send(address, 'POST', '/api/v1/user/login', {
            body: { email: 'first@example.com', password: 'wrong' },
          }),
        ),
    },
    {
      name: 'requests',
      budget: 'REQUESTS_PER_MINUTE_MAX_COUNT',
      refusal: /^429 .*REQUESTS_PER_MINUTE_MAX_COUNT/,
      async run(address) {
        const answers: string[] = [];
        for (let round = 0; round < 5; round += 1)
          answers.push(...(await all(100, () => server.send(address, 'GET', '/api/status'))));
        return answers;
      },
    },
    {
      name: 'pipelined requests whose answers nobody reads',
      budget: 'REQUESTS_PER_MINUTE_MAX_COUNT',
      refusal: /429 Too Many Requests/,
      async run(address) {
        const one = 'GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n';
        const connection = await server.connect(address, one.repeat(3000));
        connection.socket.pause();
        connection.socket.write(one.repeat(3000));
        await server.report();
        connection.socket.resume();
        await waitFor(() => / 429 /.test(connection.received), 30_000);
        return [connection.received];
      },
    },
    {
      name: 'frames',
      budget: 'REQUESTS_PER_MINUTE_MAX_COUNT',
      refusal: /\x88..\xf0/s, // the close code 1008 [RFC 6455 7.4.1]
      run(address) {
        return framed(address, Buffer.concat(Array<Buffer>(3000).fill(frameOf('ping'))), /\x88..\xf0/s);
      },
    },
    {
      name: 'tasks that wait in one session',
      budget: 'QUEUED_TASKS_MAX_COUNT',
      refusal: /limit_reached/,
      run(address) {
        const say = frameOf(JSON.stringify({ type: 'text', message: 'x'.repeat(1000) }));
        return framed(address, Buffer.concat(Array<Buffer>(500).fill(say)), /limit_reached/);
      },
    },
    {
      name: 'connections',
      budget: 'CONNECTIONS_PER_ADDRESS_MAX_COUNT',
      refusal: /CONNECTIONS_PER_ADDRESS_MAX_COUNT/,
      run: (address) => opened(address, 300, '', /CONNECTIONS_PER_ADDRESS_MAX_COUNT/),
    },
    {
      name: 'requests whose headers never end',
      budget: 'CONNECTIONS_PER_ADDRESS_MAX_COUNT',
      refusal: /^HTTP\/1.1 408/,
      run: (address) => opened(address, 190, 'GET /api/status HTTP/1.1\r\nHost: loc', / 408 /),
    },
    {
      name: 'bodies that never end',
      budget: 'REQUEST_BODY_TIMEOUT_MS',
      refusal: /^HTTP\/1.1 408/,
      run: (address) =>
        opened(
          address,
          190,
          'POST /api/init HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n' +
            `{"a":"${'x'.repeat(30_000)}`,
          / 408 /,
        ),
    },
    {
      name: 'WebSockets',
      budget: 'SOCKETS_PER_CALLER_MAX_COUNT',
      refusal: /SOCKETS_PER_CALLER_MAX_COUNT/,
      run: (address) => opened(address, 100, handshakeOf(session), /SOCKETS_PER_CALLER_MAX_COUNT/),
    },
    {
      name: 'messages of WebSockets that never end',
      budget: 'SOCKET_INPUT_MAX_BYTES',
      refusal: /\x88..[\xe8-\xff]/s,
      async run(address) {
        const head = frameOf('x'.repeat(1_000_000)).subarray(0, 900_000);
        const open = await Promise.all(
          Array.from({ length: 40 }, () => server.connect(address, handshakeOf(session))),
        );
        await waitFor(() => open.every(({ received }) => received.includes('101')));
        for (const { socket } of open) socket.write(head);
        await waitFor(
          () => open.some(({ received, socket }) => socket.destroyed || /\x88/.test(received)),
          30_000,
        );
        return open.flatMap(({ received }) =>
          /\x88/.test(received) ? [received.slice(received.indexOf('\x88'))] : [],
        );
      },
    },
    {
      name: 'large bodies at once',
      budget: 'BODIES_MAX_BYTES',
      refusal: /^(429|503) .*BODIES_MAX_BYTES/,
      heldMaxMs: BODIES_HELD_MAX_MS,
      run: (address) =>
        all(30, () =>
          server.send(address, 'POST', '/api/init', { body: { systemPrompt: 'x'.repeat(4 * MiB) } }),
        ),
    },
    {
      name: 'bodies with a million empty objects',
      budget: 'BODIES_MAX_BYTES',
      refusal: /^(413|429|503) .*BODIES_MAX_BYTES/,
      heldMaxMs: BODIES_HELD_MAX_MS,
      run: (address) =>
        all(30, () =>
          server.send(address, 'POST', '/api/init', { body: `{"openSpecList":[${'{},'.repeat(MiB)}{}]}` }),
        ),
    },
    {
      name: 'bodies with more values than a schema checks',
      budget: 'the reader of the schema',
      refusal: /^400 .*100000 values/,
      heldMaxMs: BODIES_HELD_MAX_MS,
      run: (address) =>
        all(6, () =>
          server.send(address, 'POST', '/api/init', { body: `{"devices":[${'"a",'.repeat(MiB / 2)}"a"]}` }),
        ),
    },
    {
      name: 'large bodies on every route that takes one',
      budget: 'the limit of each route',
      refusal: /^(400|401|403|404|405|409|413|415|422|429|503) /,
      async run(address) {
        const document = JSON.parse((await server.send(address, 'GET', '/openapi.json')).text) as {
          paths: Record<string, Record<string, { requestBody?: unknown }>>;
        };
        const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
          Object.entries(methods)
            .filter(([, { requestBody }]) => requestBody !== undefined)
            .map(([method]) => [method.toUpperCase(), path.replaceAll(/\{[^}]*\}/g, '1')] as const),
        );
        expect(routes).to.have.length.above(50);
        const answers: string[] = [];
        for (const [method, path] of routes) {
          const body = `{"a":"${'x'.repeat(2 * MiB)}"}`;
          answers.push(...(await all(1, () => server.send(address, method, path, { body }))));
        }
        return answers;
      },
    },
    {
      name: 'JSON that is nested deeply',
      budget: 'the parser of JSON',
      refusal: /^(400|429|503) /,
      run: (address) =>
        all(6, () => server.send(address, 'POST', '/api/init', { body: '['.repeat(2 * MiB) })),
    },
    {
      name: 'many headers',
      budget: 'the parser of HTTP',
      refusal: /^HTTP\/1.1 431/,
      run: (address) =>
        opened(
          address,
          50,
          `GET /api/status HTTP/1.1\r\nHost: localhost\r\n${'X-A: 1\r\n'.repeat(20_000)}\r\n`,
          / 431 /,
        ),
    },
    {
      name: 'documents at once',
      budget: 'WAITING_DOCUMENTS_PER_CALLER_MAX_COUNT',
      refusal: /^429 .*documents/,
      run: (address) => all(24, (at) => init(address, yamlOf(`m${at}`, 3000))),
    },
    {
      name: 'sessions',
      budget: 'SESSIONS_PER_OWNER_MAX_COUNT',
      refusal: /^429 /,
      async run(address) {
        const answers: string[] = [];
        for (let round = 0; round < 3; round += 1) answers.push(...(await all(60, () => init(address))));
        return answers;
      },
    },
  ];

  /** What a socket that has sent these frames has received, when the flood is refused. */
  async function framed(address: string, frames: Buffer, isOver: RegExp): Promise<string[]> {
    const connection = await server.connect(address, handshakeOf(await newSession(address)));
    await waitFor(() => connection.received.includes('101'));
    connection.socket.write(frames);
    await waitFor(() => isOver.test(connection.received), 30_000);
    return [connection.received];
  }

  for (const [at, { name, budget, refusal, heldMaxMs = FROZEN_MS, run }] of floods.entries())
    it(`of ${name} is caught by ${budget}, and takes little memory`, async () => {
      await server.report();
      const answers = await run(`127.0.0.${at + 10}`);
      const refused = answers.filter((text) => refusal.test(text));
      expect(refused.length, answers.slice(0, 3).join('\n').slice(0, 500)).to.be.above(0);
      const seen = await server.report();
      expect(seen.heldMs, 'ms in which the event loop was held').to.be.below(heldMaxMs);
      expect(seen.memoryMiB / loadedMiB, `${seen.memoryMiB} MiB of ${loadedMiB} MiB`).to.be.below(2);
      expect((await server.send('127.0.1.2', 'GET', '/healthz')).status).to.equal(200);
    });

  it('has only budgets that are settings', () => {
    const known = new Set(Object.keys(limits).map(envNameOf));
    expect(Object.keys(budgets).filter((name) => !known.has(name))).to.deep.equal([]);
  });
});
