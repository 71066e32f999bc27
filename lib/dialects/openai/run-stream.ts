/*
 * The events of a run: created, queued and in_progress, then for each reply a step with its calls, or with the message of the answer, and
 * at last the state in which the run ended. A run that waits for its client ends its stream with requires_action; the stream of
 * submit_tool_outputs goes on from there.
 */
import type { ServerResponse } from 'node:http';
import type { Config } from '../../config.ts';
import { endError } from '../../core/ask.ts';
import type { Message } from '../../core/message.ts';
import type { Delta, EndReason, Session, Subscriber } from '../../core/session.ts';
import { sseEvent } from '../../server/stream.ts';
import { FollowerStream } from './follower-stream.ts';
import { formatOpenAiError } from './errors.ts';
import { runIdOf, stepIdOf, threadIdOf } from './ids.ts';
import { formatMessage } from './message-format.ts';
import { answerIdOf, formatRun, formatStep, runStatusOf } from './run-format.ts';
import { addToRecord, newRecord, type TaskRecord } from './task-record.ts';

/** A run that a client follows. */
export interface FollowedRun {
  session: Session;
  taskId: string;
  /** A line before the lines of the run. */
  after: number;
  /** How often the run had waited for its client before: the events after that are wanted. */
  part: number;
}

/** Follows the log for one run, and writes its events, in OpenAI's order. */
export class RunFollower implements Subscriber {
  readonly #session: Session;
  readonly #record: TaskRecord;
  readonly #part: number;
  readonly #stream = new FollowerStream();
  /** Whether the message of the answer has begun, and how much of the present reply was sent. */
  #hasMessage = false;
  #sentLength = 0;
  /** Whether the last event was written. */
  #isOver = false;

  constructor({ session, taskId, after, part }: FollowedRun) {
    this.#session = session;
    this.#record = newRecord(session, taskId);
    this.#part = part;
    this.#stream.follows(session.subscribe(this, after));
  }

