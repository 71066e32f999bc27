import HistogramOf from 'prom-client/lib/histogram.js';
import type { Registry } from 'prom-client';
import { outcomeOf } from '../core/calls.ts';
import type { ModelReply } from '../core/model.ts';
import type { ObservedCall, ObservedStep, Observer, TaskObserver } from '../core/observer.ts';
import { boundNames } from './bounded-names.ts';
import { LabelledCount } from './labelled-count.ts';

/** The label of calls to documents that sessions bring. The parentheses keep it apart from the names of devices. */
const UNREGISTERED = '(unregistered)';
/** The label of calls that go to no device: of an unknown tool, or of a client's own function. */
const NO_DEVICE = '(none)';

/** The bounds of the histograms, in seconds. Devices answer in ms, models in seconds, and a turn may wait for people for minutes. */
const MODEL_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const DEVICE_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const TURN_SECONDS = [0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** The metrics of tasks, models, calls and questions. */
export function createTaskMetrics(registry: Registry): Observer {
  const metrics = new TaskMetrics(registry);
  return { task: () => metrics.task() };
}

/** The numbers of all tasks. Each step that begins counts a gauge up, and its end counts it down again, however it ends. */
class TaskMetrics {
  readonly #turns;
  readonly #calls;
  readonly #models;
  /** People and endpoints choose these names: only some become labels. */
  readonly #device = boundNames();
  readonly #model = boundNames();

  constructor(registry: Registry) {
    this.#turns = createTurnMetrics(registry);
    this.#calls = createCallMetrics(registry);
    this.#models = createModelMetrics(registry);
  }

  task(): TaskObserver {
    const { ends, seconds, open } = this.#turns;
    const began = performance.now();
    /** The calls of this task that were sent. */
    const sent = new Set<string>();
    // `began` is not called for a task that ends while it waits.
    let state = 'waiting';
    open.add(1, state);
    return {
      began() {
        open.add(-1, state);
        open.add(1, (state = 'running'));
      },
      model: () => this.#modelStep(),
      call: (call) => this.#callStep(call, sent),
      send: (call) => this.#sendStep(call, sent),
      question: (kind) => this.#questionStep(kind),
      ended(status) {
        open.add(-1, state);
        ends.add(1, status);
        seconds.observe(secondsSince(began));
      },
    };
  }

  #modelStep(): ObservedStep<ModelReply> {
    const { seconds, failures, tokens } = this.#models;
    const began = performance.now();
    return {
      within,
      done: ({ completion }) => {
        // The name comes with the reply: a request without a reply has no label.
        const model = this.#model(completion.model);
        const { promptTokens, completionTokens } = completion.usage;
        seconds.observe({ model }, secondsSince(began));
        tokens.add(promptTokens, model, 'prompt');
        tokens.add(completionTokens, model, 'completion');
      },
      failed: () => failures.add(1),
    };
  }

  /** A call from its check to its result. While it is sent, `#sendStep` counts it. */
  #callStep(call: ObservedCall, sent: ReadonlySet<string>): ReturnType<TaskObserver['call']> {
    const { outcomes, open } = this.#calls;
    open.add(1, 'waiting');
    const end = (outcome: string): void => {
      open.add(-1, 'waiting');
      outcomes.add(1, this.#deviceOf(call), call.effect ?? 'none', outcome);
    };
    return {
      within,
      done(settled) {
        const outcome = settled ? outcomeOf(settled.result) : 'dropped';
        // A call with this outcome that never left was answered by the server: by its check, a rule or a limit.
        end(outcome === 'none' && !sent.has(call.callId) ? 'refused' : outcome);
      },
      failed: () => end('dropped'),
    };
  }

  /** The part of a call in which the device has it. After it the call waits again, until its result is in the log. */
  #sendStep(call: ObservedCall, sent: Set<string>): ObservedStep<unknown> {
    const { open, seconds } = this.#calls;
    const began = performance.now();
    sent.add(call.callId);
    open.add(-1, 'waiting');
    open.add(1, 'sent');
    return stepUntil(() => {
      open.add(-1, 'sent');
      open.add(1, 'waiting');
      seconds.observe({ device: this.#deviceOf(call) }, secondsSince(began));
    });
  }

  #questionStep(kind: string): ObservedStep<unknown> {
    const { questions } = this.#calls;
    questions.add(1, kind);
    return stepUntil(() => questions.add(-1, kind));
  }

  /** The label of a call. One whose `effect` is missing goes to no device (`ObservedCall`). */
  #deviceOf({ device, effect }: ObservedCall): string {
    if (effect === undefined) return NO_DEVICE;
    return device === undefined ? UNREGISTERED : this.#device(device);
  }
}

