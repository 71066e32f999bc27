import { expect } from 'chai';
import { rawRequest } from '../support/raw-http.ts';
import { openTestServer, Refused, type TestServer } from '../support/test-server.ts';

/** The status of a GET with these headers. */
async function statusOf(
  port: number,
  headers: Record<string, string>,
  path = '/api/version',
): Promise<number> {
  const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(
    ([name, text]) => `${name}: ${text}\r\n`,
  );
  return (await rawRequest(port, `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)).status;
}

describe('the guard', () => {
  describe('on loopback', () => {
    let server: TestServer;
    before(async () => {
      server = await openTestServer({
        allowedOrigins: ['https://panel.example'],
        publicUrl: 'https://agent.example',
      });
    });
    after(() => server.close());

    it('takes a Host that names this machine, and no other [DNS rebinding]', async () => {
      for (const host of [
        'localhost',
        'LOCALHOST:1',
        'a.localhost',
        '127.0.0.1',
        '127.9.9.9:80',
        '[::1]:9527',
        'localhost.',
      ])
        expect(await statusOf(server.port, { Host: host }), host).to.equal(200);
      // The host of PUBLIC_URL, as proxies write it.
      for (const host of ['agent.example', 'agent.example:443', 'AGENT.example'])
        expect(await statusOf(server.port, { Host: host }), host).to.equal(200);
      for (const host of [
        'evil.example',
        'agent.example:80',
        'agent.example.',
        '127.0.0.1.evil.example',
        'localhost.evil.example',
        '10.0.0.1',
        '[::2]',
        '127.1',
        '',
      ])
        expect(await statusOf(server.port, { Host: host }), host).to.equal(403);
    });

    it('refuses in the shape of the dialect', async () => {
      const { status, headers, body } = await rawRequest(
        server.port,
        'GET /api/version HTTP/1.1\r\nHost: evil.example\r\n\r\n',
      );
      expect([status, headers['content-type'], JSON.parse(body)]).to.deep.equal([
        403,
        'application/problem+json',
        {
          type: 'about:blank',
          title: 'Forbidden',
          status: 403,
          detail: 'The Host header must name this machine: localhost or a loopback address.',
        },
      ]);
    });

    it('takes the same host and allowed origins, and no others', async () => {
      for (const origin of [
        `http://127.0.0.1:${server.port}`,
        'https://panel.example',
        'https://agent.example',
      ])
        expect(await statusOf(server.port, { Origin: origin }), origin).to.equal(200);
      for (const origin of [
        'https://evil.example',
        'null',
        'http://panel.example',
        'http://127.0.0.1:1',
        'x',
        'file://',
      ])
        expect(await statusOf(server.port, { Origin: origin }), origin).to.equal(403);
    });

    it('keeps a picture or a link of another site from stopping a session', async () => {
      const session = await server.session();
      const stop = `/api/stop?id=${session.id}`;
      const refused: Record<string, string>[] = [
        { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' },
        { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' },
        { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'no-cors' },
      ];
      for (const headers of refused) expect(await statusOf(server.port, headers, stop)).to.equal(403);
      expect(session.stopped).to.deep.equal([]);
    });

    it('lets a link of another site lead to an address where nothing is, and a picture of it not', async () => {
      const site = { 'Sec-Fetch-Site': 'cross-site', Accept: 'text/html,*/*;q=0.8' };
      const link = { ...site, 'Sec-Fetch-Mode': 'navigate' };
      expect(await statusOf(server.port, link, '/nowhere')).to.equal(404);
      expect(await statusOf(server.port, link, '/api/history')).to.equal(403);
      const picture = { ...site, 'Sec-Fetch-Mode': 'no-cors' };
      expect(await statusOf(server.port, picture, '/nowhere')).to.equal(403);
    });

    it('shows pictures to the pages of allowed origins, and to no others', async () => {
      const picture = {
        'Sec-Fetch-Site': 'cross-site',
        'Sec-Fetch-Mode': 'no-cors',
        'Sec-Fetch-Dest': 'image',
      };
      const near = { ...picture, 'Sec-Fetch-Site': 'same-site' };
      for (const headers of [picture, near]) {
        const allowed = { ...headers, Referer: 'https://panel.example/' };
        expect(await statusOf(server.port, allowed)).to.equal(200);
        for (const referer of ['https://panel.example.evil.example/', 'https://evil.example/', 'null', ''])
          expect(await statusOf(server.port, { ...headers, Referer: referer }), referer).to.equal(403);
      }
      const session = await server.session();
      const stop = { ...picture, Referer: 'https://panel.example/' };
      expect(await statusOf(server.port, stop, `/api/stop?id=${session.id}`)).to.equal(403);
      expect(session.stopped).to.deep.equal([]);
    });

    it('keeps every browser from a GET that changes something, and no script', async () => {
      const session = await server.session();
      const browsers: Record<string, string>[] = [
        { 'Sec-Fetch-Site': 'none' },
        { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors' },
        { 'Sec-Fetch-Mode': 'navigate' },
        { 'Sec-Fetch-Dest': 'image' },
        { 'Sec-Fetch-User': '?1' },
        { Origin: 'https://panel.example' },
        { Origin: `http://127.0.0.1:${server.port}` },
        { Referer: `http://127.0.0.1:${server.port}/docs` },
        { Referer: 'https://other.example/' },
      ];
      for (const path of [`/api/stop?id=${session.id}`, `/api/clear?id=${session.id}`])
        for (const headers of browsers)
          expect(await statusOf(server.port, headers, path), JSON.stringify(headers)).to.equal(403);
      expect(session.stopped).to.deep.equal([]);
      const script = `/api/stop?id=${session.id}`;
      expect(await statusOf(server.port, {}, script)).to.equal(200);
      expect((await server.call(script)).status, 'the fetch of Node').to.equal(200);
      const origin = 'https://panel.example';
      expect((await server.call(script, { method: 'POST', headers: { origin } })).status).to.equal(200);
      expect(session.stopped).to.deep.equal([undefined, undefined, undefined]);
    });

    it('takes one host that is well formed', async () => {
      const malformed = [
        'evil.com/.localhost',
        'evil.com#.localhost',
        'evil.com?.localhost',
        'evil.com\\.localhost',
        'user@localhost',
        'user:pass@localhost:80',
        'localhost:80:80',
        'localhost:x',
        'localhost:99999',
        'localhost:-1',
        'local host',
        'evil.com,localhost',
        '[::1',
        '[::1]x',
        '[::1%25lo]',
        '::1',
        '%6cocalhost',
        'http://localhost',
      ];
      for (const host of malformed) expect(await statusOf(server.port, { Host: host }), host).to.equal(400);
      const raw = (lines: string) => rawRequest(server.port, `GET ${lines}\r\n\r\n`);
      const heads: [lines: string, status: number][] = [
        ['/api/version HTTP/1.1\r\nHost: localhost\r\nHost: localhost', 400],
        ['/api/version HTTP/1.1\r\nHost: localhost\r\nHost: evil.com', 400],
        ['http://localhost/api/version HTTP/1.1\r\nHost: LOCALHOST', 200],
        ['http://localhost:80/api/version HTTP/1.1\r\nHost: localhost', 200],
        ['http://evil.com/api/version HTTP/1.1\r\nHost: localhost', 400],
        ['http://localhost/api/version HTTP/1.1\r\nHost: evil.com', 400],
        ['http://user@localhost/api/version HTTP/1.1\r\nHost: localhost', 400],
        ['http://evil.com/api/version HTTP/1.1\r\nHost: evil.com', 403],
      ];
      for (const [lines, status] of heads) expect((await raw(lines)).status, lines).to.equal(status);
    });

    it('takes the same origin in its one spelling', async () => {
      const host = `127.0.0.1:${server.port}`;
      for (const origin of [
        `http://x@${host}`,
        `http://${host}/`,
        `HTTP://${host}`,
        `http://${host}, http://${host}`,
      ])
        expect(await statusOf(server.port, { Origin: origin }), origin).to.equal(403);
      expect(await statusOf(server.port, { Host: 'localhost:80', Origin: 'http://localhost' })).to.equal(200);
    });

    it('lets pages of allowed origins call across sites, with CORS', async () => {
      const headers = { origin: 'https://panel.example', 'sec-fetch-site': 'cross-site' };
      const answer = await rawRequest(
        server.port,
        `GET /api/nothing HTTP/1.1\r\nHost: localhost\r\nOrigin: ${headers.origin}\r\nSec-Fetch-Site: cross-site\r\n\r\n`,
      );
      expect(answer.status).to.equal(404);
      expect(answer.headers).to.include({
        'access-control-allow-origin': 'https://panel.example',
        'access-control-expose-headers':
          'X-Request-ID, X-Trace-ID, Retry-After, X-Should-Retry, Idempotent-Replayed, Mcp-Session-Id, ' +
          'WWW-Authenticate, Content-Disposition, ETag',
        vary: 'Origin',
      });
    });

    it('answers the preflight of allowed origins, and of no others', async () => {
      const preflight = (origin: string) =>
        rawRequest(
          server.port,
          `OPTIONS /api/init HTTP/1.1\r\nHost: localhost\r\nOrigin: ${origin}\r\n` +
            'Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type, openai-beta\r\n' +
            'Access-Control-Request-Private-Network: true\r\n\r\n',
        );
      const allowed = await preflight('https://panel.example');
      expect(allowed.status).to.equal(204);
      expect(allowed.headers).to.include({
        'access-control-allow-origin': 'https://panel.example',
        'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
        'access-control-allow-credentials': 'true',
        'access-control-allow-headers': 'content-type, openai-beta',
        'access-control-allow-private-network': 'true',
        'access-control-max-age': '600',
      });
      const foreign = await preflight('https://evil.example');
      expect(foreign.status).to.equal(403);
      expect(foreign.headers).not.to.have.property('access-control-allow-origin');
    });

    it('watches over upgrades too', async () => {
      const { id } = await server.session();
      const refusals: Record<string, string>[] = [
        { Origin: 'https://evil.example' },
        { Host: 'evil.example' },
        { 'Sec-Fetch-Site': 'cross-site' },
      ];
      for (const headers of refusals) {
        const refused = await server
          .connect(`/api/chat?id=${id}`, [], { headers })
          .open()
          .catch((error: unknown) => error);
        expect(refused).to.be.instanceOf(Refused).and.include({ status: 403 });
      }
      const origin = 'https://panel.example';
      const socket = await server.connect(`/api/chat?id=${id}`, [], { headers: { Origin: origin } }).open();
      socket.ws.send('ping');
      expect(await socket.take(1)).to.deep.equal(['pong']);
    });
  });

  describe('elsewhere', () => {
    it('takes any Host, and believes the forwarded host of trusted proxies only', async () => {
      const behind = await openTestServer({ loopback: false, trustedProxies: ['127.0.0.0/8'] });
      expect(await statusOf(behind.port, { Host: 'agent.example' })).to.equal(200);
      const forwarded = {
        Host: 'inner',
        Origin: 'https://agent.example',
        'X-Forwarded-Host': 'agent.example',
        'X-Forwarded-For': '1.1.1.1, 203.0.113.9, 127.0.0.2',
      };
      expect(await statusOf(behind.port, forwarded)).to.equal(200);
      expect(behind.log.at(-1)?.fields.client_ip).to.equal('203.0.113.9');
      for (const [chain, client] of [
        ['1.1.1.1, 203.0.113.9:4711', '203.0.113.9'],
        ['1.1.1.1, [2001:db8::1]:4711', '2001:db8::1'],
        ['1.1.1.1, unknown', '127.0.0.1'], // the proxy did not see 1.1.1.1: the client wrote it
        ['1.1.1.1, _hidden, 127.0.0.2', '127.0.0.2'],
      ] as const) {
        await statusOf(behind.port, { ...forwarded, 'X-Forwarded-For': chain });
        expect(behind.log.at(-1)?.fields.client_ip, chain).to.equal(client);
      }
      for (const host of ['evil/.agent.example', 'a@agent.example'])
        expect(await statusOf(behind.port, { ...forwarded, 'X-Forwarded-Host': host })).to.equal(400);
      expect(await statusOf(behind.port, { Host: 'evil/.agent.example' })).to.equal(400);
      await behind.close();

      const alone = await openTestServer({ loopback: false });
      expect(await statusOf(alone.port, forwarded)).to.equal(403);
      expect(alone.log.at(-1)?.fields.client_ip).to.equal('127.0.0.1');
      await alone.close();
    });
  });
});
