import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../../support/app.ts';
import type { HttpDevice } from '../../support/http-device.ts';
import { openLamp } from '../../support/lamp.ts';
import { startModelServer, type ModelServer } from '../../support/model-server.ts';

const steps = [
  { calls: [{ name: 'get_state', arguments: {} }] },
  { calls: [{ name: 'set_brightness', arguments: { brightness: 40 } }] },
  { text: 'Done.' },
];
const limits = [{ tools: ['set_brightness'], maxCalls: 1, perSeconds: 3600 }];

const said = { type: 'text', message: 'Set it to 40.' };

/** The ways to ask for a dry run: with the session, with a message, and by a rule of the device. */
const ways: Record<string, { init?: JsonObject; frame?: unknown; rules?: JsonObject }> = {
  'the session': { init: { dryRun: true } },
  'a message': { frame: { ...said, dryRun: true } },
  'a message in pieces': { frame: [said, { ...said, dryRun: true }] },
  'a message with a content list': { frame: { contentList: [said], dryRun: true } },
  'a piece of a content list': { frame: { contentList: [{ ...said, dryRun: true }] } },
  'a rule': { rules: { calls: [{ effect: 'write', decision: 'dry_run' }], limits } },
};

/** The same frame, for a real run. */
function withoutDryRun(frame: unknown): unknown {
  return JSON.parse(JSON.stringify(frame, (key, value: unknown) => (key === 'dryRun' ? undefined : value)));
}

describe('a dry run', () => {
  let app: TestApp;
  let lamp: HttpDevice & { registration(name: string): JsonObject };
  const models: ModelServer[] = [];
  beforeEach(async () => {
    lamp = await openLamp();
    app = await openTestApp();
  });
  afterEach(async () => {
    await app.close();
    await lamp.close();
    for (const model of models.splice(0)) await model.close();
  });

  async function register(name: string, rules: JsonObject = { limits }): Promise<void> {
    const { status } = await app.post('/api/devices', { ...lamp.registration(name), rules });
    expect(status).to.equal(201);
  }

  /** Works one task; resolves with the order of the envelopes, and the result of the write. */
  async function work(
    device: string,
    { init, frame = said }: { init?: JsonObject; frame?: unknown } = {},
  ): Promise<{ order: string[]; result: JsonObject }> {
    const model = await startModelServer(steps);
    models.push(model);
    const llmConfig = { baseUrl: model.baseUrl, apiKey: 'k', model: 'm' };
    const chat = await app.chat(await app.init({ llmConfig, devices: [device], ...init }));
    chat.send(frame);
    await chat.tasksEnded(1);
    await chat.close();
    model.expectDone();
    const returned = chat.seen.filter(({ from, type }) => from === 'tool' && type === 'toolReturn');
    const { result } = returned.at(-1)!.message as { result: JsonObject };
    const order = chat.seen.map(
      ({ from, to, type, message }) => `${from} ${to} ${type === 'text' ? String(message) : type}`,
    );
    return { order, result };
  }
  const requests = () => lamp.seen.map(({ method, url }) => `${method} ${url}`);

  for (const [what, { rules, ...how }] of Object.entries(ways))
    it(`of ${what} sends reads and no writes, with the envelopes of a real one, and counts nothing`, async () => {
      await register('dry', rules);
      const first = await work('dry', how);
      const second = await work('dry', how);
      expect(requests()).to.deep.equal(['GET /state', 'GET /state']);
      for (const { result } of [first, second]) {
        const { dryRun, request } = result as { dryRun: boolean; request: JsonObject };
        expect({ dryRun, method: request['method'], url: request['url'] }).to.deep.equal({
          dryRun: true,
          method: 'PUT',
          url: `${lamp.url}/brightness?brightness=40`,
        });
      }
      await register('real');
      const real = await work('real', how.frame === undefined ? {} : { frame: withoutDryRun(how.frame) });
      expect(first.order).to.deep.equal(real.order);
      expect(real.result).to.have.property('statusCode', 200);
    });

  it('leaves the whole limit to the writes that are sent after it', async () => {
    await register('lamp');
    await work('lamp', { frame: { ...said, dryRun: true } });
    const sent = await work('lamp');
    const over = await work('lamp');
    expect(sent.result).to.have.property('statusCode', 200);
    expect(over.result).to.have.nested.property('error.code', 'limit_exceeded');
    expect(requests().filter((line) => line.startsWith('PUT'))).to.deep.equal([
      'PUT /brightness?brightness=40',
    ]);
  });

  it('is not missed because its name is misspelt: nothing is done then', async () => {
    await register('lamp', {});
    const misspelt = { pointer: '/dry_run', detail: 'is not known; did you mean "dryRun"?' };
    const called = await app.post('/api/devices/lamp/tools/set_brightness', {
      arguments: { brightness: 40 },
      dry_run: true,
    });
    expect([called.status, (called.body as JsonObject)['errors']]).to.deep.equal([400, [misspelt]]);
    const opened = await app.post('/api/init', { devices: ['lamp'], dry_run: true });
    expect([opened.status, (opened.body as JsonObject)['errors']]).to.deep.equal([400, [misspelt]]);
    const chat = await app.chat(await app.init({ devices: ['lamp'] }));
    chat.send({ ...said, DryRun: true });
    await chat.until(() => chat.seen.length > 0);
    expect(chat.seen).to.deep.equal([
      {
        type: 'error',
        code: 'invalid_request',
        message: 'The message is not valid: /DryRun is not known; did you mean "dryRun"?.',
      },
    ]);
    await chat.close();
    expect(requests()).to.deep.equal([]);
  });

  it('and its direct call take no unknown field, and nothing is sent then', async () => {
    await register('lamp', {});
    const called = await app.post('/api/devices/lamp/tools/set_brightness', { argument: { brightness: 40 } });
    expect([called.status, (called.body as JsonObject)['errors']]).to.deep.equal([
      400,
      [{ pointer: '/argument', detail: 'is not known; did you mean "arguments"?' }],
    ]);
    expect(requests()).to.deep.equal([]);
  });
});
