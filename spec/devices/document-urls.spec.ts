import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';
import { lampDocument } from '../support/lamp.ts';

const { '/state': state, '/brightness': brightness } = lampDocument['paths'] as Record<string, JsonObject>;

describe('the document of a device behind a URL', () => {
  let place: HttpDevice;
  let folder: string;
  let app: TestApp | undefined;
  /** The document that the URL serves now; undefined: it answers with an error. */
  let served: JsonObject | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-urls-'));
    served = lampDocument;
    place = await openHttpDevice();
    place.answer = (response, { url }) => {
      const body = url === '/document.json' ? served : { on: true };
      response.writeHead(body ? 200 : 500, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? {}));
    };
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await place.close();
    await rm(folder, { recursive: true });
  });

  const device = (): JsonObject => ({ openSpec: `${place.url}/document.json`, server: place.url });
  const asked = (): number => place.seen.filter(({ url }) => url === '/document.json').length;
  const call = async (tool: string): Promise<unknown> =>
    (await app!.post(`/api/devices/desk/tools/${tool}`, { arguments: {} })).body;
  const put = async (body: JsonObject): Promise<JsonObject> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${app!.url}/api/devices/desk`, {
      method: 'PUT',
      headers,
      body: JSON.stringify(body),
    });
    return (await answer.json()) as JsonObject;
  };
  const toolNames = async (): Promise<string[]> => {
    const { tools } = (await app!.get('/api/devices/desk/tools')).body as { tools: { name: string }[] };
    return tools.map(({ name }) => name);
  };

  it('is fetched once: calls, lists and MCP hosts get the text that was checked, also while the URL serves another', async () => {
    app = await openTestApp();
    expect((await app.post('/api/devices', { name: 'desk', ...device() })).status).to.equal(201);
    served = { ...lampDocument, paths: { '/other': state! } };
    expect(await call('get_state')).to.have.property('statusCode', 200);
    served = undefined;
    expect(await call('get_state')).to.have.property('statusCode', 200);
    expect([await toolNames(), asked()]).to.deep.equal([['get_state', 'set_brightness'], 1]);
    const { version, openSpec, source } = (await app.get('/api/devices/desk')).body as JsonObject;
    expect([version, JSON.parse(openSpec as string), source]).to.deep.equal([
      1,
      lampDocument,
      `${place.url}/document.json`,
    ]);
  });

  it('is asked again by PUT alone, whose answer names the tools that differ', async () => {
    app = await openTestApp();
    await app.post('/api/devices', { name: 'desk', ...device() });
    const quieter = { get: { ...(state!['get'] as JsonObject), summary: 'Get the state now' } };
    served = { ...lampDocument, paths: { '/state': quieter, '/more': { get: { operationId: 'get_more' } } } };
    const changed = await put(device());
    expect([changed['version'], changed['toolChanges'], asked()]).to.deep.equal([
      2,
      { added: ['get_more'], removed: ['set_brightness'], changed: ['get_state'] },
      2,
    ]);
    const { openSpec, source } = (await app.get('/api/devices/desk')).body as JsonObject;
    const again = await put({ openSpec, source, server: place.url });
    expect([again['version'], again['toolChanges'], asked()]).to.deep.equal([
      3,
      { added: [], removed: [], changed: [] },
      2,
    ]);
  });

  it('of a file is asked at the first start and at SIGHUP, and not by a start after it', async () => {
    await mkdir(join(folder, 'devices'));
    await writeFile(join(folder, 'devices/desk.json'), JSON.stringify(device()));
    const env = {
      DEVICES_DIR: join(folder, 'devices'),
      DATABASE_URL: `sqlite:${join(folder, 'a.db')}`,
      DATA_DIR: folder,
    };
    app = await openTestApp(env);
    await app.close();
    served = { ...lampDocument, paths: { '/brightness': brightness! } };
    app = await openTestApp(env);
    expect([await toolNames(), asked()]).to.deep.equal([['get_state', 'set_brightness'], 1]);
    await app.reload();
    expect([await toolNames(), asked()]).to.deep.equal([['set_brightness'], 2]);
    const [listed] = (await app.get('/api/devices')).body as JsonObject[];
    expect(listed).to.have.property('version', 2);
  });

  it('is refused with a password in its source, too', async () => {
    app = await openTestApp();
    const source = 'http://user:secret-of-the-source@127.0.0.1/document.json';
    const { status, body } = await app.post('/api/devices', { name: 'desk', openSpec: lampDocument, source });
    expect([status, (body as JsonObject)['errors']]).to.deep.equal([
      400,
      [
        {
          pointer: '/source',
          detail: 'has a password or a key in it: give it as apiKey or credentials',
        },
      ],
    ]);
  });
});
