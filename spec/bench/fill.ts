import { randomUUID } from 'node:crypto';
import { anonymous } from '../../lib/accounts/access.ts';
import type { Message, MessageBody } from '../../lib/core/message.ts';
import type { SessionConfig } from '../../lib/core/session-config.ts';
import { connectStore } from '../../lib/store/index.ts';

const config: SessionConfig = {
  model: {},
  systemPrompt: 'You control one device.',
  documents: [],
  children: [],
  taskStrategy: 'serial',
  toolStrategy: 'parallel',
  memoryTools: false,
};
const completion = {
  id: 'chatcmpl-1',
  model: 'mock',
  usage: { promptTokens: 100, completionTokens: 20, totalTokens: 120 },
};
const AT_ONCE = 1000;

/** The lines of a log of turns with one tool call each. */
export function linesOf(count: number): Message[] {
  const time = Date.now() - count;
  const lines: Message[] = [{ type: 'session_started', systemPrompt: config.systemPrompt, seq: 1, time }];
  for (let task = 0; lines.length < count; task += 1) {
    const taskId = `task-${task}`;
    const callId = `call-${task}`;
    const text = `How is the device in room ${task}?`;
    const bodies: MessageBody[] = [
      { type: 'task_started', taskId, form: 'text', content: [{ type: 'text', text }] },
      {
        type: 'model_reply',
        taskId,
        text: '',
        calls: [{ callId, name: 'getStatus', arguments: {} }],
        completion,
      },
      {
        type: 'tool_result',
        taskId,
        callId,
        result: { statusCode: 200, body: '{"power":"on","temperature":21.5}' },
        roundDone: true,
      },
      { type: 'model_reply', taskId, text: `It is on, at 21.5 degrees (${task}).`, calls: [], completion },
      { type: 'task_ended', taskId, status: 'done' },
    ];
    for (const body of bodies) lines.push({ ...body, seq: lines.length + 1, time: time + lines.length });
  }
  return lines.slice(0, count);
}

/** Fills a database with sessions whose logs have so many lines; their ids. */
export async function fill(
  databaseUrl: string,
  secret: string,
  sessions: number,
  lines: number,
): Promise<string[]> {
  const store = await connectStore({
    databaseUrl,
    secret,
    onError: (error) => {
      throw error;
    },
  });
  const [first, ...others] = linesOf(lines);
  const ids = Array.from({ length: sessions }, () => randomUUID());
  for (let from = 0; from < sessions; from += AT_ONCE / 10)
    await Promise.all(
      ids.slice(from, from + AT_ONCE / 10).map(async (id) => {
        const session = { id, owner: anonymous.id, config, createdAt: Date.now(), expiresAt: null };
        const { epoch } = await store.createSession(session, first!);
        for (let at = 0; at < others.length; at += AT_ONCE)
          await store.append(id, epoch, others.slice(at, at + AT_ONCE));
      }),
    );
  await store.close();
  return ids;
}
