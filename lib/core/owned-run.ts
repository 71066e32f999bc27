import type { Clock } from '../common/clock.ts';
import type { Command } from './command.ts';
import { equipsEachTask, type Equipment, type SharedEquipment } from './equipment.ts';
import type { Feed } from './feed.ts';
import type { Journal } from './journal.ts';
import type { KeptSession } from './kept-session.ts';
import type { Message, MessageBody, QuestionAnswer } from './message.ts';
import { observe } from './observer.ts';
import type { OwnedTask } from './owned-task.ts';
import type { Questions } from './questions.ts';
import type { SessionLog } from './session-log.ts';
import type { TaskSettings } from './session-config.ts';
import type { Store, TaskChange } from './store.ts';
import type { CallCommand, CallJournal, CallQuestions, TaskLimits } from './task-context.ts';
import type { TaskRun } from './task-run.ts';

/** The parts of an owner that the runs of its tasks work with. */
export interface OwnedRunParts {
  stored: KeptSession;
  store: Store;
  feed: Feed;
  clock: Clock;
  limits: TaskLimits;
  command: Command;
  log: SessionLog;
  journal: Journal;
  questions: Questions;
  /** The equipment of the session, and how a task opens its own. */
  sharedEquipment: SharedEquipment;
  equip(settings?: TaskSettings): Promise<Equipment>;
  /** Appends lines of this task; rejects when the task may not write any more. */
  append(bodies: readonly MessageBody[], change?: TaskChange): Promise<Message[]>;
}

/** The run of one task of an owner. */
export function createOwnedRun(owned: OwnedTask, parts: OwnedRunParts): TaskRun {
  const { stored, log, limits, clock, feed, sharedEquipment, append, equip } = parts;
  const { task, id: taskId, signal } = owned;
  return {
    stored,
    task,
    log,
    limits,
    clock,
    signal,
    journal: journalOf(owned, parts),
    questions: questionsOf(owned, parts),
    command: commandOf(owned, parts),
    observer: owned.observer,
    append,
    equip: () =>
      equipsEachTask(stored.config, task.settings) ? equip(task.settings) : sharedEquipment.get(),
    isInherited: owned.isInherited,
    onBegun() {
      owned.isInherited = false;
    },
    onEquipped({ devices = [] }) {
      owned.devices = devices;
    },
    onDelta: (kind, text, at) => feed.publishDelta({ taskId, text, kind, at }),
    stopWaitsFor: (work) => owned.stopWaitsFor(work),
  };
}

function journalOf({ id: taskId }: OwnedTask, { log, journal }: OwnedRunParts): CallJournal {
  return {
    permit: (entry, clearance) => log.commit(journal.permit({ ...entry, taskId }, clearance)),
    isPermitted: (key) => log.commit(journal.isPermitted(key)),
    settle: (key, outcome, also) => log.commit(journal.settle(key, outcome, also)),
  };
}

function commandOf(
  { task }: OwnedTask,
  { stored: session, command, clock, store }: OwnedRunParts,
): CallCommand {
  return {
    // A node counts as living for two thirds of a lease after each of these moments, at least.
    mayLeave: (askedAt) =>
      clock.monotonicNow() - Math.max(askedAt, command.stopsKnownAt?.() ?? 0) < store.leaseMs / 2,
    judge: (call) => command.judge({ ...call, session, task }),
    sentBefore: (call) => command.sentBefore({ ...call, session, task }),
    noteRefusal: (call, answer) => command.noteRefusal({ ...call, session, task }, answer),
    decide: (call, question, answer) => command.decide({ ...call, session, task }, question, answer),
  };
}

function questionsOf(owned: OwnedTask, { stored, store, questions, append }: OwnedRunParts): CallQuestions {
  const { id: taskId } = owned;
  return {
    find: (key) => store.findQuestion(stored.id, key),
    async ask(asked) {
      const { callId, question } = asked;
      await append([{ type: 'question_asked', taskId, callId, question }], { asked: { ...asked, taskId } });
    },
    wait: ({ id, kind }) =>
      observe(owned.observer.question(kind), async (): Promise<QuestionAnswer | undefined> => {
        owned.pauseDeadline();
        try {
          return (await questions.wait(id, owned.signal)) ?? (owned.isLeft ? undefined : { kind: 'stopped' });
        } finally {
          owned.resumeDeadline();
        }
      }),
    async close(id, ...lines) {
      await append(lines, { closed: id });
    },
  };
}
