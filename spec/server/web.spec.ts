import { once } from 'node:events';
import { createConnection } from 'node:net';
import { expect } from 'chai';
import { AppError } from '../../lib/errors.ts';
import { rawRequest } from '../support/raw-http.ts';
import { waitFor } from '../support/wait-for.ts';
import { openTestServer, type TestServer } from '../support/test-server.ts';

const json = { 'content-type': 'application/json' };

/** A problem, whole [RFC 9457]. */
function problem(status: number, title: string, detail: string, errors?: unknown): object {
  return { type: 'about:blank', title, status, detail, ...(errors !== undefined && { errors }) };
}

describe('the HTTP side', () => {
  let server: TestServer;
  before(async () => {
    server = await openTestServer({ limits: { initMaxBytes: 1000 } });
  });
  after(() => server.close());

  async function refused(
    path: string,
    init?: RequestInit,
  ): Promise<{ type: string | null; problem: unknown }> {
    const response = await server.call(path, init);
    const body = (await response.json()) as { status: number };
    expect(body.status).to.equal(response.status);
    return { type: response.headers.get('content-type'), problem: body };
  }

  const table: [string, string, RequestInit, object][] = [
    ['an unknown path', '/api/nothing', {}, problem(404, 'Not Found', 'There is nothing at /api/nothing.')],
    ['a path of no dialect', '/x', {}, problem(404, 'Not Found', 'There is nothing at /x.')],
    [
      'a method that a path does not have',
      '/api/init',
      { method: 'PUT' },
      problem(404, 'Not Found', 'There is no PUT at /api/init, only POST.'),
    ],
    [
      'a body that is not JSON',
      '/api/init',
      { method: 'POST', headers: { 'content-type': 'application/x-yaml' }, body: 'a: 1' },
      problem(415, 'Unsupported Media Type', 'The body must be application/json, not application/x-yaml.'),
    ],
    [
      'a compressed body',
      '/api/init',
      { method: 'POST', headers: { ...json, 'content-encoding': 'gzip' }, body: 'x' },
      problem(415, 'Unsupported Media Type', 'The body must come without a Content-Encoding.'),
    ],
    [
      'malformed JSON',
      '/api/init',
      { method: 'POST', headers: json, body: '{\n "systemPrompt": "a",\n}' },
      problem(400, 'Bad Request', 'Not JSON: unexpected "}" at position 24 (line 3, column 1).'),
    ],
    [
      'an empty body',
      '/api/init',
      { method: 'POST', headers: json },
      problem(400, 'Bad Request', 'Not JSON: the text is empty.'),
    ],
    [
      'bytes that are not UTF-8',
      '/api/init',
      { method: 'POST', headers: json, body: Buffer.from([0x22, 0xff, 0x22]) },
      problem(400, 'Bad Request', 'The body is not UTF-8.'),
    ],
    [
      'bytes that break off within a character',
      '/api/init',
      { method: 'POST', headers: json, body: Buffer.from([0x22, 0xe2, 0x82]) },
      problem(400, 'Bad Request', 'The body is not UTF-8.'),
    ],
    [
      'a body over the limit',
      '/api/init',
      { method: 'POST', headers: json, body: JSON.stringify({ systemPrompt: 'x'.repeat(1000) }) },
      problem(413, 'Payload Too Large', 'The body is larger than 1000 bytes.'),
    ],
    [
      'a body with faults',
      '/api/init',
      { method: 'POST', headers: json, body: '{"systemPrompt":1,"timeoutSeconds":-1}' },
      problem(
        400,
        'Bad Request',
        'The body is not valid: /systemPrompt must be string; /timeoutSeconds must be > 0.',
        [
          { pointer: '/systemPrompt', detail: 'must be string' },
          { pointer: '/timeoutSeconds', detail: 'must be > 0' },
        ],
      ),
    ],
  ];
  for (const [name, path, init, expected] of table)
    it(`refuses ${name} with problem details`, async () => {
      expect(await refused(path, init)).to.deep.equal({
        type: 'application/problem+json',
        problem: expected,
      });
    });

  it('refuses a body over the limit without a Content-Length', async () => {
    const chunk = `190\r\n${'x'.repeat(400)}\r\n`;
    const head = 'POST /api/init HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
    const { status } = await rawRequest(server.port, head, chunk, chunk, chunk);
    expect(status).to.equal(413);
  });

  it('takes JSON under any JSON name, and without one', async () => {
    for (const type of [
      'application/json; charset=utf-8',
      'application/vnd.api+json',
      'APPLICATION/JSON',
      undefined,
    ]) {
      const head = `POST /api/init HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n`;
      const { status } = await rawRequest(
        server.port,
        `${head}${type ? `Content-Type: ${type}\r\n` : ''}\r\n{}`,
      );
      expect(status, type).to.equal(200);
    }
  });

  it('ignores __proto__, also when it is spelled with escapes', async () => {
    for (const body of [
      '{"systemPrompt":"a","__proto__":{"memoryTools":true},"llmConfig":{"__proto__":{"model":"m"}}}',
      String.raw`{"systemPrompt":"a","\u005f_proto_\u005F":{"memoryTools":true}}`,
      String.raw`{"systemPrompt":"a","__pr\u006ft\u006F__":{"memoryTools":true}}`,
    ]) {
      const response = await server.call('/api/init', { method: 'POST', headers: json, body });
      const { id } = (await response.json()) as { id: string };
      expect(server.sessions.all.get(id)?.created).to.deep.equal({
        model: { temperature: 0, maxTokens: 4096, topP: 1 },
        systemPrompt: 'a',
        documents: [],
        children: [],
        taskStrategy: 'serial',
        toolStrategy: 'parallel',
        memoryTools: false,
        timeoutSeconds: 3600,
      });
    }
  });

  it('asks for the body of a client that waits to be asked, and refuses a large one unasked', async () => {
    const head =
      'POST /api/init HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n';
    const asked = await rawRequest(server.port, `${head}Content-Length: 2\r\n\r\n`, '{}');
    expect(asked.status).to.equal(100);
    const refusedUnasked = await rawRequest(server.port, `${head}Content-Length: 5000\r\n\r\n`);
    expect(refusedUnasked.status).to.equal(413);
  });

  it('gives every answer an id: the one it was asked with, or a new one', async () => {
    const given = await server.call('/api/version', { headers: { 'x-request-id': 'abc-1' } });
    expect(given.headers.get('x-request-id')).to.equal('abc-1');
    const made = await server.call('/api/version', { headers: { 'x-request-id': 'a b"c' } });
    expect(made.headers.get('x-request-id')).to.match(/^[\da-f-]{36}$/);
    expect(await made.json()).to.deep.equal({ version: '9.8.7' });
    expect(made.headers.get('x-content-type-options')).to.equal('nosniff');
  });

  it('answers HEAD as GET, without a body', async () => {
    const response = await server.call('/api/version', { method: 'HEAD' });
    expect([response.status, response.headers.get('content-length'), await response.text()]).to.deep.equal([
      200,
      '19',
      '',
    ]);
  });

  it('does nothing on HEAD where GET changes something', async () => {
    const session = await server.session();
    const ask = async (path: string) => {
      const { status, headers } = await server.call(`${path}?id=${session.id}`, { method: 'HEAD' });
      return [status, headers.get('content-type')];
    };
    for (const path of ['/api/stop', '/api/clear'])
      expect(await ask(path), path).to.deep.equal([404, 'application/problem+json']);
    expect([session.stopped, await ask('/api/history')]).to.deep.equal([[], [200, 'application/json']]);
  });

  it('answers clients that offer HTTP/2, as Java and curl do, in HTTP/1.1, and closes the connection', async () => {
    const offer =
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n';
    const ask = (head: string, body = '') =>
      rawRequest(server.port, `${head} HTTP/1.1\r\nHost: localhost\r\n${offer}${body}`);
    const got = await ask('GET /api/version', '\r\n');
    expect([got.status, got.headers['connection'], got.body]).to.deep.equal([
      200,
      'close',
      '{"version":"9.8.7"}',
    ]);
    const made = await ask('POST /api/init', 'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}');
    expect([made.status, made.headers['connection']]).to.deep.equal([200, 'close']);
  });

  it('closes the connection of a CONNECT', async () => {
    const socket = createConnection(server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write('CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'close');
    expect(text).to.equal('');
  });

  it('takes an absolute target, and refuses one that is none', async () => {
    const get = (target: string) =>
      rawRequest(server.port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect((await get('http://localhost/api/version?x=1')).status).to.equal(200);
    expect((await get('http://[/api')).status).to.equal(400);
    expect((await get('/api/history?id=%E0%A4%A')).status).to.equal(404);
  });

  it('answers bytes that are not HTTP', async () => {
    const { status, headers, body } = await rawRequest(server.port, 'HELLO\r\n\r\n');
    expect([status, headers['content-type'], JSON.parse(body)]).to.deep.equal([
      400,
      'application/problem+json',
      problem(400, 'Bad Request', 'This is not an HTTP request.'),
    ]);
    const long = await rawRequest(
      server.port,
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    );
    expect(long.status).to.equal(431);
  });

  it('writes one line a request, without its query', async () => {
    server.log.length = 0;
    await server.call('/api/history?id=secret', { headers: { 'x-request-id': 'r1', 'x-trace-id': 't1' } });
    await server.call('/healthz');
    const lines = server.log.map(({ level, text, fields }) => {
      expect(fields.response_time_ms).to.be.a('number');
      const { response_time_ms: _, ...rest } = fields;
      return { level, text, ...rest };
    });
    expect(lines[0]).to.deep.equal({
      level: 'info',
      text: 'GET /api/history',
      request_id: 'r1',
      trace_id: 't1',
      client_ip: '127.0.0.1',
      method: 'GET',
      path: '/api/history',
      status: 404,
      user_id: 'anonymous',
    });
    expect(lines[1]).to.include({ level: 'debug', path: '/healthz', status: 200 });
  });

  it('keeps to the trace of its caller, where that has a harmless name', async () => {
    const traceOf = async (headers: Record<string, string>) =>
      (await server.call('/healthz', { headers })).headers.get('x-trace-id');
    const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    expect(await traceOf({ 'x-trace-id': 'a.b:c-1', traceparent: parent })).to.equal('a.b:c-1');
    expect(await traceOf({ 'x-trace-id': 'a b', traceparent: parent })).to.equal(
      '4bf92f3577b34da6a3ce929d0e0e4736',
    );
    for (const traceparent of ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', 'x', ''])
      expect(await traceOf({ traceparent })).to.match(/^(?!0+$)[\da-f]{32}$/);
  });

  it('keeps an unexpected failure to the log', async () => {
    server.log.length = 0;
    server.sessions.failNext(new TypeError('secret detail'));
    const answer = await refused('/api/init', { method: 'POST', headers: json, body: '{}' });
    expect(answer.problem).to.deep.equal(
      problem(500, 'Internal Server Error', 'The server failed; its log says why.'),
    );
    const line = server.log.find(({ level }) => level === 'error');
    expect(line?.fields.err).to.have.property('cause').that.is.instanceOf(TypeError);
  });

  it('sends Retry-After', async () => {
    server.sessions.failNext(
      new AppError('too_many_requests', 'Too many sessions.', { retryAfterSeconds: 7.2 }),
    );
    const response = await server.call('/api/init', { method: 'POST', headers: json, body: '{}' });
    expect([response.status, response.headers.get('retry-after')]).to.deep.equal([429, '8']);
  });

  it('names the faults of a document by pointer', async () => {
    const errors = [{ pointer: '/openSpecList/0/openSpec', detail: 'has no operation' }];
    server.sessions.failNext(
      new AppError('spec_invalid', 'The first document is of no use.', { faults: errors }),
    );
    const answer = await refused('/api/init', { method: 'POST', headers: json, body: '{}' });
    expect(answer.problem).to.deep.equal(
      problem(400, 'Bad Request', 'The first document is of no use.', errors),
    );
  });

  it('says that it lives and takes work', async () => {
    for (const [path, status] of [
      ['/healthz', 'ok'],
      ['/readyz', 'ready'],
    ] as const) {
      const response = await server.call(path);
      expect([response.status, await response.json()]).to.deep.equal([200, { status }]);
    }
  });
});

describe('a request that does not arrive', () => {
  it('is answered with 408 and dropped: headers, or a body', async () => {
    const server = await openTestServer({ arrivalMs: { headers: 50, request: 100 } });
    const detail = 'The request took too long to arrive.';
    for (const sent of [
      'GET /api/version HTTP/1.1\r\nHost: localhost\r\nX: ',
      'POST /api/init HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"a',
    ]) {
      const { status, headers, body } = await rawRequest(server.port, sent);
      expect([status, headers['connection'], JSON.parse(body)]).to.deep.equal([
        408,
        'close',
        problem(408, 'Request Timeout', detail),
      ]);
    }
    await server.close();
  });

  it('is forgotten when its client breaks off', async () => {
    const server = await openTestServer();
    const client = createConnection(server.port, '127.0.0.1');
    const begun = 'POST /api/init HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"a';
    await new Promise((resolve) => client.write(begun, resolve));
    client.destroy(); // the bytes arrive first, then the end
    await waitFor(() => server.log.length > 0);
    expect(server.log.at(-1)?.fields).to.include({ path: '/api/init', aborted: true });
    await server.close();
  });
});

describe('a server that goes down', () => {
  it('answers 503 with Retry-After, still says that it lives, and ends its sockets with 1012', async () => {
    const server = await openTestServer();
    const { id } = await server.session();
    const socket = await server.connect(`/api/chat?id=${id}`).open();
    server.drain();
    const refused = await server.call(`/api/history?id=${id}`);
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).to.deep.equal([
      503,
      '1',
      problem(503, 'Service Unavailable', 'The server is going down; try again.'),
    ]);
    expect((await server.call('/healthz')).status).to.equal(200);
    expect((await server.call('/readyz')).status).to.equal(503);
    socket.ws.send('ping');
    expect(await socket.take(1)).to.deep.equal(['pong']);
    const closing = server.close();
    expect((await socket.closed).code).to.equal(1012);
    await closing;
  });

  it('is not ready while a dependency is down', async () => {
    const ready = async () => {
      throw new AppError('unavailable', 'The store is down.');
    };
    const server = await openTestServer({ ready });
    const response = await server.call('/readyz');
    expect([response.status, await response.json()]).to.deep.equal([
      503,
      problem(503, 'Service Unavailable', 'The store is down.'),
    ]);
    await server.close();
  });

  it('says which address it cannot have', async () => {
    const first = await openTestServer();
    const error = await openTestServer({ port: first.port }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(AppError);
    expect(error).to.include({
      code: 'unavailable',
      message: `Cannot listen on 127.0.0.1:${first.port}: it is in use: set PORT to another.`,
    });
    await first.close();
  });

  it('shows an IPv6 address in brackets', async () => {
    const server = await openTestServer({ host: '::1' });
    expect(server.url).to.equal(`http://[::1]:${server.port}`);
    expect((await server.call('/api/version')).status).to.equal(200);
    await server.close();
  });
});
