import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { openCommandNodes, type CommandNodes, type NodeCaller } from '../support/command-nodes.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { openLamp } from '../support/lamp.ts';

const CALLS = 200;
const MOST = 10;

describe('limits of a device, over several nodes', function () {
  this.timeout(120_000);
  let nodes: CommandNodes;
  let root: NodeCaller;
  let ann: NodeCaller;
  let people: NodeCaller[];
  let lamp: HttpDevice & { registration(name: string): JsonObject };
  before(async () => {
    nodes = await openCommandNodes(2);
    root = await nodes.caller('root', 'admin');
    people = await Promise.all(['ann', 'bob', 'cem', 'dee'].map((name) => nodes.caller(name)));
    ann = people[0]!;
    lamp = await openLamp();
  });
  beforeEach(() => {
    lamp.seen.length = 0;
  });
  after(async () => {
    await nodes.close();
    await lamp.close();
  });

  async function register(name: string, limits: JsonObject[]): Promise<void> {
    const body = { ...lamp.registration(name), rules: { limits } };
    await nodes.on(0).ok(201, 'POST', '/api/devices', { token: root.token, body });
  }
  /** Sets the brightness through a node; resolves with the code of the refusal, or with `done`. */
  async function set(node: number, device: string, brightness: number, { token } = ann): Promise<string> {
    const path = `/api/devices/${device}/tools/set_brightness`;
    const body = { arguments: { brightness } };
    const { error } = await nodes
      .on(node)
      .ok<{ error?: { code: string } }>(200, 'POST', path, { token, body });
    return error?.code ?? 'done';
  }

  it(`let exactly ${MOST} of ${CALLS} parallel calls through, on two nodes together`, async () => {
    await register('counted', [{ tools: ['*'], maxCalls: MOST, perSeconds: 60 }]);
    const codes = await Promise.all(
      Array.from({ length: CALLS }, (_, at) => set(at % 2, 'counted', at % 100, people[at % people.length])),
    );
    const count = (code: string): number => codes.filter((one) => one === code).length;
    expect([count('done'), count('limit_exceeded'), lamp.seen.length]).to.deep.equal([
      MOST,
      CALLS - MOST,
      MOST,
    ]);
  });

  it('limit a step from the last value that any node knows, also after a restart', async () => {
    const values = [{ tools: ['set_brightness'], argument: 'brightness', maxStep: 10 }];
    await register('stepping', values);
    expect(await set(0, 'stepping', 50)).to.equal('limit_exceeded');
    lamp.answer = (response) =>
      response.setHeader('content-type', 'application/json').end('{"brightness":45}');
    const read = '/api/devices/stepping/tools/get_state';
    await nodes.on(1).ok(200, 'POST', read, { token: ann.token, body: {} });
    expect([await set(0, 'stepping', 56), await set(1, 'stepping', 55)]).to.deep.equal([
      'limit_exceeded',
      'done',
    ]);
    for (const app of nodes.apps.splice(0)) await app.close();
    for (let node = 0; node < 2; node += 1) await nodes.open();
    expect([
      await set(0, 'stepping', 66),
      await set(1, 'stepping', 65),
      await set(0, 'stepping', 75),
    ]).to.deep.equal(['limit_exceeded', 'done', 'done']);
    expect(lamp.seen.map(({ method, url }) => `${method} ${url}`)).to.deep.equal([
      'GET /state',
      ...[55, 65, 75].map((brightness) => `PUT /brightness?brightness=${brightness}`),
    ]);
  });
});
