import { may } from '../../accounts/permissions.ts';
import { route, type Route } from '../../server/mount.ts';
import { unsafeSettings } from '../../unsafe.ts';
import { isDemoModel } from '../../models/is-demo-model.ts';
import type { ConsoleParts } from './console.ts';

const text = { type: 'string' } as const;

/** How people come in, and how the server is. */
export function statusRoutes(parts: ConsoleParts): Route[] {
  return [entranceRoute(parts), statusRoute(parts)];
}

function entranceRoute({ accounts, config }: ConsoleParts): Route {
  return route({
    method: 'GET',
    path: '/api/access',
    summary: 'Whether a token is needed, and how people sign in.',
    access: 'open',
    answer: {
      type: 'object',
      required: ['auth', 'registration', 'ways', 'providers'],
      properties: {
        auth: { enum: ['none', 'required'] },
        registration: { enum: ['open', 'approval', 'closed'] },
        ways: { type: 'array', items: { enum: ['password', 'telephone', 'token'] } },
        providers: {
          type: 'array',
          items: { type: 'object', required: ['name', 'title'], properties: { name: text, title: text } },
        },
      },
    },
    handle: () => ({
      auth: config.auth,
      registration: config.registration,
      // Without a webhook a code is only in the log, which nobody who signs in can read.
      ways: ['password', ...(config.smsWebhookUrl === undefined ? [] : ['telephone']), 'token'],
      providers: accounts.oauth.providers.map(({ name, title }) => ({ name, title })),
    }),
  });
}

function statusRoute({ config, overview, version }: ConsoleParts): Route {
  return route({
    method: 'GET',
    path: '/api/status',
    polled: true,
    summary:
      'The model, the database and the nodes of the server; for admins also the settings that are unsafe.',
    access: 'look',
    answer: {
      type: 'object',
      required: ['version', 'uptimeSeconds', 'model', 'database', 'nodes', 'simulates', 'may', 'unsafe'],
      properties: {
        version: text,
        uptimeSeconds: { type: 'integer' },
        model: {
          type: 'object',
          required: ['demo', 'name', 'host'],
          properties: { demo: { type: 'boolean' }, name: text, host: { type: ['string', 'null'] } },
        },
        database: {
          type: 'object',
          required: ['kind', 'ms'],
          properties: { kind: text, ms: { type: ['number', 'null'] } },
        },
        nodes: { type: 'integer' },
        simulates: { type: 'boolean' },
        may: {
          type: 'object',
          description: 'what the caller may do with devices',
          required: ['manageDevices', 'commandDevices'],
          properties: { manageDevices: { type: 'boolean' }, commandDevices: { type: 'boolean' } },
        },
        unsafe: {
          type: ['array', 'null'],
          items: {
            type: 'object',
            required: ['setting', 'detail'],
            properties: { setting: text, detail: text },
          },
        },
      },
    },
    async handle({ caller }) {
      const { baseUrl, model } = config.model;
      const began = performance.now();
      const nodes = await overview.countNodes(Date.now()).catch(() => undefined);
      const ms = nodes === undefined ? null : Math.round((performance.now() - began) * 10) / 10;
      const demo = isDemoModel(config.model);
      return {
        version,
        uptimeSeconds: Math.round(process.uptime()),
        model: { demo, name: demo ? 'demo' : model, host: demo ? null : hostOf(baseUrl) },
        database: { kind: config.databaseUrl.split(':')[0], ms },
        nodes: Math.max(1, nodes ?? 1),
        simulates: !config.reachable,
        may: {
          manageDevices: may(caller, 'manage devices'),
          commandDevices: may(caller, 'command devices'),
        },
        unsafe: may(caller, 'manage users')
          ? unsafeSettings(config).map(({ setting, detail }) => ({ setting, detail }))
          : null,
      };
    },
  });
}

/** The host of the model's endpoint: a base URL may hold a password. */
function hostOf(baseUrl: string | undefined): string | null {
  return baseUrl !== undefined && URL.canParse(baseUrl) ? new URL(baseUrl).host : 'api.openai.com';
}
