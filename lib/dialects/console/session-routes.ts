import type { JsonObject } from '../../common/json.ts';
import { route, type Route } from '../../server/mount.ts';
import type { ConsoleParts } from './console.ts';
import { sessionUsage } from './session-usage.ts';

/** More sessions than a person finds anything in. */
const LISTED_MAX_COUNT = 500;

const time = { type: 'string', format: 'date-time' } as const;
const title = { type: ['string', 'null'] } as const;
const sessionSchema = {
  type: 'object',
  required: ['id', 'title', 'createdAt', 'usedAt', 'expiresAt'],
  properties: {
    id: { type: 'string' },
    title,
    createdAt: time,
    usedAt: time,
    expiresAt: { type: ['string', 'null'], format: 'date-time' },
  },
} as const;

/** The sessions of the caller: list, name, remove, and what they cost. */
export function sessionRoutes({ sessions, overview }: ConsoleParts): Route[] {
  return [
    usageRoute(sessions),
    route({
      method: 'GET',
      path: '/api/sessions',
      summary: `The sessions of the caller, the one that was used last first; at most ${LISTED_MAX_COUNT}.`,
      access: 'look',
      answer: { type: 'array', items: sessionSchema },
      async handle({ caller }) {
        const rows = await overview.listSessions(caller.id, LISTED_MAX_COUNT);
        return rows.map(({ id, title, createdAt, usedAt, expiresAt }) => ({
          id,
          title,
          createdAt: isoOf(createdAt),
          usedAt: isoOf(usedAt),
          expiresAt: expiresAt === null ? null : isoOf(expiresAt),
        }));
      },
    }),
    route({
      method: 'POST',
      path: '/api/sessions/:id',
      summary: 'Names a session.',
      access: 'chat',
      body: {
        type: 'object',
        required: ['title'],
        examples: [{ title: 'The house this evening' }],
        properties: { title: { type: 'string', minLength: 1, maxLength: 200 } },
      },
      answer: { type: 'object', required: ['id', 'title'], properties: { id: { type: 'string' }, title } },
      async handle({ params, body, caller }) {
        const session = await sessions.find(params.id, caller);
        const notes: JsonObject = { ...(await session.attributes()), title: body.title };
        await session.setAttributes(notes);
        return { id: session.id, title: body.title };
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/sessions/:id',
      summary: 'Stops and removes a session, with its history. The journal of its calls stays.',
      access: 'chat',
      status: 204,
      async handle({ params, caller }) {
        await sessions.remove(params.id, caller);
        return null;
      },
    }),
  ];
}

const count = { type: 'integer' } as const;
const counts = { promptTokens: count, completionTokens: count, totalTokens: count } as const;

function usageRoute(sessions: ConsoleParts['sessions']): Route {
  return route({
    method: 'GET',
    path: '/api/sessions/:id/usage',
    summary: 'The tokens of a session since its history begins, as the endpoints of its models counted them.',
    access: 'look',
    answer: {
      type: 'object',
      required: ['promptTokens', 'completionTokens', 'totalTokens', 'models'],
      properties: {
        ...counts,
        models: {
          type: 'array',
          items: {
            type: 'object',
            required: ['model', 'replies', 'promptTokens', 'completionTokens', 'totalTokens'],
            properties: { model: { type: 'string' }, replies: count, ...counts },
          },
        },
      },
    },
    handle: async ({ params, caller }) => sessionUsage(await sessions.find(params.id, caller)),
  });
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
