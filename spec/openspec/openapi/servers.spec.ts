import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import type { Connection } from '../../../lib/core/tool.ts';
import { SpecDocument } from '../../../lib/openspec/spec-document.ts';
import { parseServer, openapiServerUrl } from '../../../lib/openspec/openapi/servers.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../../support/openapi-bench.ts';

describe('openapi servers', () => {
  const v3 = (servers: JsonObject[], item: JsonObject = {}, operation: JsonObject = {}) =>
    openapiServerUrl(new SpecDocument({ openapi: '3.0.0', servers }), item, operation);
  const v2 = (root: JsonObject, operation: JsonObject = {}) =>
    openapiServerUrl(new SpecDocument({ swagger: '2.0', ...root }), {}, operation);
  const local = { servers: [{ url: 'http://item' }] };

  for (const [what, got, expected] of [
    ['none', v3([]), '/'],
    ['the first of the root', v3([{ url: 'https://a/v1' }, { url: 'https://b' }]), 'https://a/v1'],
    ['the path item over the root', v3([{ url: 'https://a' }], local), 'http://item'],
    [
      'the operation over both',
      v3([{ url: 'https://a' }], local, { servers: [{ url: 'http://op' }] }),
      'http://op',
    ],
    ['an empty list over nothing', v3([{ url: 'https://a' }], { servers: [] }), 'https://a'],
    [
      'one that can be called before one that cannot',
      v3([{ url: 'wss://a' }, { url: 'https://b' }]),
      'https://b',
    ],
    [
      'variables',
      v3([
        {
          url: '{scheme}://{host}:{port}/{v}',
          variables: {
            scheme: { default: 'https' },
            host: { default: 'h' },
            port: { default: 8443 },
            v: { enum: ['v2', 'v3'] },
          },
        },
      ]),
      'https://h:8443/v2',
    ],
    ['a variable that nobody gives', v3([{ url: 'https://{x}/' }]), 'https://{x}/'],
    ['an empty default', v3([{ url: 'https://a/{x}b', variables: { x: { default: '' } } }]), 'https://a/b'],
    ['Swagger 2.0', v2({ host: 'h:1', basePath: '/v1', schemes: ['http', 'https'] }), 'https://h:1/v1'],
    ['Swagger 2.0 over http', v2({ host: 'h', schemes: ['ws', 'http'] }), 'http://h/'],
    [
      'Swagger 2.0 with the schemes of an operation',
      v2({ host: 'h', schemes: ['http'] }, { schemes: ['https'] }),
      'https://h/',
    ],
    ['Swagger 2.0 without schemes', v2({ host: 'h', basePath: 'v1/' }), '//h/v1/'],
    ['Swagger 2.0 without a host', v2({ basePath: '/v1' }), '/v1'],
  ] as const) {
    it(`${what}: ${expected}`, () => expect(got).to.equal(expected));
  }

  for (const [url, source, expected] of [
    ['https://a.b/v1/', undefined, ['https://a.b', '/v1']],
    ['HTTP://A.b:80', undefined, ['http://a.b', '']],
    ['/v1', 'https://a.b/docs/openapi.json', ['https://a.b', '/v1']],
    ['v1', 'https://a.b/docs/openapi.json', ['https://a.b', '/docs/v1']],
    ['//c.d/v1', 'https://a.b/', ['https://c.d', '/v1']],
    ['//c.d/v1', undefined, ['http://c.d', '/v1']],
    ['192.168.1.5:8080', undefined, ['http://192.168.1.5:8080', '']],
    ['[::1]:80/x', undefined, ['http://[::1]', '/x']],
    ['http://a/ü b', undefined, ['http://a', '/%C3%BC%20b']],
  ] as const) {
    it(`${url}${source === undefined ? '' : `, in ${source},`} is ${expected.join(' and ')}`, () => {
      const { origin, path } = parseServer(url, source);
      expect([origin, path]).to.deep.equal(expected);
    });
  }

  for (const [url, said] of [
    ['/v1', 'is relative'],
    ['https://', 'cannot be read'],
    ['https://{region}.a.b/', 'variable without a value'],
    ['ftp://a/', 'only http and https'],
    ['file:///etc/passwd', 'only http and https'],
    ['https://me:secret@a/', 'user name or password'],
  ] as const) {
    it(`${url} is refused: ${said}`, () => expect(() => parseServer(url, '/some/file.yaml')).to.throw(said));
  }

  describe('on the wire', () => {
    let bench: OpenapiBench;
    before(async () => {
      bench = await openOpenapiBench();
    });
    after(() => bench.close());

    const urlOf = async (server: string | undefined, document: JsonObject) => {
      const connection: Connection = server === undefined ? {} : { server };
      const { seen, result } = await bench.call(document, {}, connection);
      return seen[0]?.url ?? result;
    };
    const document = (url: string) => oneOperation('/rooms', 'get', {}, { servers: [{ url }] });

    it("the document's own is called, below its path", async () => {
      expect(await urlOf(undefined, document(`${bench.device.url}/v1/`))).to.equal('/v1/rooms');
    });

    it('the one of the session is called instead, of the operation too', async () => {
      const elsewhere = { servers: [{ url: 'http://127.0.0.1:9/x' }] };
      const own = oneOperation('/rooms', 'get', elsewhere, elsewhere);
      for (const server of [bench.device.url, `127.0.0.1:${bench.device.port}`])
        expect(await urlOf(server, own)).to.equal('/rooms');
      expect(await urlOf(`${bench.device.url}/base`, own)).to.equal('/base/rooms');
    });

    it('without one the call gives advice', async () => {
      expect(await urlOf(undefined, document('/v1'))).to.deep.equal({
        error: {
          code: 'invalid_server',
          message: 'The document\'s server URL is relative: /v1. Give the device\'s base URL as "server".',
          effect: 'none',
        },
      });
    });
  });
});
