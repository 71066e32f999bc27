import type { JsonObject } from '../core/json.ts';
import { parseJson, serveJson, type Answer, type SimulatedDevice } from './device.ts';

interface Light {
  room: string;
  power: 'on' | 'off';
  brightness: number;
  color: string;
}

const colors = new Set(['white', 'warm', 'red', 'green', 'blue']);

/** What may be put under `/rooms/{room}/light/`, and the values that fit. */
const settable: Record<string, (value: unknown) => boolean> = {
  power: (value) => value === 'on' || value === 'off',
  brightness: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 100,
  color: (value) => typeof value === 'string' && colors.has(value),
};

/** The simulated lights of examples/lights.openapi.json: three rooms, each with power, brightness and color. */
export async function simulateLights(port = 0): Promise<SimulatedDevice> {
  const lights = new Map<string, Light>(
    ['living-room', 'kitchen', 'bedroom'].map((room) => [
      room,
      { room, power: 'off', brightness: 100, color: 'white' },
    ]),
  );

  function answer({ method, path, body }: { method: string; path: string; body: string }): Answer {
    if (path === '/rooms') {
      return method === 'GET'
        ? { status: 200, body: [...lights.values()].map(bodyOf) }
        : refused(405, 'GET only');
    }
    const [, room = '', property] = /^\/rooms\/([^/]+)\/light(?:\/(\w+))?$/.exec(path) ?? [];
    const light = lights.get(room);
    if (light === undefined) return refused(404, `there is no light at ${path}`);
    if (property === undefined) {
      return method === 'GET' ? { status: 200, body: bodyOf(light) } : refused(405, 'GET only');
    }
    const fits = Object.hasOwn(settable, property) ? settable[property] : undefined;
    if (fits === undefined) return refused(404, `a light has no ${property}`);
    if (method !== 'PUT') return refused(405, 'PUT only');
    const value = (parseJson(body) as JsonObject | null | undefined)?.[property];
    if (!fits(value)) return refused(400, `${property} does not fit`);
    Object.assign(light, { [property]: value });
    return { status: 200, body: bodyOf(light) };
  }

  const site = await serveJson(port, answer);
  return {
    server: site.url,
    state: () =>
      [...lights.values()]
        .map(
          ({ room, power, brightness, color }) =>
            `${room} ${power === 'on' ? `on ${brightness} % ${color}` : 'off'}`,
        )
        .join(', '),
    close: () => site.close(),
  };
}

function bodyOf(light: Light): JsonObject {
  return { ...light };
}

function refused(status: number, message: string): Answer {
  return { status, body: { message } };
}