/** The tasks on this node. */
function createTurnMetrics(registry: Registry) {
  return {
    ends: new LabelledCount(registry, {
      kind: 'counter',
      name: 'lite_agent_turns_total',
      help: 'Tasks that left this node, by their end: done, stopped, failed, or left to another node.',
      labels: ['status'],
      initial: ['done', 'stopped', 'failed', 'left'],
    }),
    seconds: new HistogramOf({
      name: 'lite_agent_turn_seconds',
      help: 'The time from the arrival of a task to its end, the wait for people included.',
      buckets: TURN_SECONDS,
      registers: [registry],
    }),
    open: new LabelledCount(registry, {
      kind: 'gauge',
      name: 'lite_agent_turns_open',
      help: 'Tasks on this node: waiting for a slot of their session, or running.',
      labels: ['state'],
      initial: ['waiting', 'running'],
    }),
  };
}

/** The calls of models, and the questions that they ask. */
function createCallMetrics(registry: Registry) {
  return {
    outcomes: new LabelledCount(registry, {
      kind: 'counter',
      name: 'lite_agent_calls_total',
      help: 'Calls of models by registered device and outcome: done, none (sent, and the device is surely unchanged), unknown (a write that may have happened), refused (answered without being sent), dropped (the task was stopped first).',
      labels: ['device', 'effect', 'outcome'],
    }),
    open: new LabelledCount(registry, {
      kind: 'gauge',
      name: 'lite_agent_calls_open',
      help: 'Calls that have no result yet: waiting (for their turn at the device, for rules, or for people), or sent.',
      labels: ['state'],
      initial: ['waiting', 'sent'],
    }),
    seconds: new HistogramOf({
      name: 'lite_agent_device_seconds',
      help: 'The time from sending a call to its result.',
      labelNames: ['device'],
      buckets: DEVICE_SECONDS,
      registers: [registry],
    }),
    questions: new LabelledCount(registry, {
      kind: 'gauge',
      name: 'lite_agent_questions_waiting',
      help: 'Calls that wait for somebody: for the approval of a person, or for the result of a client.',
      labels: ['kind'],
      initial: ['approval', 'result'],
    }),
  };
}

/** The requests to models. */
function createModelMetrics(registry: Registry) {
  return {
    seconds: new HistogramOf({
      name: 'lite_agent_model_seconds',
      help: 'The time from a request to a model to the end of its reply.',
      labelNames: ['model'],
      buckets: MODEL_SECONDS,
      registers: [registry],
    }),
    failures: new LabelledCount(registry, {
      kind: 'counter',
      name: 'lite_agent_model_failures_total',
      help: 'Requests to models without a reply, those that a stop ended included.',
      labels: [],
      initial: [''],
    }),
    tokens: new LabelledCount(registry, {
      kind: 'counter',
      name: 'lite_agent_model_tokens_total',
      help: 'Tokens as the endpoints counted them.',
      labels: ['model', 'kind'],
    }),
  };
}

/** Seconds since a moment of `performance.now()`. */
function secondsSince(began: number): number {
  return (performance.now() - began) / 1000;
}

/** Metrics have no context around the work. */
function within<Result>(work: () => Result): Result {
  return work();
}

/** A step that is counted at its end, however it ends. */
function stepUntil(end: () => void): ObservedStep<unknown> {
  return { within, done: end, failed: end };
}
