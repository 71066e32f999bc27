import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import type { Connection } from '../../lib/core/tool.ts';
import { openEgress, type Egress } from '../../lib/drivers/egress.ts';
import { createHttpDriver } from '../../lib/drivers/http.ts';
import { createJsonrpcDriver } from '../../lib/drivers/jsonrpc.ts';
import { AppError, SpecError } from '../../lib/errors.ts';
import { createDocumentFetch, type FetchDocument } from '../../lib/openspec/fetch.ts';
import { openOpenspecs } from '../../lib/openspec/openspecs.ts';
import { openrpc } from '../../lib/openspec/openrpc/openrpc.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';
import { refusalOf, rejection } from '../support/refusal.ts';

const rootKeys = ['openapi', 'swagger', 'openrpc', 'openmodbus'];

describe('openspec/fetch', () => {
  let egress: Egress;
  let device: HttpDevice;
  let other: HttpDevice;
  let fetchDocument: FetchDocument;
  const document = {
    openrpc: '1.3.2',
    methods: [{ name: 'm', params: [], result: { name: 'r', schema: {} } }],
  };

  beforeEach(async () => {
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    const http = createHttpDriver({ egress, resultMaxBytes: 1024 });
    const jsonrpc = createJsonrpcDriver({ http, resultMaxBytes: 1024 });
    fetchDocument = createDocumentFetch({ http, jsonrpc, rootKeys, maxBytes: 10_000, timeoutMs: 2000 });
    [device, other] = await Promise.all([openHttpDevice(), openHttpDevice()]);
  });

  afterEach(async () => {
    await egress.close();
    await Promise.all([device.close(), other.close()]);
  });

  const get = (path: string, connection: Connection = {}, signal?: AbortSignal): Promise<string> =>
    fetchDocument(device.url + path, connection, signal);
  const refusal = (path: string, signal?: AbortSignal): Promise<AppError> => refusalOf(get(path, {}, signal));
  /** Answers `rpc.discover` with the document, and GET as told. */
  const discoverable = (status: number, text: string): void => {
    device.answer = (response, { method, body }) => {
      if (method === 'GET') {
        response.writeHead(status).end(text);
        return;
      }
      const { id, method: called } = JSON.parse(body.toString()) as JsonObject;
      response.end(
        JSON.stringify({ id: id ?? null, ...(called === 'rpc.discover' ? { result: document } : {}) }),
      );
    };
  };

  it('takes the document that the URL serves', async () => {
    for (const text of ['{"openapi":"3.1.0"}', 'swagger: "2.0"\n', '\n{ "openrpc" : "1.3.2" }']) {
      device.answer = (response) => response.end(text);
      expect(await get('/doc?v=1', { apiKey: { type: 'bearer', apiKey: 'k' } })).to.equal(text);
    }
    expect(device.seen.map(({ method, url, headers }) => [method, url, headers.authorization])).to.deep.equal(
      Array.from({ length: 3 }, () => ['GET', '/doc?v=1', 'Bearer k']),
    );
  });

  it('asks a JSON-RPC endpoint to describe itself', async () => {
    for (const [status, text] of [
      [405, ''],
      [404, '{"error":"no"}'],
      [200, '<p>openapi: see here</p>'],
      [200, '{"ok":true}'],
    ] as const) {
      discoverable(status, text);
      expect(JSON.parse(await get('/rpc', { apiKey: { type: 'bearer', apiKey: 'k' } }))).to.deep.equal(
        document,
      );
    }
    expect(device.seen.map(({ method, headers }) => [method, headers.authorization])).to.deep.equal(
      Array.from({ length: 8 }, (_, index) => [index % 2 === 0 ? 'GET' : 'POST', 'Bearer k']),
    );
  });

  it('follows redirects, without the key to another server', async () => {
    device.answer = (response, { url }) =>
      response.writeHead(302, { location: url === '/a' ? '/b' : `${other.url}/doc` }).end();
    other.answer = (response) => response.end('{"openapi":"3.0.0"}');
    expect(await get('/a', { apiKey: { type: 'bearer', apiKey: 'k' } })).to.equal('{"openapi":"3.0.0"}');
    expect(
      [...device.seen, ...other.seen].map(({ url, headers }) => [url, headers.authorization]),
    ).to.deep.equal([
      ['/a', 'Bearer k'],
      ['/b', 'Bearer k'],
      ['/doc', undefined],
    ]);
  });

  it('reports the answer of the URL', async () => {
    const cases: [() => void, RegExp][] = [
      [
        () => (device.answer = (response) => response.writeHead(404).end()),
        /^No document behind http:\/\/127\.0\.0\.1:\d+\/x: it answers HTTP 404, and rpc\.discover failed: The device answered HTTP 404/,
      ],
      [
        () => (device.answer = (response) => response.end('<html>')),
        /it serves no document, and rpc\.discover failed: .*it is no JSON/,
      ],
      [
        () => (device.answer = (response) => response.end(`{"openapi":"${'x'.repeat(20_000)}"}`)),
        /it serves more than 10000 bytes, and rpc\.discover failed/,
      ],
      [
        () => (device.answer = (response) => response.writeHead(302, { location: '/x' }).end()),
        /it redirects more than 5 times/,
      ],
      [
        () =>
          (device.answer = (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end()),
        /it leads to file:/,
      ],
      [() => (device.answer = (_, { socket }) => socket.destroy()), /other side closed|ECONNRESET|reset/i],
    ];
    for (const [prepare, message] of cases) {
      prepare();
      const error = await refusal('/x');
      expect(error).to.be.instanceOf(SpecError);
      expect(error.message).to.match(message);
    }
    for (const url of ['http://', 'http://user:secret@127.0.0.1/']) {
      const error = await rejection(fetchDocument(url, {}, undefined));
      expect(error).to.be.instanceOf(SpecError);
      expect((error as SpecError).message)
        .to.match(/^The document's URL cannot be used/)
        .and.not.match(/secret/);
    }
  });

  it('stops when its signal aborts', async () => {
    const stop = new AbortController();
    stop.abort();
    expect((await refusal('/x', stop.signal)).code).to.equal('stopped');
    expect(device.seen).to.deep.equal([]);
  });

  it('gives a document whose tools call the URL that described itself', async () => {
    discoverable(405, '');
    const http = createHttpDriver({ egress, resultMaxBytes: 1024 });
    const jsonrpc = createJsonrpcDriver({ http, resultMaxBytes: 1024 });
    const openspecs = openOpenspecs({
      kinds: [openrpc(jsonrpc)],
      discover: createDocumentFetch({ http, jsonrpc, rootKeys }),
    });
    const { spec, connection, release } = await openspecs.load({ openSpec: `${device.url}/rpc` });
    device.answer = (response) => response.end('{"id":2,"result":5}');
    const result = await spec.tools[0]?.call(
      {},
      { connection, signal: new AbortController().signal, timeoutMs: 2000 },
    );
    expect(result).to.deep.equal({ statusCode: 200, body: '{"id":2,"result":5}' });
    expect(device.seen.map(({ method, url }) => `${method} ${url}`)).to.deep.equal([
      'GET /rpc',
      'POST /rpc',
      'POST /rpc',
    ]);
    release();
    openspecs.close();
  });
});
