import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { lampDocument, openLamp } from '../support/lamp.ts';
import { waitFor } from '../support/wait-for.ts';

const step = { limits: [{ tools: ['set_brightness'], argument: 'brightness', maxStep: 10 }] };
const paths = lampDocument['paths'] as Record<string, JsonObject>;
/** The lamp with a second tool that sets its brightness, which no rule names. */
const document: JsonObject = {
  ...lampDocument,
  paths: {
    ...paths,
    '/dim': { put: { ...(paths['/brightness']!['put'] as JsonObject), operationId: 'dim' } },
  },
};

describe('the last value that a step is measured from', () => {
  let app: TestApp;
  let lamp: HttpDevice;
  let register: (rules?: JsonObject, method?: 'POST' | 'PUT') => Promise<number>;
  beforeEach(async () => {
    app = await openTestApp();
    const opened = await openLamp();
    lamp = opened;
    register = async (rules, method = 'POST') => {
      const body = { ...opened.registration('desk'), openSpec: document, ...(rules && { rules }) };
      const url = `${app.url}/api/devices${method === 'PUT' ? '/desk' : ''}`;
      const headers = { 'content-type': 'application/json' };
      return (await fetch(url, { method, headers, body: JSON.stringify(body) })).status;
    };
  });
  afterEach(async () => {
    await app.close();
    await lamp.close();
  });

  const call = async (tool: string, args: JsonObject = {}): Promise<string> => {
    const { body } = await app.post(`/api/devices/desk/tools/${tool}`, { arguments: args });
    return (body as { error?: { code: string } }).error?.code ?? 'done';
  };
  const set = (brightness: number): Promise<string> => call('set_brightness', { brightness });
  const dim = (brightness: number): Promise<string> => call('dim', { brightness });

  it('is that of a write from before the rule', async () => {
    await register();
    expect([await set(40), await set(60)]).to.deep.equal(['done', 'done']);
    await register(step, 'PUT');
    expect([await set(71), await set(70), await set(80)]).to.deep.equal(['limit_exceeded', 'done', 'done']);
  });

  it('is a step of tenths away, whatever the roundings of the numbers are', async () => {
    const put = paths['/brightness']!['put'] as JsonObject;
    const [brightness] = put['parameters'] as [JsonObject];
    const tenths = { ...brightness, schema: { type: 'number' } };
    const openSpec = { ...lampDocument, paths: { '/brightness': { put: { ...put, parameters: [tenths] } } } };
    const rules = { limits: [{ tools: ['set_brightness'], argument: 'brightness', maxStep: 0.1 }] };
    const device = {
      name: 'desk',
      openSpec,
      server: lamp.url,
      apiKey: { type: 'bearer', apiKey: 'lamp-key-0123456789' },
    };
    expect((await app.post('/api/devices', device)).status).to.equal(201);
    expect(await set(0.7)).to.equal('done');
    const headers = { 'content-type': 'application/json' };
    await fetch(`${app.url}/api/devices/desk`, {
      method: 'PUT',
      headers,
      body: JSON.stringify({ ...device, rules }),
    });
    expect([await set(0.8), await set(0.9001), await set(0.9)]).to.deep.equal([
      'done',
      'limit_exceeded',
      'done',
    ]);
  });

  it('is not known after a write from before the rule that failed', async () => {
    await register();
    lamp.answer = (response) => response.destroy();
    expect(await set(60)).not.to.equal('done');
    await register(step, 'PUT');
    expect(await set(60)).to.equal('limit_exceeded');
  });

  it('is that of another tool, which the rule does not name', async () => {
    await register(step);
    expect([await dim(90), await set(50), await set(85)]).to.deep.equal(['done', 'limit_exceeded', 'done']);
  });

  it('is not known while a write is on its way, also after a read, and is the written one after it', async () => {
    await register(step);
    expect(await dim(50)).to.equal('done');
    const held: (() => void)[] = [];
    lamp.answer = (response, { method }) => {
      const end = (): void => void response.end('{"brightness":50}');
      response.setHeader('content-type', 'application/json');
      if (method === 'PUT' && held.length === 0) held.push(end);
      else end();
    };
    const first = set(60);
    await waitFor(() => held.length === 1);
    expect([await call('get_state'), await set(55)]).to.deep.equal(['done', 'limit_exceeded']);
    held[0]!();
    expect([await first, await set(71), await set(70)]).to.deep.equal(['done', 'limit_exceeded', 'done']);
  });

  it('is not known after two writes at the same time, until a read', async () => {
    await register(step);
    const held: (() => void)[] = [];
    lamp.answer = (response, { method }) => {
      const end = (): void => void response.end('{"brightness":30}');
      response.setHeader('content-type', 'application/json');
      if (method === 'PUT' && held.length < 2) held.push(end);
      else end();
    };
    const writes = [dim(20), dim(30)];
    await waitFor(() => held.length === 2);
    for (const end of held) end();
    expect(await Promise.all(writes)).to.deep.equal(['done', 'done']);
    expect([await set(31), await call('get_state'), await set(31)]).to.deep.equal([
      'limit_exceeded',
      'done',
      'done',
    ]);
  });
});
