import { unlessAborted } from '../common/deadline.ts';
import { closeEquipment, type Equipment } from './equipment.ts';
import type { Message, MessageBody } from './message.ts';
import { runTask } from './run-task.ts';
import type { TaskSettings } from './session-config.ts';
import type { Delta } from './session.ts';
import type { SessionLog } from './session-log.ts';
import type { StoredSession, StoredTask, TaskChange } from './store.ts';
import type { CallJournal, TaskContext, TaskLimits } from './task-context.ts';
import type { Framing } from './transcript.ts';

/** One task's run, as its owner sets it up. */
export interface TaskRun {
  readonly stored: StoredSession;
  readonly task: StoredTask;
  readonly log: SessionLog;
  readonly journal: CallJournal;
  readonly limits: TaskLimits;
  readonly signal: AbortSignal;
  /** Appends lines of this task; rejects when the task may not write any more. */
  append(bodies: readonly MessageBody[], change?: TaskChange): Promise<Message[]>;
  /** The session's equipment; the same for every task, unless the session names a stored agent. */
  equip(): Promise<Equipment>;
  onDelta(kind: Delta['kind'], text: string, at: number): void;
  /** Makes a stop of the task wait for this work. */
  stopWaitsFor(work: Promise<unknown>): void;
}

/**
 * Appends a task's first lines, unless they are in the log already. With `isNew`, the task's row in the inbox is committed with them.
 * A task that was stopped before it began never begins: the signal's reason is thrown.
 */
export async function beginTask(run: TaskRun, isNew: boolean): Promise<void> {
  const { task, log, signal } = run;
  const transcript = await log.transcript();
  if (transcript.has(task.taskId)) return;
  signal.throwIfAborted();
  await run.append(await log.openingOf(task), isNew ? { began: task } : undefined);
}

/** Equips a task that has begun, works it to its answer, and appends the answer with the last line. Rejects when it cannot. */
export async function workTask(run: TaskRun): Promise<void> {
  const { stored, task, log, signal } = run;
  const { taskId } = task;
  // A stored agent may have changed since the last task, so that its equipment serves one task only.
  const isShared = stored.config.agent === undefined;
  const equipment = run.equip();
  try {
    const transcript = await log.transcript();
    // With an open decision a stop does not end the wait: the outcome of calls that may have been sent must be reported.
    const isInterrupted = transcript.openDecision(taskId) !== undefined;
    const ready = await (isInterrupted ? equipment : unlessAborted(equipment, signal));
    const answer = await runTask(contextOf(run, ready, transcript));
    await run.append(
      [
        { type: 'model_reply', taskId, ...answer },
        { type: 'task_ended', taskId, status: 'done' },
      ],
      { ended: taskId, status: 'done' },
    );
  } finally {
    if (!isShared) closeEquipment(equipment);
  }
}

function contextOf(run: TaskRun, equipment: Equipment, transcript: TaskContext['transcript']): TaskContext {
  const { stored, task, journal, limits, signal } = run;
  const { model, modelWith, toolbox, messageToolbox, toolStrategy } = equipment;
  const { settings } = task;
  const hasMemory = settings?.memoryTools ?? task.said !== undefined;
  return {
    sessionId: stored.id,
    taskId: task.taskId,
    model: settings?.model ? modelWith(settings.model) : model,
    toolbox: (hasMemory && messageToolbox?.()) || toolbox,
    toolStrategy: toolStrategy ?? stored.config.toolStrategy,
    transcript,
    framing: framingOf(settings, equipment.framing, stored.config.systemPrompt),
    limits,
    journal,
    signal,
    stopWaitsFor: (work) => run.stopWaitsFor(work),
    onDelta: task.stream ? (text, at) => run.onDelta('answer', text, at) : undefined,
    onReasoning: stored.config.reasoning ? (text, at) => run.onDelta('reasoning', text, at) : undefined,
    append: (...lines) => run.append(lines),
  };
}

/** The framing of a task: that of its session, with the task's own prompt and instructions. */
function framingOf(
  { systemPrompt, instructions }: TaskSettings = {},
  framing: Framing | undefined,
  ownPrompt: string,
): Framing | undefined {
  if (systemPrompt === undefined && instructions === undefined) return framing;
  const prompt = systemPrompt ?? framing?.system ?? ownPrompt;
  return { ...framing, system: [prompt, instructions].filter(Boolean).join('\n\n') };
}
