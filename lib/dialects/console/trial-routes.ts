import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '../../errors.ts';
import { packageRoot } from '../../package.ts';
import { exampleDocument } from '../devices/shapes.ts';
import { route, type Route } from '../../server/mount.ts';
import type { ConsoleParts } from './console.ts';

const text = { type: 'string', minLength: 1, maxLength: 2000 } as const;
/** Long enough for a local model that is loaded at its first question. */
const MODEL_TRIAL_MS = 60_000;
const DOCUMENT_MAX_BYTES = 2 * 1024 * 1024;

/** The documents of examples/ that anybody can try, by name. */
const examples = {
  lights: 'lights.openapi.json',
  'air-conditioner': 'air-conditioner.openmodbus.json',
  robot: 'robot.openrpc.json',
} as const;

/** Ways to try something out before it is set up: a document without its device, and a model. */
export function trialRoutes(parts: ConsoleParts): Route[] {
  return [exampleRoute(), deviceRoute(parts), modelRoute(parts)];
}

function exampleRoute(): Route {
  return route({
    method: 'GET',
    path: '/api/trial/examples',
    summary: 'Documents to try: those of the folder examples/.',
    access: 'look',
    answer: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'openSpec'],
        properties: { name: { type: 'string' }, openSpec: { type: 'string' } },
      },
    },
    handle: () =>
      Promise.all(
        Object.entries(examples).map(async ([name, file]) => ({
          name,
          openSpec: await readFile(join(packageRoot(), 'examples', file), 'utf8'),
        })),
      ),
  });
}

/** The device listens on loopback, where the devices of a server for other machines must not be. */
function deviceRoute({ config, devices, simulations }: ConsoleParts): Route {
  return route({
    method: 'POST',
    path: '/api/trial/devices',
    summary:
      'Starts a simulated device of a document; only where the server is for this machine alone. The same document is the same device.',
    access: 'bring a document',
    bodyMaxBytes: DOCUMENT_MAX_BYTES,
    body: {
      type: 'object',
      required: ['openSpec'],
      examples: [{ openSpec: JSON.stringify(exampleDocument) }],
      properties: { openSpec: { type: 'string', minLength: 1 } },
    },
    answer: {
      type: 'object',
      required: ['kind', 'title', 'server'],
      properties: { kind: { type: 'string' }, title: { type: 'string' }, server: { type: 'string' } },
    },
    handle({ body }) {
      if (config.reachable)
        throw new AppError(
          'forbidden',
          'Other machines reach this server, so that it runs no simulated devices: use `lite-agent simulate` on the machine of the devices.',
        );
      return simulations.start(body.openSpec, devices);
    },
  });
}

function modelRoute({ models }: ConsoleParts): Route {
  return route({
    method: 'POST',
    path: '/api/model/test',
    summary: 'Asks a model a short question: that of the settings, or another one.',
    access: 'chat',
    body: { type: 'object', examples: [{}], properties: { baseUrl: text, apiKey: text, model: text } },
    answer: {
      type: 'object',
      required: ['ok', 'ms', 'model', 'detail'],
      properties: {
        ok: { type: 'boolean' },
        ms: { type: 'integer' },
        model: { type: ['string', 'null'] },
        detail: { type: 'string', description: 'the answer of the model, or the reason why there is none' },
      },
    },
    async handle({ body, caller }) {
      const began = performance.now();
      const ms = (): number => Math.round(performance.now() - began);
      try {
        const question = 'Answer with the one word: ready';
        const { text: answer, completion } = await models
          .open({ ...body, maxTokens: 200 }, { party: caller.id })
          .reply(
            { messages: [{ role: 'user', content: [{ type: 'text', text: question }] }], tools: [] },
            { signal: AbortSignal.timeout(MODEL_TRIAL_MS) },
          );
        return { ok: true, ms: ms(), model: completion.model, detail: answer.slice(0, 500) };
      } catch (error) {
        return { ok: false, ms: ms(), model: null, detail: messageOf(error) };
      }
    },
  });
}
