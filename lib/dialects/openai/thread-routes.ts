import type { JsonObject } from '../../common/json.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { readMessage } from './new-message.ts';
import { checkDevices, deviceFieldSchemas, devicesOf, sessionConfigWith } from './new-session.ts';
import { deletedSchema, metadataSchema, newMessageSchema, toolResourcesSchema } from './schemas.ts';
import { findThread, formatThread, threadSchema } from './threads.ts';

/** Threads: each is a session. */
export function threadRoutes({
  sessions,
  files,
  config,
}: Pick<Parts, 'sessions' | 'files' | 'config'>): Route[] {
  return [
    // The messages are history: nobody answers them. An answer needs POST …/messages with run=true.
    route({
      method: 'POST',
      path: '/v1/threads',
      summary: 'Creates a thread, with its devices and its first messages.',
      access: 'chat',
      bodyLenient: true,
      body: {
        type: 'object',
        properties: {
          messages: { type: 'array', maxItems: 100, items: newMessageSchema },
          metadata: metadataSchema,
          tool_resources: toolResourcesSchema,
          ...deviceFieldSchemas,
        },
      },
      answer: threadSchema,
      async handle({ body: { messages = [], openSpecList, devices, ...notes }, caller }) {
        const said = await Promise.all(messages.map((message) => readMessage(files.files, message, caller)));
        // The agent of a thread has the user's memory.
        const wishes = sessionConfigWith({
          ...devicesOf({ openSpecList, devices, ...notes }),
          memoryTools: true,
        });
        checkDevices(caller, wishes, config.documents);
        const id = await sessions.create(wishes, caller, notes as JsonObject);
        const session = await sessions.find(id, caller);
        for (const message of said) await session.add({ ...message, run: false });
        return formatThread(id, session.createdAt, notes);
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
        properties: { metadata: metadataSchema, tool_resources: toolResourcesSchema },
      },
      answer: threadSchema,
      async handle({ params, body, caller }) {
        const session = await findThread(sessions, params.thread, caller);
        const notes = { ...(await session.attributes()), ...body } as JsonObject;
        await session.setAttributes(notes);
        return formatThread(session.id, session.createdAt, notes);
      },
    }),
    // Sockets that watch the session close with 4404.
    route({
      method: 'DELETE',
      path: '/v1/threads/:thread',
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
