import { requirePermission } from '../../accounts/permissions.ts';
import { publishedVersion, type AgentApp } from '../../agents/apps.ts';
import type { Session } from '../../core/session.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { secondsOf } from '../unix-time.ts';
import { success } from './answer.ts';
import { conversationConfig } from './conversation.ts';
import { answerQuery, query } from './debug.ts';
import { numberedPageOf, numberedPageQuery, pageAnswer } from './page.ts';
import { conversationShape, messageShape, pageShape, successShape } from './shapes.ts';

type ChatParts = Pick<Parts, 'agents' | 'sessions' | 'config'>;

/** The use of a published app: by its owner, or by a program with an API key of the app (`app:<id>`). */
export function createAppChatRoutes(parts: ChatParts): Route[] {
  const { agents, config } = parts;
  return [
    route({
      method: 'POST',
      path: '/apps/:app_id/chat',
      keepsAnswer: true,
      summary: 'Says something to a published app; as events with `Accept: text/event-stream`.',
      access: 'use an app',
      app: 'app_id',
      body: {
        type: 'object',
        required: ['query'],
        examples: [{ query: 'Which lamps are on?', user: 'ada' }],
        properties: {
          query,
          /** Missing or empty: a new conversation begins. */
          conversation_id: { type: 'string', maxLength: 100 },
          /** The person behind the program, as the program names it. It is shown in the list, and gives no right. */
          user: { type: 'string', maxLength: 200, pattern: '^[^\\u0000]*$' },
        },
      },
      answer: successShape(messageShape),
      async handle({ params, body, caller, request, response, log }) {
        const app = await agents.apps.find(params.app_id, caller);
        const used = await publishedVersion(app).open();
        // Words to an app with documents can move a device, so a key needs that right, too.
        if (used.documents?.length) requirePermission(caller, 'use a device', app.id);
        const session = await openChat(parts, app, body);
        return answerQuery(session, body.query, { request, response, log, limits: config.limits });
      },
    }),
    route({
      method: 'GET',
      path: '/apps/:app_id/conversations',
      summary: 'A page of the conversations with a published app, newest first.',
      access: 'look at an app',
      app: 'app_id',
      query: numberedPageQuery,
      answer: successShape(pageShape(conversationShape)),
      async handle({ params, caller, query: asked }) {
        const { id } = await agents.apps.find(params.app_id, caller);
        const page = numberedPageOf(asked);
        const { before, offset, size: limit } = page;
        const { conversations, total } = await agents.conversations.list(id, { before, offset, limit });
        const list = conversations.map((one) => ({
          id: one.id,
          user: one.user ?? '',
          created_at: secondsOf(one.createdAt),
        }));
        return success(pageAnswer(list, page, total));
      },
    }),
  ];
}

/** The session of a conversation; a new one where the client names none. Throws `not_found` for one of another app. */
async function openChat(
  { agents: { conversations }, sessions }: ChatParts,
  app: AgentApp,
  { conversation_id: known, user }: { conversation_id?: string; user?: string },
): Promise<Session> {
  // The session is the app owner's, whoever calls.
  const owner = { id: app.owner, kind: 'user' } as const;
  if (known !== undefined && known !== '') {
    if (await conversations.has(app.id, known)) return sessions.find(known, owner);
    throw new AppError('not_found', 'There is no such conversation with the app.');
  }
  // Each task takes the published configuration of that moment.
  const id = await sessions.create(conversationConfig(app.id, 'published'), owner);
  await conversations.add(app.id, id, user ?? null);
  return sessions.find(id, owner);
}
