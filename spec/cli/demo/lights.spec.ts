import { expect } from 'chai';
import type { SimulatedDevice } from '../../../lib/cli/demo/device.ts';
import { simulateLights } from '../../../lib/cli/demo/lights.ts';

describe('the simulated lights', () => {
  let lights: SimulatedDevice;
  beforeEach(async () => (lights = await simulateLights()));
  afterEach(() => lights.close());

  async function send(method: string, path: string, body?: string): Promise<[number, unknown]> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(lights.server + path, {
      method,
      ...(body === undefined ? {} : { body, headers }),
    });
    return [response.status, await response.json()];
  }

  it('are off at first, and list themselves', async () => {
    const off = (room: string) => ({ room, power: 'off', brightness: 100, color: 'white' });
    expect(await send('GET', '/rooms')).to.deep.equal([200, ['living-room', 'kitchen', 'bedroom'].map(off)]);
    expect(lights.state()).to.equal('living-room off, kitchen off, bedroom off');
  });

  it('keep the values that were set', async () => {
    await send('PUT', '/rooms/kitchen/light/power', '{"power":"on"}');
    await send('PUT', '/rooms/kitchen/light/color', '{"color":"warm"}');
    const light = { room: 'kitchen', power: 'on', brightness: 40, color: 'warm' };
    expect(await send('PUT', '/rooms/kitchen/light/brightness', '{"brightness":40}')).to.deep.equal([
      200,
      light,
    ]);
    expect(await send('GET', '/rooms/kitchen/light')).to.deep.equal([200, light]);
    expect(lights.state()).to.equal('living-room off, kitchen on 40 % warm, bedroom off');
  });

  it('refuse unknown values, and stay as they are', async () => {
    const answers = await Promise.all([
      send('GET', '/rooms/attic/light'),
      send('PUT', '/rooms/kitchen/light/constructor', '{"constructor":1}'),
      send('PUT', '/rooms/kitchen/light/brightness', '{"brightness":101}'),
      send('PUT', '/rooms/kitchen/light/power', 'on'),
      send('PUT', '/rooms/kitchen/light/power', 'null'),
      send('DELETE', '/rooms/kitchen/light'),
      send('POST', '/rooms', '{}'),
      send('POST', '/rooms/kitchen/light/power', '{"power":"on"}'),
    ]);
    const said = answers.map(([status, body]) => {
      const { message, detail } = body as { message?: string; detail?: string };
      return [status, message ?? detail];
    });
    expect(said.map(([status]) => status)).to.deep.equal([404, 404, 400, 400, 400, 405, 405, 405]);
    expect(said[0]?.[1]).to.match(
      /There is nothing at \/rooms\/attic\/light: .* must be one of "living-room"/,
    );
    expect(said[1]?.[1]).to.match(/no path \/rooms\/kitchen\/light\/constructor/);
    expect(said[2]?.[1]).to.match(/\/body\/brightness must be at most 100/);
    expect(said[4]?.[1]).to.match(/\/body must be object/);
    expect(said[5]?.[1]).to.match(/knows GET/);
    expect(lights.state()).to.equal('living-room off, kitchen off, bedroom off');
  });

  it('say when their port is taken', async () => {
    const error: unknown = await simulateLights(Number(new URL(lights.server).port)).catch(
      (error: unknown) => error,
    );
    expect(error).to.have.property('code', 'EADDRINUSE');
  });
});
