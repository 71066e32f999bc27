import type { JsonObject } from '../../lib/common/json.ts';
import { openHttpDevice, type HttpDevice } from './http-device.ts';

const number = { type: 'integer', minimum: 0, maximum: 100 };
const state = {
  '200': { description: 'the state', content: { 'application/json': { schema: { type: 'object' } } } },
};

/** A lamp behind HTTP: one read without arguments, and one write. */
export const lampDocument: JsonObject = {
  openapi: '3.1.0',
  info: { title: 'Lamp', version: '1' },
  servers: [{ url: 'http://127.0.0.1:9' }],
  components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
  security: [{ key: [] }],
  paths: {
    '/state': {
      get: { operationId: 'get_state', tags: ['read'], summary: 'Get the state', responses: state },
    },
    '/brightness': {
      put: {
        operationId: 'set_brightness',
        summary: 'Set the brightness',
        parameters: [{ name: 'brightness', in: 'query', required: true, schema: number }],
        responses: state,
      },
    },
  },
};

/** A lamp that answers, and how it is registered under a name. */
export async function openLamp(): Promise<HttpDevice & { registration(name: string): JsonObject }> {
  const device = await openHttpDevice();
  return Object.assign(device, {
    registration: (name: string): JsonObject => ({
      name,
      openSpec: lampDocument,
      server: device.url,
      apiKey: { type: 'bearer', apiKey: 'lamp-key-0123456789' },
    }),
  });
}
