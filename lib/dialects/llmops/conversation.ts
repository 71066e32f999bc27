import { agentName, type AgentKind } from '../../agents/agents.ts';
import type { AgentApp } from '../../agents/apps.ts';
import type { Session } from '../../core/session.ts';
import type { Sessions } from '../../core/sessions.ts';
import type { SessionConfig } from '../../core/session-config.ts';
import type { Turn } from '../../core/turns.ts';
import { AppError } from '../../errors.ts';
import type { Parts } from '../dialect.ts';
import { secondsOf } from '../unix-time.ts';

/** The session in which an app is tried out. The first caller makes it; its id is fixed before, so that two callers make one. */
export async function openConversation(
  { agents: { apps, memory }, sessions }: Pick<Parts, 'agents' | 'sessions'>,
  app: AgentApp,
): Promise<Session> {
  const id = await apps.conversationOf(app.id);
  const known = await findAppConversation(sessions, { ...app, conversationId: id });
  if (known) return known;
  const owner = { id: app.owner, kind: 'user' } as const;
  // The lines of a new session are numbered from 1.
  await memory.restart(app.id);
  try {
    await sessions.create(conversationConfig(app.id), owner, undefined, id);
  } catch (error) {
    // Another caller has just made it.
    if (!(await sessions.exists(id))) throw error;
  }
  return sessions.find(id, owner);
}

/** The session in which an app was tried out; undefined when there is none, or it has been removed. */
export async function findAppConversation(
  sessions: Sessions,
  { conversationId, owner }: Pick<AgentApp, 'conversationId' | 'owner'>,
): Promise<Session | undefined> {
  if (conversationId === undefined) return undefined;
  try {
    return await sessions.find(conversationId, { id: owner, kind: 'user' });
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** The configuration of a session whose agent is an app. */
export function conversationConfig(appId: string, kind: AgentKind = 'app'): SessionConfig {
  return {
    agent: agentName(kind, appId),
    // Each task has the app's own model, prompt, documents and devices of that moment.
    model: {},
    systemPrompt: '',
    documents: [],
    children: [],
    taskStrategy: 'serial',
    toolStrategy: 'parallel',
    memoryTools: false,
  };
}

/** A turn as a message of contract 3. */
export function messageAnswer(conversationId: string, turn: Turn): object {
  return {
    id: turn.taskId,
    conversation_id: conversationId,
    query: turn.said,
    answer: turn.answer ?? '',
    answer_tokens: turn.completionTokens,
    // In ms, from the first to the last line of its task.
    response_latency: turn.endedAt - turn.startedAt,
    updated_at: secondsOf(turn.endedAt),
    created_at: secondsOf(turn.startedAt),
  };
}
