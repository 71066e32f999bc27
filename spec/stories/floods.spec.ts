import { expect } from 'chai';
import { limits, envNameOf } from '../../lib/settings.ts';
import { frameOf, handshakeOf } from '../support/flood-server.ts';
import { FloodWorld, yamlOf, type Flood } from '../support/flood-world.ts';
import { waitFor } from '../support/wait-for.ts';

const MiB = 1024 * 1024;
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

describe('a server under a flood', function () {
  this.timeout(120_000);
  this.retries(1); // A busy machine doubles the time of a hold now and then, and a fault would do so twice.
  const world = new FloodWorld(budgets);
  before(() => world.open());
  afterEach(() => world.server.cut());
  after(() => world.close());

  const floods: Flood[] = [
    {
      name: 'registrations',
      budget: 'the throttle of registrations',
      refusal: /^(429|503) /,
      run: (address) => world.all(70, (at) => world.register(address, `flood${at}`)),
    },
    {
      name: 'sign-ins with wrong passwords',
      budget: 'the throttle of sign-ins',
      refusal: /^(429|503) /,
      run: (address) =>
        world.all(70, () =>
          world.server.send(address, 'POST', '/api/v1/user/login', {
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
          answers.push(...(await world.all(100, () => world.server.send(address, 'GET', '/api/status'))));
        return answers;
      },
    },
    {
      name: 'pipelined requests whose answers nobody reads',
      budget: 'the turns of requests',
      refusal: / 429 .*More than 256 requests wait on this connection/s,
      async run(address) {
        const one = 'GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n';
        const connection = await world.server.connect(address, one.repeat(3000));
        connection.socket.pause();
        connection.socket.write(one.repeat(3000));
        await world.server.report();
        connection.socket.resume();
        await waitFor(() => connection.socket.closed, 30_000);
        return [connection.received];
      },
    },
    {
      name: 'pipelined requests on many connections',
      budget: 'REQUESTS_PER_MINUTE_MAX_COUNT',
      refusal: / 429 .*REQUESTS_PER_MINUTE_MAX_COUNT/s,
      run: (address) =>
        world.opened(
          address,
          40,
          'GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(200),
          /REQUESTS_PER_MINUTE_MAX_COUNT/,
        ),
    },
    {
      name: 'frames',
      budget: 'REQUESTS_PER_MINUTE_MAX_COUNT',
      refusal: /\x88..\xf0/s, // the close code 1008 [RFC 6455 7.4.1]
      run(address) {
        return world.framed(address, Buffer.concat(Array<Buffer>(3000).fill(frameOf('ping'))), /\x88..\xf0/s);
      },
    },
    {
      name: 'tasks that wait in one session',
      budget: 'QUEUED_TASKS_MAX_COUNT',
      refusal: /limit_reached/,
      run(address) {
        const say = frameOf(JSON.stringify({ type: 'text', message: 'x'.repeat(1000) }));
        return world.framed(address, Buffer.concat(Array<Buffer>(500).fill(say)), /limit_reached/);
      },
    },
    {
      name: 'connections',
      budget: 'CONNECTIONS_PER_ADDRESS_MAX_COUNT',
      refusal: /CONNECTIONS_PER_ADDRESS_MAX_COUNT/,
      run: (address) => world.opened(address, 300, '', /CONNECTIONS_PER_ADDRESS_MAX_COUNT/),
    },
    {
      name: 'requests whose headers never end',
      budget: 'CONNECTIONS_PER_ADDRESS_MAX_COUNT',
      refusal: /^HTTP\/1.1 408/,
      run: (address) => world.opened(address, 190, 'GET /api/status HTTP/1.1\r\nHost: loc', / 408 /),
    },
    {
      name: 'bodies that never end',
      budget: 'REQUEST_BODY_TIMEOUT_MS',
      refusal: /^HTTP\/1.1 408/,
      run: (address) =>
        world.opened(
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
      run: (address) =>
        world.opened(address, 100, handshakeOf(world.session), /SOCKETS_PER_CALLER_MAX_COUNT/),
    },
    {
      name: 'messages of WebSockets that never end',
      budget: 'SOCKET_INPUT_MAX_BYTES',
      refusal: /\x88..[\xe8-\xff]/s,
      async run(address) {
        const head = frameOf('x'.repeat(1_000_000)).subarray(0, 900_000);
        const open = await Promise.all(
          Array.from({ length: 40 }, () => world.server.connect(address, handshakeOf(world.session))),
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
        world.all(30, () =>
          world.server.send(address, 'POST', '/api/init', { body: { systemPrompt: 'x'.repeat(4 * MiB) } }),
        ),
    },
    {
      name: 'bodies with a million empty objects',
      budget: 'BODIES_MAX_BYTES',
      refusal: /^(413|429|503) .*BODIES_MAX_BYTES/,
      heldMaxMs: BODIES_HELD_MAX_MS,
      run: (address) =>
        world.all(30, () =>
          world.server.send(address, 'POST', '/api/init', {
            body: `{"openSpecList":[${'{},'.repeat(MiB)}{}]}`,
          }),
        ),
    },
    {
      name: 'bodies with more values than a schema checks',
      budget: 'the reader of the schema',
      refusal: /^400 .*100000 values/,
      heldMaxMs: BODIES_HELD_MAX_MS,
      run: (address) =>
        world.all(6, () =>
          world.server.send(address, 'POST', '/api/init', {
            body: `{"devices":[${'"a",'.repeat(MiB / 2)}"a"]}`,
          }),
        ),
    },
    {
      name: 'large bodies on every route that takes one',
      budget: 'the limit of each route',
      refusal: /^(400|401|403|404|405|409|413|415|422|429|503) /,
      async run(address) {
        const document = JSON.parse((await world.server.send(address, 'GET', '/openapi.json')).text) as {
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
          answers.push(...(await world.all(1, () => world.server.send(address, method, path, { body }))));
        }
        return answers;
      },
    },
    {
      name: 'a document with 300,000 members',
      budget: 'the reader of documents',
      refusal: /^400 .*more than 200000 members/,
      heldMaxMs: BODIES_HELD_MAX_MS,
      run: (address) =>
        world.all(1, () => {
          const members = Array.from({ length: 300_000 }, (_, at) => `"member${at}":"${'x'.repeat(60)}"`);
          const body = `{"openSpecList":[{"openSpec":{"openapi":"3.0.0",${members.join(',')}}}]}`;
          return world.server.send(address, 'POST', '/api/init', { body });
        }),
    },
    {
      name: 'JSON that is nested deeply',
      budget: 'the parser of JSON',
      refusal: /^(400|429|503) /,
      run: (address) =>
        world.all(6, () => world.server.send(address, 'POST', '/api/init', { body: '['.repeat(2 * MiB) })),
    },
    {
      name: 'many headers',
      budget: 'the parser of HTTP',
      refusal: /^HTTP\/1.1 431/,
      run: (address) =>
        world.opened(
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
      run: (address) => world.all(24, (at) => world.init(address, yamlOf(`m${at}`, 3000))),
    },
    {
      name: 'sessions',
      budget: 'SESSIONS_PER_OWNER_MAX_COUNT',
      refusal: /^429 /,
      async run(address) {
        const answers: string[] = [];
        for (let round = 0; round < 3; round += 1)
          answers.push(...(await world.all(60, () => world.init(address))));
        return answers;
      },
    },
  ];

  for (const [at, flood] of floods.entries())
    it(`of ${flood.name} is caught by ${flood.budget}, and takes little memory`, () =>
      world.withstand(flood, `127.0.0.${at + 10}`));

  it('has its memory again after the floods', () => world.recover());

  it('has only budgets that are settings', () => {
    const known = new Set(Object.keys(limits).map(envNameOf));
    expect(Object.keys(budgets).filter((name) => !known.has(name))).to.deep.equal([]);
  });
});
