import { expect } from 'chai';
import { openTestApp, type TestApp } from '../support/app.ts';
import { openLamp } from '../support/lamp.ts';

describe('rules that are tried for a device', () => {
  let app: TestApp;
  let lamp: Awaited<ReturnType<typeof openLamp>>;
  beforeEach(async () => {
    lamp = await openLamp();
    app = await openTestApp();
    await app.post('/api/devices', lamp.registration('desk'));
  });
  afterEach(async () => {
    await app.close();
    await lamp.close();
  });

  interface Tried {
    rulesInWords: string[];
    tools: { tool: string; decision: string; isByArguments: boolean }[];
  }
  const tryRules = async (rules: object): Promise<{ words: string[]; tools: unknown[] }> => {
    const { status, body } = await app.post('/api/devices/desk/rules/trial', { rules });
    expect(status, JSON.stringify(body)).to.equal(200);
    const { rulesInWords, tools } = body as Tried;
    return {
      words: rulesInWords,
      tools: tools.map(({ tool, decision, isByArguments }) => [tool, decision, isByArguments]),
    };
  };

  it('say their words and the answer for each tool; nothing is saved and nothing is called', async () => {
    const before = await app.get('/api/devices/desk');
    expect(await tryRules({ calls: [{ effect: 'write', decision: 'deny' }] })).to.deep.equal({
      words: ['Rule 1 of the device: deny writes.'],
      tools: [
        ['get_state', 'allow', false],
        ['set_brightness', 'deny', false],
      ],
    });
    expect(lamp.seen).to.deep.equal([]);
    expect(await app.get('/api/devices/desk')).to.deep.equal(before);
  });

  it('say where the arguments or the number of calls may change the answer', async () => {
    const when = { brightness: { above: 50 } };
    const { tools } = await tryRules({ calls: [{ effect: 'write', when, decision: 'ask' }] });
    expect(tools).to.deep.equal([
      ['get_state', 'allow', false],
      ['set_brightness', 'allow', true],
    ]);
    expect((await tryRules({ limits: [{ maxCalls: 1, perSeconds: 9 }] })).tools).to.deep.equal(tools);
  });

  it('are refused with every fault, and the words that were meant', async () => {
    const rules = { calls: [{ efect: 'write', decision: 'aks' }] };
    const { status, body } = await app.post('/api/devices/desk/rules/trial', { rules });
    const { errors } = body as { errors: { pointer: string; detail: string }[] };
    expect([status, errors.map(({ pointer, detail }) => `${pointer} ${detail}`)]).to.deep.equal([
      400,
      [
        '/rules/calls/0/efect is not known; did you mean "effect"?',
        '/rules/calls/0/decision must be allow, ask, deny or dry_run; did you mean "ask"?',
      ],
    ]);
  });

  describe('with a device that is not registered yet', () => {
    it('say the answer for each tool of its document; nothing is saved and nothing is called', async () => {
      const rules = { calls: [{ tools: ['set_*', 'gone'], decision: 'ask' }] };
      const { status, body } = await app.post('/api/devices/trial', { ...lamp.registration('shelf'), rules });
      expect(status, JSON.stringify(body)).to.equal(200);
      const { kind, warnings, tools } = body as Tried & { kind: string; warnings: string[] };
      expect({ kind, warnings, tools: tools.map(({ tool, decision }) => [tool, decision]) }).to.deep.equal({
        kind: 'openapi',
        warnings: ['/rules/calls/0/tools/1: "gone" names no tool of this device'],
        tools: [
          ['get_state', 'allow'],
          ['set_brightness', 'ask'],
        ],
      });
      expect(lamp.seen).to.deep.equal([]);
      expect((await app.get('/api/devices/shelf')).status).to.equal(404);
    });

    it('are refused with every fault of the device', async () => {
      const device = { ...lamp.registration('A Shelf'), rules: { call: [] } };
      const { status, body } = await app.post('/api/devices/trial', device);
      const { errors } = body as { errors: { pointer: string }[] };
      expect([status, errors.map(({ pointer }) => pointer).toSorted()]).to.deep.equal([
        400,
        ['/name', '/rules/call'],
      ]);
    });
  });
});
