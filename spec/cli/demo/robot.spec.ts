import { expect } from 'chai';
import type { SimulatedDevice } from '../../../lib/cli/demo/device.ts';
import { simulateRobot } from '../../../lib/cli/demo/robot.ts';

describe('the simulated robot', () => {
  let robot: SimulatedDevice;
  beforeEach(async () => (robot = await simulateRobot()));
  afterEach(() => robot.close());

  async function post(body: string): Promise<unknown> {
    const response = await fetch(robot.server, { method: 'POST', body });
    return response.status === 204 ? undefined : response.json();
  }
  const call = (method: string, params?: unknown) =>
    post(JSON.stringify({ jsonrpc: '2.0', id: 7, method, params }));

  it('moves, picks and uses up its battery, by name and by position', async () => {
    const at9 = { shelf: 9, carries: 0, battery: 92 };
    expect(await call('robot.moveToShelf', { shelf: 9 })).to.deep.equal({
      jsonrpc: '2.0',
      id: 7,
      result: at9,
    });
    expect(await call('robot.pick', [3])).to.deep.equal({
      jsonrpc: '2.0',
      id: 7,
      result: { ...at9, carries: 3 },
    });
    expect(await call('robot.status')).to.deep.equal({
      jsonrpc: '2.0',
      id: 7,
      result: { ...at9, carries: 3 },
    });
    expect(await call('robot.battery')).to.deep.equal({ jsonrpc: '2.0', id: 7, result: 92 });
    expect(robot.state()).to.equal('at shelf 9, carries 3, battery 92 %');
  });

  it('answers wrong calls with the codes of JSON-RPC, and stays where it is', async () => {
    const errors = [
      await post('{'),
      await post('[1]'),
      await post('null'),
      await call('toString'),
      await call('robot.moveToShelf', { shelf: 25 }),
      await call('robot.pick'),
    ] as { id: unknown; error: { code: number } }[];
    expect(errors.map(({ id, error }) => [id, error.code])).to.deep.equal([
      [null, -32700],
      [null, -32600],
      [null, -32600],
      [7, -32601],
      [7, -32602],
      [7, -32602],
    ]);
    expect(robot.state()).to.equal('at shelf 1, carries 0, battery 96 %');
  });

  it('refuses commands that it cannot carry out', async () => {
    await call('robot.pick', { quantity: 8 });
    expect(await call('robot.pick', { quantity: 3 })).to.deep.include({
      error: { code: 1002, message: 'the robot cannot carry more than 10 items' },
    });
    for (let trip = 0; trip < 4; trip += 1) {
      await call('robot.moveToShelf', { shelf: 24 });
      await call('robot.moveToShelf', { shelf: 1 });
    }
    expect(await call('robot.moveToShelf', { shelf: 24 })).to.deep.include({
      error: { code: 1001, message: 'battery too low' },
    });
  });

  it('does not answer a notification, but obeys it', async () => {
    expect(await post('{"jsonrpc":"2.0","method":"robot.moveToShelf","params":{"shelf":3}}')).to.equal(
      undefined,
    );
    expect(await post('{"jsonrpc":"2.0","method":"robot.nothing"}')).to.equal(undefined);
    expect(robot.state()).to.equal('at shelf 3, carries 0, battery 95 %');
  });

  it('is nowhere but at its own address', async () => {
    const elsewhere = await fetch(new URL('/', robot.server), { method: 'POST', body: '{}' });
    const get = await fetch(robot.server);
    expect([elsewhere.status, get.status]).to.deep.equal([404, 405]);
  });
});
