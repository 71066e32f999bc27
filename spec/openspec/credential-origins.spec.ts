import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import type { Connection } from '../../lib/core/tool.ts';
import { openEgress, type Egress } from '../../lib/drivers/egress.ts';
import type { DocumentEntry } from '../../lib/openspec/openspecs.ts';
import { openDocuments, type Documents } from '../../lib/openspecs.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';

describe('the credentials of an entry', () => {
  let egress: Egress;
  let documents: Documents;
  let own: HttpDevice;
  let other: HttpDevice;

  beforeEach(async () => {
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    documents = openDocuments({ egress, resultMaxBytes: 10_000, documentMaxBytes: 10_000 });
    [own, other] = await Promise.all([openHttpDevice(), openHttpDevice()]);
    for (const device of [own, other])
      device.answer = (response, { url, body }) => {
        if (url === '/token') return response.end('{"access_token":"token-of-device"}');
        if (url === '/doc') return response.end(JSON.stringify(served));
        const { id = 0 } = JSON.parse(body.toString() || '{}') as { id?: number };
        return response.end(JSON.stringify({ jsonrpc: '2.0', id, result: 1 }));
      };
  });
  afterEach(async () => {
    await documents.close();
    await egress.close();
    await Promise.all([own.close(), other.close()]);
  });

  /** The document that both devices serve. */
  let served: JsonObject;
  const key: Connection = { apiKey: { type: 'bearer', apiKey: 'key-of-the-device' } };
  const client: Connection = { credentials: { o: { clientId: 'me', clientSecret: 'secret-of-me' } } };

  const openapi = (operation: JsonObject, root: JsonObject = {}): JsonObject => ({
    openapi: '3.1.0',
    info: { title: 'D', version: '1' },
    paths: { '/a': { get: { operationId: 'a', ...operation } } },
    ...root,
  });
  const openrpc = (method: JsonObject, root: JsonObject = {}): JsonObject => ({
    openrpc: '1.3.2',
    methods: [{ name: 'a', params: [], result: { name: 'r', schema: {} }, ...method }],
    ...root,
  });
  const servers = (url: string): JsonObject => ({ servers: [{ url }] });
  const oauth = (tokenUrl: string): JsonObject => ({
    security: [{ o: [] }],
    components: {
      securitySchemes: { o: { type: 'oauth2', flows: { clientCredentials: { tokenUrl, scopes: {} } } } },
    },
  });

  /** Calls the only tool of an entry: its error, and the requests with credentials that each device got. */
  async function call(entry: DocumentEntry): Promise<{ error: unknown; own: string[]; other: string[] }> {
    const loaded = await documents.openspecs.load(entry);
    const [tool] = loaded.spec.tools;
    const { connection } = loaded;
    const { signal } = new AbortController();
    const result = await tool!.call({}, { connection, signal, timeoutMs: 5000 });
    loaded.release();
    const keysAt = ({ seen }: HttpDevice): string[] =>
      seen.flatMap(({ url, headers }) => (headers.authorization === undefined ? [] : [url]));
    return { error: result['error'], own: keysAt(own), other: keysAt(other) };
  }

  const refused = (owner: string): JsonObject => ({
    code: 'forbidden',
    message:
      `The credentials ${owner}, and the document sends them to ${other.url}. If that is right, add "${other.url}" to ` +
      '"credentialOrigins" beside the credentials, or give the device\'s address as "server"',
    effect: 'none',
  });

  /** Documents and entries that lead to the other origin, and the requests with a key that the own origin gets. */
  const foreign: [what: string, entry: () => DocumentEntry, own: string[]][] = [
    [
      'a server of the operation',
      () => ({ openSpec: openapi(servers(other.url), servers(own.url)), ...key }),
      [],
    ],
    [
      'a server of the path',
      () => ({
        openSpec: openapi({}, { ...servers(own.url), paths: { '/a': { ...servers(other.url), get: {} } } }),
        ...key,
      }),
      [],
    ],
    [
      'a server of the method',
      () => ({ openSpec: openrpc(servers(other.url), servers(own.url)), ...key }),
      [],
    ],
    [
      'a token endpoint',
      () => ({ openSpec: openapi({}, { ...servers(own.url), ...oauth(`${other.url}/token`) }), ...client }),
      [],
    ],
    [
      'a token endpoint beside the server of the entry',
      () => ({ openSpec: openapi({}, oauth(`${other.url}/token`)), server: own.url, ...client }),
      [],
    ],
    [
      'a document from a URL that names another server',
      () => {
        served = openapi({}, servers(other.url));
        return { openSpec: `${own.url}/doc`, ...key };
      },
      ['/doc'],
    ],
    [
      'an OpenRPC document from a URL that names another server',
      () => {
        served = openrpc({}, servers(other.url));
        return { openSpec: `${own.url}/doc`, ...key };
      },
      ['/doc'],
    ],
  ];
  for (const [what, entryOf, atOwn] of foreign) {
    it(`do not go to another origin: ${what}`, async () => {
      const entry = entryOf();
      expect(await call(entry)).to.deep.equal({
        error: refused(`belong to ${own.url}`),
        own: atOwn,
        other: [],
      });
      other.seen.length = 0;
      own.seen.length = 0;
      const allowed = await call({ ...entry, credentialOrigins: [`${other.url}/`] });
      expect(allowed.error).to.equal(undefined);
      expect(allowed.other).to.have.length(1);
    });
  }

  it('go to the origin of the entry, of the URL of the document, or of the root server', async () => {
    served = openapi({}, servers('/'));
    const entries: DocumentEntry[] = [
      { openSpec: openapi(servers(other.url), servers(other.url)), server: own.url, ...key },
      { openSpec: openapi({}), server: own.url.replace('http://', ''), ...key },
      { openSpec: `${own.url}/doc`, ...key },
      { openSpec: openapi({}, servers(`${own.url}/base`)), ...key },
      { openSpec: openrpc({}, servers(`${own.url}/rpc`)), ...key },
      { openSpec: openapi({}, { ...servers(own.url), ...oauth('/token') }), ...client },
    ];
    for (const entry of entries) {
      own.seen.length = 0;
      const called = await call(entry);
      expect(called.error).to.equal(undefined);
      expect(called.own.at(-1)).to.match(/\/(a|rpc)$/);
      expect(called.other).to.deep.equal([]);
    }
  });

  it('are not sent for the document itself when the server of the entry is elsewhere', async () => {
    served = openapi({});
    const called = await call({ openSpec: `${own.url}/doc`, server: other.url, ...key });
    expect(called).to.deep.equal({ error: undefined, own: [], other: ['/a'] });
  });

  it('are refused everywhere when the document has no root server, and calls without credentials go on', async () => {
    const openSpec = openapi(servers(other.url));
    expect(await call({ openSpec, ...key })).to.deep.equal({
      error: refused('have no origin of their own'),
      own: [],
      other: [],
    });
    expect(await call({ openSpec })).to.deep.equal({ error: undefined, own: [], other: [] });
    expect(other.seen.map(({ url }) => url)).to.deep.equal(['/a']);
  });
});
