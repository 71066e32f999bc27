import type { Message } from '../../lib/core/message.ts';
import type { SessionConfig } from '../../lib/core/session-config.ts';
import type { StoredSession } from '../../lib/core/store.ts';

const config: SessionConfig = {
  model: { apiKey: 'sk-canary-in-config' },
  systemPrompt: 'You are helpful.',
  documents: [{ openSpec: '{}', apiKey: { type: 'bearer', apiKey: 'canary-of-device' } }],
  children: [],
  taskStrategy: 'serial',
  toolStrategy: 'parallel',
  memoryTools: false,
};

let counter = 0;

/** A session that no other test uses. */
export function newSession(more: Partial<StoredSession> = {}): StoredSession {
  counter += 1;
  return {
    id: `session-${process.pid}-${counter}`,
    owner: `owner-${counter}`,
    config,
    createdAt: 1000,
    expiresAt: null,
    ...more,
  };
}

export const first: Message = {
  type: 'session_started',
  systemPrompt: 'You are helpful.',
  seq: 1,
  time: 1000,
};
export const line = (seq: number, taskId = 'task'): Message => ({
  type: 'task_started',
  taskId,
  form: 'text',
  content: [{ type: 'text', text: `line ${seq} “ü” \u0000 \n` }],
  seq,
  time: 1000 + seq,
});
export const task = (taskId: string, text = 'hello') => ({
  taskId,
  form: 'text' as const,
  content: [{ type: 'text' as const, text }],
  stream: true,
});
