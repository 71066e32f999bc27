import type { JsonObject } from '../../common/json.ts';
import { route, type Route } from '../../server/mount.ts';
import { checkResources, createThread, newThreadSchema, notesOf, type ThreadParts } from './new-thread.ts';
import { deletedSchema, metadataSchema, toolResourcesSchema } from './schemas.ts';
import { findThread, formatThread, threadSchema } from './threads.ts';

/** Threads: each is a session. */
export function threadRoutes(parts: ThreadParts): Route[] {
  const { sessions } = parts;
  return [
    // The messages are history: nobody answers them. An answer needs POST …/messages with run=true.
    route({
      method: 'POST',
      path: '/v1/threads',
      summary: 'Creates a thread, with its devices and its first messages.',
      access: 'chat',
      bodyLenient: true,
      body: newThreadSchema,
      answer: threadSchema,
      async handle({ body, caller }) {
        const session = await createThread(parts, body, caller);
        return formatThread(session.id, session.createdAt, notesOf(body));
      },
    }),
    route({
      method: 'GET',
      path: '/v1/threads/:thread',
      summary: 'A thread.',
      access: 'look',
      answer: threadSchema,
      async handle({ params, caller }) {
        const session = await findThread(sessions, params.thread, caller);
        return formatThread(session.id, session.createdAt, await session.attributes());
      },
    }),
    // A field that is missing stays. A metadata object that is there replaces the old one, as OpenAI does it.
    route({
      method: 'POST',
      path: '/v1/threads/:thread',
      summary: 'Changes the metadata of a thread.',
      access: 'chat',
      bodyLenient: true,
      body: {
        type: 'object',
        examples: [{ metadata: { room: 'kitchen' } }],
        properties: { metadata: metadataSchema, tool_resources: toolResourcesSchema },
      },
      answer: threadSchema,
      async handle({ params, body, caller }) {
        const session = await findThread(sessions, params.thread, caller);
        await checkResources(parts.files, body.tool_resources, caller);
        const notes = { ...(await session.attributes()), ...body } as JsonObject;
        await session.setAttributes(notes);
        return formatThread(session.id, session.createdAt, notes);
      },
    }),
    // Sockets that watch the session close with 4404.
    route({
      method: 'DELETE',
      path: '/v1/threads/:thread',
      keepsAnswer: true,
      summary: 'Deletes a thread: its session is stopped and removed.',
      access: 'chat',
      answer: deletedSchema('thread.deleted'),
      async handle({ params, caller }) {
        const id = params.thread;
        const session = await findThread(sessions, id, caller);
        await sessions.remove(session.id, caller);
        return { id, object: 'thread.deleted', deleted: true };
      },
    }),
  ];
}
