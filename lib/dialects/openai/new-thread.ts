import type { XStatic } from 'typebox/schema';
import type { JsonObject } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import type { Session } from '../../core/session.ts';
import type { Parts } from '../dialect.ts';
import { readMessage } from './new-message.ts';
import { checkDevices, deviceFieldSchemas, devicesOf, sessionConfigWith } from './new-session.ts';
import { metadataSchema, newMessageSchema, toolResourcesSchema } from './schemas.ts';
import type { ThreadNotes } from './threads.ts';

/** The parts that make threads. */
export type ThreadParts = Pick<Parts, 'sessions' | 'files' | 'config'>;

/** A new thread, as a client asks for it. */
export const newThreadSchema = {
  type: 'object',
  examples: [{ devices: ['porch'], messages: [{ role: 'user', content: 'Is the light on?' }] }],
  properties: {
    messages: { type: 'array', maxItems: 100, items: newMessageSchema },
    metadata: metadataSchema,
    tool_resources: toolResourcesSchema,
    ...deviceFieldSchemas,
  },
} as const;

type NewThread = XStatic<typeof newThreadSchema>;

/** Opens the session of a new thread, with its first messages. The agent of a thread has the user's memory. */
export async function createThread(
  { sessions, files, config }: ThreadParts,
  thread: NewThread,
  caller: Principal,
): Promise<Session> {
  const messages = thread.messages ?? [];
  // Every message is checked before the thread exists.
  const said = await Promise.all(messages.map((message) => readMessage(files.files, message, caller)));
  await checkResources(files, thread.tool_resources, caller);
  const wishes = sessionConfigWith({ ...devicesOf(thread), memoryTools: true });
  checkDevices(caller, wishes, config.documents);
  const id = await sessions.create(wishes, caller, notesOf(thread) as JsonObject);
  const session = await sessions.find(id, caller);
  for (const message of said) await session.add({ ...message, run: false });
  return session;
}

/** Rejects with `not_found` or `forbidden` when the resources of a thread name a file that is not the caller's. */
export async function checkResources(
  { files }: ThreadParts['files'],
  resources: NewThread['tool_resources'],
  caller: Principal,
): Promise<void> {
  // The ids of vector stores are not checked: the server has none.
  const ids = resources?.code_interpreter?.file_ids ?? [];
  await Promise.all(ids.map((id) => files.find(id, caller)));
}

/** The notes of a client about a new thread. */
export function notesOf({ metadata, tool_resources: resources }: NewThread): ThreadNotes {
  return {
    ...(metadata && { metadata }),
    ...(resources && { tool_resources: resources }),
  };
}