  /** Writes to the client until the run is over, waits for its client, or the client has left; `first` is an event before all others. */
  sendTo(response: ServerResponse, limits: Config['limits'], first?: [string, object]): Promise<void> {
    return this.#stream.sendTo(response, limits, {
      first: first && sseEvent(JSON.stringify(first[1]), first[0]),
      last: sseEvent('[DONE]', 'done'),
    });
  }

  /** Ends the subscription. */
  close(): void {
    this.#stream.close();
  }

  messages(batch: readonly Message[]): void | Promise<void> {
    for (const line of batch) {
      // Asked before the line is added: the line that ends a part belongs to it.
      const isWanted = this.#record.pauses.length === this.#part;
      if (this.#isOver || !addToRecord(this.#record, line) || !isWanted) continue;
      this.#addLine(line);
      if (this.#record.pauses.length > this.#part) this.#end('requires_action');
    }
    return this.#isOver ? this.close() : this.#stream.drained();
  }

  delta({ taskId, kind, text, at }: Delta): void {
    const { started, pauses } = this.#record;
    // A piece says nothing without the text before it: the rest comes with the line of the reply.
    if (taskId !== this.#record.taskId || kind !== 'answer' || at !== this.#sentLength) return;
    if (!started || this.#isOver || pauses.length !== this.#part) return;
    this.#addText(text, this.#record.replies.length);
    this.#sentLength += text.length;
  }

  /** The session has ended before the run: the stream says so. */
  ended(reason: EndReason): void {
    if (!this.#isOver) this.#put('error', JSON.parse(formatOpenAiError(endError(reason)).body) as object);
    this.#stream.end();
  }

  #addLine(line: Message): void {
    if (line.type === 'message_added') {
      this.#putRun('created');
      this.#putRun('queued');
    }
    if (line.type === 'task_started') this.#putRun('in_progress');
    if (line.type === 'model_reply') this.#addReply(line);
    if (line.type === 'tool_result' && line.roundDone) this.#putStep('completed');
    if (line.type === 'task_ended') this.#end(runStatusOf(this.#record));
  }

  /** The events of a reply: its calls, or the rest of the answer. */
  #addReply({ text, calls, time, completion }: Extract<Message, { type: 'model_reply' }>): void {
    const rest = text.slice(this.#sentLength);
    this.#sentLength = 0;
    if (calls.length > 0) return this.#addCalls();
    // An empty answer is a message, too.
    if (rest !== '' || !this.#hasMessage) this.#addText(rest, this.#record.replies.length - 1);
    this.#put(`thread.message.${completion.isCut ? 'incomplete' : 'completed'}`, this.#message(time, text));
    this.#putStep('completed');
  }

  /** The calls of a reply are shown at once: their arguments are whole. */
  #addCalls(): void {
    const step = this.#step();
    const open = {
      ...step,
      status: 'in_progress',
      completed_at: null,
      step_details: { type: 'tool_calls', tool_calls: [] },
    };
    this.#put('thread.run.step.created', open);
    this.#put('thread.run.step.in_progress', open);
    const { tool_calls: calls = [] } = step.step_details as { tool_calls?: object[] };
    const delta = {
      step_details: { type: 'tool_calls', tool_calls: calls.map((call, index) => ({ index, ...call })) },
    };
    this.#put('thread.run.step.delta', { id: step.id, object: 'thread.run.step.delta', delta });
  }

  /** Sends a piece of the answer. The first one opens the step and the message. */
  #addText(text: string, reply: number): void {
    const id = answerIdOf(this.#session, this.#record);
    if (!this.#hasMessage) {
      this.#hasMessage = true;
      const step = this.#openStep(id, reply);
      this.#put('thread.run.step.created', step);
      this.#put('thread.run.step.in_progress', step);
      const message = this.#message(Date.now());
      this.#put('thread.message.created', message);
      this.#put('thread.message.in_progress', message);
    }
    if (text === '') return;
    const content = [{ index: 0, type: 'text', text: { value: text, annotations: [] } }];
    this.#put('thread.message.delta', { id, object: 'thread.message.delta', delta: { content } });
  }

  /** The step of the answer, before the answer is in the log. */
  #openStep(messageId: string, reply: number): object {
    const { assistant_id: assistant, id: runId } = formatRun(this.#session, this.#record);
    const nothing = { cancelled_at: null, completed_at: null, expired_at: null, failed_at: null };
    return {
      id: stepIdOf(this.#session.id, this.#record.started?.seq ?? 0, reply),
      object: 'thread.run.step',
      created_at: Math.floor(Date.now() / 1000),
      run_id: runId,
      assistant_id: assistant,
      thread_id: threadIdOf(this.#session.id),
      type: 'message_creation',
      status: 'in_progress',
      ...nothing,
      last_error: null,
      metadata: {},
      step_details: { type: 'message_creation', message_creation: { message_id: messageId } },
      usage: null,
    };
  }

  /** The message of the answer: whole with a text, in progress without one. */
  #message(time: number, text?: string): object {
    const { said, started, taskId, replies } = this.#record;
    const line = said ?? started!;
    const reply = replies.at(-1)?.line;
    // The end is not in the log yet. With one of our own a whole message is shown as complete.
    const outcome =
      text === undefined || !reply
        ? {}
        : { reply, ended: { type: 'task_ended', taskId, status: 'done', seq: 0, time } as const };
    return {
      ...formatMessage(this.#session.id, { line, seq: line.seq, part: 'answer' }, outcome),
      run_id: runIdOf(taskId),
    };
  }

  /** The step of the last reply, as the log has it. */
  #step() {
    return formatStep(this.#session, this.#record, this.#record.replies.length - 1);
  }

  #putStep(state: string): void {
    this.#put(`thread.run.step.${state}`, this.#step());
  }

  #end(status: string): void {
    this.#putRun(status);
    this.#isOver = true;
  }

  #putRun(state: string): void {
    const run = formatRun(this.#session, this.#record);
    this.#put(`thread.run.${state}`, state === 'created' ? { ...run, status: 'queued' } : run);
  }

  #put(event: string, data: object): void {
    this.#stream.write(sseEvent(JSON.stringify(data), event));
  }
}
