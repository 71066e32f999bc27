import type { QuestionAnswer, Question, TaskStatus, ToolResult } from './message.ts';
import type { ModelReply } from './model.ts';
import type { Effect } from './tool.ts';

/** How a task leaves this node: with its last line, or `left` to the next owner of its session. */
export type ObservedEnd = TaskStatus | 'left';

/** A task, as it comes to this node. */
export interface ObservedTask {
  sessionId: string;
  taskId: string;
  /** The id of the session's owner. */
  owner: string;
}

/** A call. `device` and `effect` are missing for a call that goes to no device: of an unknown tool, or of a client's own function. */
export interface ObservedCall {
  callId: string;
  /** The name of the tool, as the model gave it. */
  name: string;
  /** The name of the registered device; missing for a document of the session's own. */
  device?: string | undefined;
  effect?: Effect;
  /** The operation's name in the document. */
  operation?: string;
}

/** A step of a task that takes time. */
export interface ObservedStep<Value> {
  /** Runs the work of the step: a step that begins in it, and each request that it sends, belongs to this step. */
  within<Result>(work: () => Result): Result;
  done(value: Value): void;
  failed(error: unknown): void;
}

/**
 * The steps of one task. Each method begins a step.
 *
 * Contract: as `Observer`.
 */
export interface TaskObserver {
  /** The task has its slot. It is not called for a task that ends while it waits. */
  began(): void;
  /** The model is asked, and replies. */
  model(): ObservedStep<ModelReply>;
  /** A call of the model, from its check to its result: undefined when it was dropped, or stays for the next owner. */
  call(call: ObservedCall): ObservedStep<{ result: ToolResult } | undefined>;
  /** A call is on its way to the device. */
  send(call: ObservedCall): ObservedStep<ToolResult>;
  /** A question waits for its answer: undefined when it waits on at the next owner. */
  question(kind: Question['kind']): ObservedStep<QuestionAnswer | undefined>;
  /** Called once, at the end of each task. */
  ended(end: ObservedEnd): void;
}

/**
 * The observer of tasks. The core knows nothing else of metrics and traces.
 *
 * Contract: no method throws or waits, and none changes what it is given. Arguments and results of calls may hold secrets of
 * people: an observer does not show them.
 */
export interface Observer {
  /** A task came to this node: within the request that brought it, or from the store. */
  task(task: ObservedTask): TaskObserver;
}

/** A step that nobody observes. */
export const unobservedStep: ObservedStep<unknown> = {
  within: (work) => work(),
  done: () => undefined,
  failed: () => undefined,
};

const unobservedTask: TaskObserver = {
  began: () => undefined,
  model: () => unobservedStep,
  call: () => unobservedStep,
  send: () => unobservedStep,
  question: () => unobservedStep,
  ended: () => undefined,
};

/** Observes nothing. */
export const unobserved: Observer = { task: () => unobservedTask };

/** Does the work of a step, and passes on its value or its failure. */
export async function observe<Value>(step: ObservedStep<Value>, work: () => Promise<Value>): Promise<Value> {
  try {
    const value = await step.within(work);
    step.done(value);
    return value;
  } catch (error) {
    step.failed(error);
    throw error;
  }
}
