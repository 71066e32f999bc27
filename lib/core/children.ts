import { idFromName, type Clock } from '../common/clock.ts';
import { childPointer } from '../common/json-pointer.ts';
import { AppError, type Fault } from '../errors.ts';
import type { KeptSession } from './kept-session.ts';
import type { Message, ToolResult } from './message.ts';
import { mayUse, type Principal } from './principal.ts';
import type { Child, SessionConfig } from './session-config.ts';
import type { Session } from './session.ts';
import { failed, type CallContext, type Tool } from './tool.ts';
import { until } from './until.ts';

/** Finds a session that the owner of the parent may use; rejects with `not_found`. */
export type FindChild = (id: string, caller: Principal) => Promise<Session>;

const PARAMETERS = {
  type: 'object',
  properties: {
    prompt: {
      type: 'string',
      minLength: 1,
      description: 'What the agent is to do, in full: it knows nothing of this conversation.',
    },
  },
  required: ['prompt'],
  additionalProperties: false,
};
/** A longer first sentence is cut: it is read with every request to the model. */
const SENTENCE_MAX_LENGTH = 300;
/** The namespace of task ids that are made from the parent's call [RFC 9562 5.5]. */
const NAMESPACE = '6f0b1d0e-6a0e-4c55-9d0f-0c1b2a3d4e5f';

/** What the tools of a session's children need. */
export interface ChildToolsOptions {
  children: SessionConfig['children'];
  owner: Principal;
  find: FindChild;
  clock: Clock;
}

/**
 * Other sessions of the same owner as tools with one argument, `prompt`. A call is a task of the child session, and the
 * child's answer is the result. The task's id is made from the call: when the call is made again after a crash, it is the
 * same task. So the tool counts as a read, even where the child writes.
 */
export function childTools({ children, owner, find, clock }: ChildToolsOptions): Tool[] {
  return children.map(({ id, name = 'agent', description = '' }) => ({
    name: name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64) || 'agent',
    description: `Ask the agent "${name}". ${description}`.slice(0, 1024).trimEnd(),
    parameters: PARAMETERS,
    operation: `session ${id}`,
    effect: 'read',
    async call(args, { signal, stopWaitsFor, key = clock.newId() }) {
      try {
        const child = await find(id, owner);
        const task = { taskId: idFromName(key, NAMESPACE), prompt: args['prompt'] as string };
        return await askChild(child, task, { signal, stopWaitsFor });
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return failed(error.code, `The agent "${name}" could not be asked: ${error.message}`, 'none');
      }
    },
  }));
}

/** Submits the prompt and waits for the end of its task. The child's own time-out (TASK_TIMEOUT_MS) bounds the wait. */
async function askChild(
  child: Session,
  { taskId, prompt }: { taskId: string; prompt: string },
  { signal, stopWaitsFor }: Pick<CallContext, 'signal' | 'stopWaitsFor'>,
): Promise<ToolResult> {
  const content = [{ type: 'text' as const, text: prompt }];
  const { seq } = await child.submit({ taskId, form: 'text', content });
  let answer = '';
  const { found } = until<ToolResult>({
    subscribe: (subscriber, after) => child.subscribe(subscriber, after),
    after: seq,
    find(line) {
      if (line.type === 'model_reply' && line.taskId === taskId) answer = line.text;
      return line.type === 'task_ended' && line.taskId === taskId ? resultOf(line, answer) : undefined;
    },
    onEnd: (reason) =>
      failed('stopped', `The agent's session ended (${reason}) before it answered.`, 'unknown'),
  });
  const stop = (): void => {
    const stopped = child.stop(taskId).catch(() => undefined); // the end of the task reports what happened
    stopWaitsFor?.(stopped);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await found;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function resultOf(end: Message & { type: 'task_ended' }, answer: string): ToolResult {
  if (end.status === 'done') return { answer };
  if (end.status === 'stopped')
    return failed('stopped', 'The agent was stopped before it answered.', 'unknown');
  const { code = 'internal', message = 'no reason given' } = end.error ?? {};
  return failed(code, `The agent failed: ${message}`, 'unknown');
}

/** How the children of a configuration are looked up, and how many levels there may be. */
export interface ChildCheck {
  load(id: string): Promise<{ stored: KeptSession } | undefined>;
  depthMaxCount: number;
}

/**
 * The children of a configuration, each with a name and a description. Refuses all unknown children, and too many levels of
 * children. A cycle cannot be made, as a child is older than its parent.
 */
export async function completeChildren(
  config: Pick<SessionConfig, 'children'>,
  owner: Principal,
  check: ChildCheck,
  level = 1,
): Promise<Required<Child>[]> {
  const complete: Required<Child>[] = [];
  const faults: Fault[] = [];
  const isTooDeep = level > check.depthMaxCount;
  for (const [index, given] of config.children.entries()) {
    const { id } = given;
    const child = isTooDeep ? undefined : await check.load(id);
    if (!child || !mayUse(owner, child.stored.owner)) {
      const detail = isTooDeep
        ? `is more than ${check.depthMaxCount} levels deep (CHILD_DEPTH_MAX_COUNT)`
        : `there is no session "${id.slice(0, 100)}"`;
      faults.push({ pointer: childPointer('/sessionList', index, 'id'), detail });
      continue;
    }
    const { config: own } = child.stored;
    await completeChildren(own, owner, check, level + 1);
    const name = given.name ?? own.title ?? `agent-${index + 1}`;
    complete.push({ id, name, description: given.description ?? firstSentence(own.systemPrompt) });
  }
  if (faults.length > 0) {
    const texts = faults.map(({ pointer, detail }) => `${pointer}: ${detail}`);
    throw new AppError('invalid_request', `${texts.join('; ')}.`, { faults });
  }
  return complete;
}

/** The first sentence of a system prompt, or its first line. A full stop inside a number or a name ends no sentence. */
function firstSentence(text: string): string {
  return (/^.*?(?:[.!?](?=\s|$)|[。！？]|$)/m.exec(text.trim())?.[0] ?? '').slice(0, SENTENCE_MAX_LENGTH);
}
