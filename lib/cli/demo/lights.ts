import { isObject } from '../../common/json.ts';
import { readExample, type SimulatedDevice } from './device.ts';
import { simulateOpenapi } from '../../openspec/openapi/simulator/simulate-openapi.ts';

/** The simulated lights of examples/lights.openapi.json: three rooms, each with power, brightness and color; all off. */
export async function simulateLights(port = 0): Promise<SimulatedDevice> {
  const device = await simulateOpenapi(await readExample('lights.openapi.json'), { port });
  const off = { power: 'off', brightness: 100, color: 'white' };
  device.set(
    '/rooms',
    ['living-room', 'kitchen', 'bedroom'].map((room) => ({ room, ...off })),
  );
  return {
    server: device.server,
    state() {
      const lights = device.value('/rooms');
      const shown = (Array.isArray(lights) ? lights : []).filter(isObject).map((light) => {
        const show = (name: string): string => JSON.stringify(light[name]).replaceAll('"', '');
        const power = light['power'] === 'on' ? `on ${show('brightness')} % ${show('color')}` : 'off';
        return `${show('room')} ${power}`;
      });
      return shown.join(', ');
    },
    close: () => device.close(),
  };
}
