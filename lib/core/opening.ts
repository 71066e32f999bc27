import type { Log } from './log.ts';
import type { MessageAdded, MessageBody } from './message.ts';
import type { StoredTask } from './store.ts';

/** How what users say through a message of its own gets into a session's log, whether its task begins now or has to wait. */
export interface Opening {
  /** The task has to wait: its message does not. */
  announce(task: StoredTask): void;
  /** The lines with which the task begins. */
  of(task: StoredTask): Promise<MessageBody[]>;
}

/** The openings of one log; a failure to write is the log's own affair. */
export function createOpening(log: Log): Opening {
  const announced = new Map<string, Promise<void>>();

  async function stands(taskId: string): Promise<boolean> {
    const known = await log.transcript();
    return known.awaits(taskId) || known.has(taskId);
  }

  async function announce(task: StoredTask): Promise<void> {
    if (!(await stands(task.taskId))) await log.append([messageOf(task)]);
  }

  return {
    announce(task) {
      if (!task.said) return;
      const done = announce(task)
        .catch(() => undefined) // `lost` has been told by append
        .finally(() => announced.delete(task.taskId));
      announced.set(task.taskId, done);
    },
    async of(task) {
      const { taskId, form, content } = task;
      if (!task.said) return [{ type: 'task_started', taskId, form, content }];
      await announced.get(taskId);
      const began: MessageBody = { type: 'task_started', taskId, form, content: [], added: true };
      return (await stands(taskId)) ? [began] : [messageOf(task), began];
    },
  };
}

function messageOf({ taskId: id, content, said }: StoredTask): MessageAdded {
  const { attachments = [], metadata = {} } = said ?? {};
  return { type: 'message_added', id, run: true, role: 'user', content, attachments, metadata };
}
