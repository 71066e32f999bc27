import { v4 as uuid, v5 as uuidOf } from 'uuid';
import { AppError } from '../errors.ts';
import type { Principal } from './principal.ts';
import type { Message, ToolResult } from './message.ts';
import type { Session } from './session.ts';
import type { SessionConfig } from './session-config.ts';
import { failed } from './tool.ts';
import type { Tool } from './tool.ts';

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
/** Names a child's tasks after the parent's call [RFC 9562 5.5]. */
const NAMESPACE = '6f0b1d0e-6a0e-4c55-9d0f-0c1b2a3d4e5f';

/**
 * Other sessions of the owner as tools with one `prompt`. A call is a task of the child, named after the call: made
 * again after a crash it is the same task, so that the tool counts as a read whatever the child does. What the child
 * answers is the result; its failure, stop and limits are errors of the call; a stop of the parent stops its task.
 */
export function childTools(children: SessionConfig['children'], owner: Principal, find: FindChild): Tool[] {
  return children.map(({ id, name, description }) => ({
    name: name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64) || 'agent',
    description: `Ask the agent "${name}". ${description}`.slice(0, 1024),
    parameters: PARAMETERS,
    operation: `session ${id}`,
    effect: 'read',
    async call(args, { signal, key = uuid() }) {
      const content = [{ type: 'text' as const, text: args['prompt'] as string }];
      try {
        const child = await find(id, owner);
        const { taskId, seq } = await child.submit({ taskId: uuidOf(key, NAMESPACE), form: 'text', content });
        return await resultOf(child, taskId, seq, signal);
      } catch (error) {
        if (error instanceof AppError)
          return failed(error.code, `The agent "${name}" could not be asked: ${error.message}`, 'none');
        throw error;
      }
    },
  }));
}

/** Waits for a task's end and makes a result of it. The child bounds how long that takes (TASK_TIMEOUT_MS). */
function resultOf(child: Session, taskId: string, after: number, signal: AbortSignal): Promise<ToolResult> {
  return new Promise((resolve) => {
    let answer = '';
    const stop = (): void => {
      child.stop(taskId).catch(() => undefined); // the task's own end tells what became of it
    };
    const finish = (result: ToolResult): void => {
      signal.removeEventListener('abort', stop);
      leave();
      resolve(result);
    };
    const leave = child.subscribe(
      {
        messages(batch: readonly Message[]): void {
          for (const message of batch) {
            if (message.type === 'model_reply' && message.taskId === taskId) answer = message.text;
            if (message.type === 'task_ended' && message.taskId === taskId) finish(endOf(message, answer));
          }
        },
        delta: () => undefined,
        ended: (reason) =>
          finish(failed('stopped', `The agent's session ended (${reason}) before it answered.`, 'unknown')),
      },
      after,
    );
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}

function endOf(end: Message & { type: 'task_ended' }, answer: string): ToolResult {
  if (end.status === 'done') return { answer };
  if (end.status === 'stopped')
    return failed('stopped', 'The agent was stopped before it answered.', 'unknown');
  return failed(
    end.error?.code ?? 'internal',
    `The agent failed: ${end.error?.message ?? 'no reason given'}`,
    'unknown',
  );
}
