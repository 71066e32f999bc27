import { expect } from 'chai';
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../lib/common/json.ts';
import type { Connection } from '../../../lib/core/tool.ts';
import { digestAnswer } from '../../../lib/openspec/openapi/digest.ts';
import { openHttpDevice } from '../../support/http-device.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../../support/openapi-bench.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const SCHEMES: JsonObject = {
  header: { type: 'apiKey', in: 'header', name: 'X-Key' },
  query: { type: 'apiKey', in: 'query', name: 'key' },
  cookie: { type: 'apiKey', in: 'cookie', name: 'sid' },
  auth: { type: 'apiKey', in: 'header', name: 'Authorization' },
  basic: { type: 'http', scheme: 'Basic' },
  bearer: { type: 'http', scheme: 'bearer' },
  digest: { type: 'http', scheme: 'digest' },
  odd: { type: 'http', scheme: 'HOBA' },
  oidc: { type: 'openIdConnect', openIdConnectUrl: 'https://x' },
  linked: { $ref: '#/components/securitySchemes/header' },
};

describe('openapi security', () => {
  let bench: OpenapiBench;
  beforeEach(async () => {
    bench = await openOpenapiBench();
  });
  afterEach(() => bench.close());

  const document = (security: JsonObject[] | undefined, schemes: JsonObject = SCHEMES, path = '/a') =>
    oneOperation(path, 'get', security === undefined ? {} : { security }, {
      components: { securitySchemes: schemes },
    });

  /** What signed the request in: headers, query, cookies. */
  async function signs(security: JsonObject[] | undefined, connection: Connection): Promise<JsonObject> {
    const { seen, result } = await bench.call(
      document(security),
      {},
      { server: bench.device.url, ...connection },
    );
    const [request] = seen;
    if (request === undefined) throw new Error(JSON.stringify(result));
    const { headers, url } = request;
    const found = {
      authorization: headers.authorization,
      key: headers['x-key'],
      cookie: headers.cookie,
      query: url.split('?')[1],
    };
    return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as JsonObject;
  }

  const bearer: Connection = { apiKey: { type: 'bearer', apiKey: 'token-of-seed' } };
  const basic: Connection = { apiKey: { type: 'basic', apiKey: 'user:pass' } };
  const all: Connection = { credentials: { header: 'k1', query: 'k/2', cookie: 'k3', bearer: 'token-4' } };

  const table: [
    what: string,
    security: JsonObject[] | undefined,
    connection: Connection,
    expected: JsonObject,
  ][] = [
    ['nothing is asked and nothing given', undefined, {}, {}],
    ['the seed’s bearer key, nothing said', undefined, bearer, { authorization: 'Bearer token-of-seed' }],
    [
      'the seed’s basic key with a colon is encoded',
      undefined,
      basic,
      { authorization: `Basic ${base64('user:pass')}` },
    ],
    [
      'the seed’s basic key without one goes as it is',
      undefined,
      { apiKey: { type: 'basic', apiKey: 'dXNlcg==' } },
      { authorization: 'Basic dXNlcg==' },
    ],
    [
      'the seed’s key where another scheme is asked',
      [{ header: [] }],
      bearer,
      { authorization: 'Bearer token-of-seed' },
    ],
    [
      'the seed’s key for an Authorization header',
      [{ auth: [] }],
      bearer,
      { authorization: 'Bearer token-of-seed' },
    ],
    ['the seed’s key for OpenID Connect', [{ oidc: [] }], bearer, { authorization: 'Bearer token-of-seed' }],
    ['`security: []` asks for nothing', [], bearer, {}],
    ['`security: [{}]` too', [{}], bearer, {}],
    ['a key in a header', [{ header: [] }], all, { key: 'k1' }],
    ['a key in the query', [{ query: [] }], all, { query: 'key=k%2F2' }],
    ['a key in a cookie', [{ cookie: [] }], all, { cookie: 'sid=k3' }],
    ['a scheme behind a $ref', [{ linked: [] }], { credentials: { linked: 'k9' } }, { key: 'k9' }],
    [
      'all of one alternative',
      [{ header: [], query: [], cookie: [] }],
      all,
      { key: 'k1', query: 'key=k%2F2', cookie: 'sid=k3' },
    ],
    [
      'the first alternative that is complete',
      [{ header: [], digest: [] }, { query: [] }],
      all,
      { query: 'key=k%2F2' },
    ],
    ['signing in before going without', [{}, { bearer: [] }], all, { authorization: 'Bearer token-4' }],
    ['what there is, when none is complete', [{ odd: [] }, { header: [], digest: [] }], all, { key: 'k1' }],
    ['a scheme that does not exist', [{ nowhere: [] }], all, {}],
    [
      'the named credential over the seed’s key',
      [{ bearer: [] }],
      { ...all, ...bearer },
      { authorization: 'Bearer token-4' },
    ],
    [
      'a key beside the seed’s',
      [{ header: [], bearer: [] }],
      { credentials: { header: 'k1' }, ...bearer },
      { key: 'k1', authorization: 'Bearer token-of-seed' },
    ],
    [
      'basic as user and password',
      [{ basic: [] }],
      { credentials: { basic: { username: 'u', password: 'p:q' } } },
      { authorization: `Basic ${base64('u:p:q')}` },
    ],
    [
      'basic as text',
      [{ basic: [] }],
      { credentials: { basic: 'u:p' } },
      { authorization: `Basic ${base64('u:p')}` },
    ],
    [
      'a token for OpenID Connect',
      [{ oidc: [] }],
      { credentials: { oidc: 'tok' } },
      { authorization: 'Bearer tok' },
    ],
    [
      'an HTTP scheme of its own',
      [{ odd: [] }],
      { credentials: { odd: 'x=1' } },
      { authorization: 'HOBA x=1' },
    ],
    [
      'a bearer scheme with a user',
      [{ bearer: [] }],
      { credentials: { bearer: { username: 'u', password: 'p' } } },
      { authorization: `Basic ${base64('u:p')}` },
    ],
  ];
  for (const [what, security, connection, expected] of table) {
    it(what, async () => expect(await signs(security, connection)).to.deep.equal(expected));
  }

  it('is the document’s where the operation says nothing, and Swagger 2.0 names it in its own words', async () => {
    const { openapi: _, ...rest } = oneOperation('/a', 'get', {});
    const swagger = {
      swagger: '2.0',
      ...rest,
      security: [{ b: [] }],
      securityDefinitions: { b: { type: 'basic' } },
    };
    const { seen } = await bench.call(swagger, {}, { server: bench.device.url, credentials: { b: 'u:p' } });
    expect(seen[0]?.headers.authorization).to.equal(`Basic ${base64('u:p')}`);
  });

  describe('digest', () => {
    it('answers the examples of RFC 7616', () => {
      const challenge = (algorithm: string) =>
        `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;
      const user = { username: 'Mufasa', password: 'Circle of Life' };
      const request = { method: 'GET', path: '/dir/index.html' };
      const nonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
      expect(digestAnswer(challenge('MD5'), request, user, nonce)).to.contain(
        'response="8ca523f5e9506fed4657c9700eebdbec"',
      );
      expect(digestAnswer(challenge('SHA-256'), request, user, nonce)).to.contain(
        'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"',
      );
      expect(digestAnswer('Basic realm="x"', request, user)).to.equal(undefined);
      expect(digestAnswer('Digest realm="x", nonce="n", algorithm=MD4', request, user)).to.equal(undefined);
      expect(digestAnswer('Digest realm="x", nonce="n", qop="auth-int"', request, user)).to.equal(undefined);
    });

    it('asks again, once, with the answer to the challenge', async () => {
      const md5 = (text: string) => createHash('md5').update(text).digest('hex');
      bench.device.answer = (response, { headers }) => {
        if (headers.authorization === undefined) {
          response
            .writeHead(401, { 'www-authenticate': ['Basic realm="x"', 'Digest realm="r", nonce="n1"'] })
            .end();
        } else response.end('in');
      };
      const connection = {
        server: bench.device.url,
        credentials: { digest: { username: 'u', password: 'secret-p' } },
      };
      const { result, seen } = await bench.call(document([{ digest: [] }]), {}, connection);
      expect([result, seen.length]).to.deep.equal([{ statusCode: 200, body: 'in' }, 2]);
      const response = md5(`${md5('u:r:secret-p')}:n1:${md5('GET:/a')}`);
      expect(seen[1]?.headers.authorization).to.equal(
        `Digest username="u", realm="r", nonce="n1", uri="/a", response="${response}", algorithm=MD5`,
      );
    });

    it('leaves it at that when the answer is refused, or nothing can be answered', async () => {
      const connection = { server: bench.device.url, credentials: { digest: 'u:p' } };
      bench.device.answer = (response) =>
        response.writeHead(401, { 'www-authenticate': 'Digest realm="r", nonce="n", qop="auth"' }).end();
      const refused = await bench.call(document([{ digest: [] }]), {}, connection);
      expect([refused.seen.length, refused.result['statusCode']]).to.deep.equal([2, 401]);
      bench.device.answer = (response) => response.writeHead(401).end();
      const silent = await bench.call(document([{ digest: [] }]), {}, connection);
      expect([silent.seen.length, silent.result['statusCode']]).to.deep.equal([1, 401]);
    });
  });

  describe('a device that wants a credential', () => {
    const refusedWith = async (connection: Connection): Promise<unknown> => {
      bench.device.answer = (response) => response.writeHead(401).end();
      const { result } = await bench.call(
        document([{ header: [] }]),
        {},
        { server: bench.device.url, ...connection },
      );
      return (result['error'] as JsonObject)['message'];
    };

    it('is told about in words that say which one is missing, wrong or misspelt', async () => {
      expect(await refusedWith({})).to.match(
        /\. The document asks for "header"; none was given: put it into "credentials" \(--credentials '\{"header": "…"\}'\)\.$/,
      );
      expect(await refusedWith({ credentials: { haeder: 'k' } })).to.match(
        /\. The document asks for "header"; "haeder" is no scheme of it; did you mean "header"\?$/,
      );
      expect(await refusedWith({ credentials: { header: 'k' } })).to.match(
        /\. The document asks for "header"; the device did not accept the one that was given\.$/,
      );
    });
  });

  describe('OAuth 2.0 client credentials', () => {
    const scheme = (tokenUrl: string) => ({
      o: { type: 'oauth2', flows: { clientCredentials: { tokenUrl, scopes: {} } } },
    });
    const credentials = { o: { clientId: 'me', clientSecret: 's3cret/' } };
    let answers: { status: number; body: string }[];
    let asked: { authorization: string | undefined; body: string }[];

    beforeEach(() => {
      answers = [{ status: 200, body: '{"access_token":"token-one","expires_in":3600}' }];
      asked = [];
      bench.device.answer = (response, { url, headers, body }) => {
        if (url !== '/token') return response.end(headers.authorization);
        asked.push({ authorization: headers.authorization, body: body.toString() });
        const { status, body: text } = answers.shift() ?? { status: 500, body: '' };
        return response.writeHead(status).end(text);
      };
    });

    const call = async (tokenUrl = '/token', path = '/a') => {
      const { result } = await bench.call(
        document([{ o: ['read', 'write'] }], scheme(tokenUrl), path),
        {},
        { server: bench.device.url, credentials, credentialOrigins: ['http://169.254.169.254'] },
      );
      return result;
    };
    const arrived = () =>
      bench.device.seen.filter(({ url }) => url !== '/token').map(({ headers }) => headers.authorization);

    it('are never sent on by a redirect of the token endpoint, and the error names the target', async () => {
      bench.device.answer = (response) =>
        response.writeHead(307, { location: '/other?secret=1' }).end('{"access_token":"t"}');
      const { error } = await call();
      expect(error).to.deep.include({ code: 'unauthorized', effect: 'none' });
      expect((error as JsonObject)['message']).to.match(/HTTP 307, which redirects to \/other; give that/);
      expect(bench.device.seen.map(({ url }) => url)).to.deep.equal(['/token']);
    });

    it('fetch a token once, and keep it for all operations', async () => {
      await call();
      await call('/token', '/b');
      expect(arrived()).to.deep.equal(['Bearer token-one', 'Bearer token-one']);
      expect(asked).to.deep.equal([
        {
          authorization: `Basic ${base64('me:s3cret%2F')}`,
          body: 'grant_type=client_credentials&scope=read+write',
        },
      ]);
    });

    it('fetch one for all calls that wait for it', async () => {
      await Promise.all([call(), call(), call()]);
      expect([asked.length, arrived().length]).to.deep.equal([1, 3]);
    });

    it('fetch another when it is about to expire, and when the device refused it', async () => {
      answers = [0, 3600, 3600].map((seconds, at) => ({
        status: 200,
        body: `{"access_token":"token-${at}","expires_in":${seconds}}`,
      }));
      await call();
      await call();
      expect(arrived()).to.deep.equal(['Bearer token-0', 'Bearer token-1']);
      const { answer } = bench.device;
      bench.device.answer = (response, request) =>
        request.url === '/token' ? answer(response, request) : response.writeHead(401).end();
      expect(await call()).to.include({ statusCode: 401 });
      await call();
      expect(arrived().slice(2)).to.deep.equal(['Bearer token-1', 'Bearer token-2']);
    });

    it('come in the body where the header is not understood', async () => {
      answers.unshift({ status: 401, body: '{"error":"invalid_client"}' });
      expect((await call())['statusCode']).to.equal(200);
      expect(asked[1]).to.deep.equal({
        authorization: undefined,
        body: 'grant_type=client_credentials&scope=read+write&client_id=me&client_secret=s3cret%2F',
      });
    });

    it('that give no token leave the device alone, and say why; the next call asks again', async () => {
      answers = [
        { status: 400, body: '{"error":"invalid_scope"}' },
        { status: 400, body: '{"error":"invalid_scope"}' },
        { status: 200, body: 'no json' },
        { status: 200, body: '{"access_token":"token-late"}' },
      ];
      expect((await call())['error']).to.deep.equal({
        code: 'unauthorized',
        message: `No access token from ${bench.device.url}/token: HTTP 400, invalid_scope`,
        effect: 'none',
      });
      expect((await call())['error']).to.include({ code: 'unauthorized' });
      expect(arrived()).to.deep.equal([]);
      expect((await call())['statusCode']).to.equal(200);
    });

    it('never leave by another door', async () => {
      expect((await call('http://169.254.169.254/token'))['error']).to.include({
        code: 'unavailable',
        effect: 'none',
      });
      expect((await call('file:///etc/passwd'))['error']).to.include({
        code: 'invalid_server',
        effect: 'none',
      });
      expect(arrived()).to.deep.equal([]);
    });

    it('wait no longer than the call may take, and not at all for one that is stopped', async () => {
      bench.device.answer = () => {};
      const tool = await bench.toolOf(document([{ o: [] }], scheme('/token')));
      const connection = { server: bench.device.url, credentials };
      const late = await tool.call({}, { connection, signal: new AbortController().signal, timeoutMs: 30 });
      expect(late['error']).to.include({ code: 'ETIMEDOUT', effect: 'none' });
      const stopped = await tool.call({}, { connection, signal: AbortSignal.abort(), timeoutMs: 5000 });
      expect(stopped['error']).to.include({ code: 'cancelled', effect: 'none' });
    });
  });

  describe('secrets', () => {
    const canaries = [
      'canary-header-1',
      'canary-query-2',
      'canary-cookie-3',
      'canary-user-4',
      'canary-pass-5',
      'canary-secret-6',
      'canary-token-7',
      'canary-seed-8',
    ];
    const security = ['header', 'query', 'cookie', 'basic', 'bearer', 'oauth'];
    const connection: Connection = {
      apiKey: { type: 'bearer', apiKey: 'canary-seed-8' },
      credentials: {
        header: 'canary-header-1',
        query: 'canary-query-2',
        cookie: 'canary-cookie-3',
        basic: { username: 'someone', password: 'canary-pass-5' },
        bearer: 'canary-user-4',
        oauth: { clientId: 'me', clientSecret: 'canary-secret-6' },
      },
    };
    const schemes = {
      ...SCHEMES,
      oauth: { type: 'oauth2', flows: { clientCredentials: { tokenUrl: '/token' } } },
    };
    const hidden = [...canaries, base64('someone:canary-pass-5')];

    it('appear in no tool, no result and no error, not even when the device repeats them', async () => {
      const texts: string[] = [];
      const answers = [
        (all: string) => ({
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ all }),
        }),
        (all: string) => ({ status: 401, headers: { 'content-type': 'text/plain' }, body: all }),
        (all: string) => ({
          status: 302,
          headers: { location: `http://127.0.0.1:9/?${all.replaceAll(/[^\w=&%.-]/g, '')}` },
          body: '',
        }),
      ];
      for (const answer of answers) {
        bench.device.answer = (response, { url, headers }) => {
          if (url === '/token') return response.end('{"access_token":"canary-token-7"}');
          const { status, headers: more, body } = answer(JSON.stringify([url, headers]));
          return response.writeHead(status, more).end(body);
        };
        for (const name of [...security, 'none']) {
          const spec = await bench.compile(document(name === 'none' ? undefined : [{ [name]: [] }], schemes));
          for (const tool of spec.tools) {
            texts.push(JSON.stringify(tool));
            const context = { signal: new AbortController().signal, timeoutMs: 5000 };
            texts.push(
              JSON.stringify(
                await tool.call({}, { connection: { server: bench.device.url, ...connection }, ...context }),
              ),
            );
            texts.push(
              JSON.stringify(
                await tool.call(
                  {},
                  { connection: { server: 'http://127.0.0.1:9', ...connection }, ...context },
                ),
              ),
            );
            texts.push(
              JSON.stringify(
                await tool.call(
                  {},
                  { connection: { server: `http://x:canary-pass-5@127.0.0.1`, ...connection }, ...context },
                ),
              ),
            );
          }
          texts.push(JSON.stringify(spec.warnings));
        }
      }
      expect(texts.join('\n')).to.contain('[secret]');
      for (const secret of hidden) expect(texts.join('\n'), secret).not.to.contain(secret);
    });

    it('follow a redirect on the same origin, and no other one', async () => {
      const other = await openHttpDevice();
      bench.device.answer = (response, { url }) =>
        response.writeHead(302, { location: url === '/a' ? '/b' : `${other.url}/c` }).end();
      const { seen } = await bench.call(
        document([{ header: [] }]),
        {},
        { server: bench.device.url, ...connection },
      );
      expect(seen.map(({ url }) => url)).to.deep.equal(['/a', '/b']);
      expect(other.seen).to.deep.equal([]);
      await other.close();
    });
  });
});
