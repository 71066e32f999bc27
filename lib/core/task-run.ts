import type { Clock } from '../common/clock.ts';
import { unlessAborted } from '../common/deadline.ts';
import { withClientTools } from './client-tools.ts';
import { directDecision } from './direct-model.ts';
import { closeEquipment, EquipmentOutdated, equipsEachTask, type Equipment } from './equipment.ts';
import type { KeptSession } from './kept-session.ts';
import type { Message, MessageBody } from './message.ts';
import type { ModelReply } from './model.ts';
import type { TaskObserver } from './observer.ts';
import { runTask } from './run-task.ts';
import type { TaskSettings } from './session-config.ts';
import type { Delta } from './session.ts';
import type { SessionLog } from './session-log.ts';
import type { StoredTask, TaskChange } from './store.ts';
import type { CallCommand, CallJournal, CallQuestions, TaskContext, TaskLimits } from './task-context.ts';
import { withToolChoice } from './tool-choice.ts';
import type { Framing } from './transcript.ts';

/** One task's run, as its owner sets it up. */
export interface TaskRun {
  readonly stored: KeptSession;
  readonly task: StoredTask;
  readonly log: SessionLog;
  readonly journal: CallJournal;
  readonly questions: CallQuestions;
  readonly command: CallCommand;
  readonly observer: TaskObserver;
  readonly clock: Clock;
  readonly limits: TaskLimits;
  readonly signal: AbortSignal;
  /** Appends lines of this task; rejects when the task may not write any more. */
  append(bodies: readonly MessageBody[], change?: TaskChange): Promise<Message[]>;
  /** The session's equipment; the same for every task, unless the session names a stored agent. */
  equip(): Promise<Equipment>;
  /** Whether an earlier owner has begun the task, so that its calls may have been sent. */
  readonly isInherited: boolean;
  /** Called when the first lines of the task are committed by this owner. */
  onBegun(): void;
  /** Called with the equipment, before anything is sent with it. */
  onEquipped(equipment: Equipment): void;
  onDelta(kind: Delta['kind'], text: string, at: number): void;
  /** Makes a stop of the task wait for this work. */
  stopWaitsFor(work: Promise<unknown>): void;
}

/**
 * Appends a task's first lines, unless they are in the log already. The first lines of a direct call have its decision, too. With
 * `isNew`, the task's row in the inbox is committed with them.
 * A task that was stopped before it began never begins: the signal's reason is thrown.
 */
export async function beginTask(run: TaskRun, isNew: boolean): Promise<void> {
  const { stored, task, log, observer, signal } = run;
  observer.began();
  const transcript = await log.transcript();
  if (transcript.has(task.taskId)) return;
  signal.throwIfAborted();
  const decision = stored.config.direct && directDecision(task.content);
  const first: MessageBody[] = decision ? [{ type: 'model_reply', taskId: task.taskId, ...decision }] : [];
  await run.append([...(await log.openingOf(task)), ...first], isNew ? { began: task } : undefined);
  run.onBegun();
}

/** Equips a task that has begun, works it to its answer, and appends the answer with the last line. Rejects when it cannot. */
export async function workTask(run: TaskRun): Promise<void> {
  const { taskId } = run.task;
  const answer = await findAnswer(run);
  const hasAsked = (await run.log.transcript()).hasAsked(taskId);
  await run.append(
    [
      { type: 'model_reply', taskId, ...answer },
      { type: 'task_ended', taskId, status: 'done' },
    ],
    { ended: taskId, status: 'done', ...(hasAsked && { hasAsked }) },
  );
}

/** Works a task to its answer. When a device was changed while a call to it waited, the tools are opened anew. */
async function findAnswer(run: TaskRun): Promise<ModelReply> {
  for (let { isInherited } = run; ; isInherited = true) {
    try {
      return await workWithEquipment(run, isInherited);
    } catch (error) {
      if (!(error instanceof EquipmentOutdated)) throw error;
    }
  }
}

async function workWithEquipment(run: TaskRun, isInherited: boolean): Promise<ModelReply> {
  const { stored, task, log, signal } = run;
  const isShared = !equipsEachTask(stored.config, task.settings);
  const equipment = run.equip();
  try {
    const transcript = await log.transcript();
    // With an open decision a stop does not end the wait: the outcome of calls that may have been sent must be reported.
    const isInterrupted = transcript.openDecision(task.taskId) !== undefined;
    const ready = await (isInterrupted ? equipment : unlessAborted(equipment, signal));
    run.onEquipped(ready);
    return await runTask(contextOf(run, ready, transcript), isInherited);
  } finally {
    if (!isShared) closeEquipment(equipment);
  }
}

function contextOf(run: TaskRun, equipment: Equipment, transcript: TaskContext['transcript']): TaskContext {
  const { stored, task, journal, questions, command, observer, limits, clock, signal } = run;
  const { model, modelWith, toolbox, messageToolbox, toolStrategy } = equipment;
  const { settings } = task;
  const hasMemory = settings?.memoryTools ?? task.said !== undefined;
  return {
    sessionId: stored.id,
    taskId: task.taskId,
    isDirect: stored.config.direct !== undefined,
    model: settings?.model ? modelWith(settings.model) : model,
    toolbox: withToolChoice(
      withClientTools((hasMemory && messageToolbox?.()) || toolbox, settings?.clientTools),
      settings?.toolChoice,
    ),
    toolStrategy: toolStrategy ?? stored.config.toolStrategy,
    transcript,
    framing: framingOf(settings, equipment.framing, stored.config.systemPrompt),
    clientRepeats: settings?.clientRepeats === true,
    limits,
    clock,
    journal,
    questions,
    command,
    observer,
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
