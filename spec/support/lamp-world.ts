import { openHttpDevice, type HttpDevice } from './http-device.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from './model-server.ts';
import { openThreadServer, type Caller, type ThreadServer } from './threads.ts';

/** A lamp behind HTTP, a scripted model, the whole server, and two users. */
export interface LampWorld {
  server: ThreadServer;
  model: ModelServer;
  /** The model's next answers; more can be pushed at any time. */
  steps: ModelServerStep[];
  lamp: HttpDevice;
  /** The body's field that gives a new conversation the lamp. */
  devices: { openSpecList: object[] };
  /** Registers the lamp under a name, for everybody. */
  registerLamp(name: string): Promise<void>;
  ada: Caller;
  bob: Caller;
  /** How often the lamp was set so far. */
  writes(): number;
  close(): Promise<void>;
}

const document = {
  openapi: '3.1.0',
  info: { title: 'Lamp', version: '1' },
  paths: {
    '/lamp': {
      put: {
        operationId: 'set_lamp',
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: { type: 'object', required: ['on'], properties: { on: { type: 'boolean' } } },
            },
          },
        },
        responses: { '200': { description: 'set' } },
      },
    },
  },
};

/** The model's step that sets the lamp. */
export function setLamp(on: boolean, text?: string): ModelServerStep {
  return { calls: [{ name: 'set_lamp', arguments: { on } }], ...(text !== undefined && { text }) };
}

/** Opens the world; `env` over settings for specs. */
export async function openLampWorld(env: Record<string, string> = {}): Promise<LampWorld> {
  const steps: ModelServerStep[] = [];
  const model = await startModelServer(steps);
  const lamp = await openHttpDevice();
  const server = await openThreadServer({ baseUrl: model.baseUrl, apiKey: 'sk-of-the-endpoint', ...env });
  return {
    server,
    model,
    steps,
    lamp,
    devices: { openSpecList: [{ openSpec: JSON.stringify(document), server: lamp.url }] },
    async registerLamp(name) {
      const admin = await server.caller(`admin of ${name}`, 'admin');
      const device = { name, openSpec: JSON.stringify(document), server: lamp.url };
      const { status, body } = await admin.call('POST', '/api/devices', device);
      if (status >= 300) throw new Error(JSON.stringify(body));
    },
    ada: await server.caller('ada'),
    bob: await server.caller('bob'),
    writes: () => lamp.seen.filter(({ method }) => method === 'PUT').length,
    async close() {
      await server.close();
      await Promise.all([model.close(), lamp.close()]);
    },
  };
}
