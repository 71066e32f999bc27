import type { ServerResponse } from 'node:http';
import type { Config } from '../../config.ts';
import type { JsonObject } from '../../common/json.ts';
import { endError } from '../../core/ask.ts';
import type { Message } from '../../core/message.ts';
import type { Delta, EndReason, Session, Subscriber } from '../../core/session.ts';
import type { AppError } from '../../errors.ts';
import { sseEvent } from '../../server/stream.ts';
import type { CompletionHead } from './completion.ts';
import { completionFailure, finishOf, formatUsage, saidIn, TEXT_BREAK } from './completion-record.ts';
import { formatOpenAiError } from './errors.ts';
import { FollowerStream } from './follower-stream.ts';
import type { ResponsePlace } from './ids.ts';
import { addToRecord, newRecord, type TaskRecord } from './task-record.ts';

/** A chat completion that a client follows. */
export interface FollowedCompletion {
  session: Session;
  place: ResponsePlace;
  head: CompletionHead;
}

/** Follows the log for one chat completion, and writes its chunks. The chunks together are the whole completion. */
export class CompletionFollower implements Subscriber {
  readonly #head: CompletionHead;
  readonly #place: ResponsePlace;
  readonly #record: TaskRecord;
  readonly #stream = new FollowerStream();
  /** Whether any text was sent, and how much of the text of the present reply. */
  #hasText = false;
  #sentLength = 0;
  /** Whether the last chunk was written. */
  #isOver = false;

  /** Subscribes at once, so that no partial text is missed. The first chunk has the role alone, as OpenAI's. */
  constructor({ session, place, head }: FollowedCompletion) {
    this.#head = head;
    this.#place = place;
    this.#record = newRecord(session, place.taskId);
    this.#putDelta({ role: 'assistant', content: '' });
    this.#stream.follows(session.subscribe(this, place.after));
  }

  /** Writes to the client until the completion is over or the client has left. */
  sendTo(response: ServerResponse, limits: Config['limits']): Promise<void> {
    return this.#stream.sendTo(response, limits);
  }

  /** Ends the subscription. */
  close(): void {
    this.#stream.close();
  }

  /** Adds lines of the log. The promise asks to wait while the client reads too slowly. */
  messages(batch: readonly Message[]): void | Promise<void> {
    const { part } = this.#place;
    for (const line of batch) {
      // Asked before the line is added: the line that ends a part belongs to it.
      const isOwn = this.#record.pauses.length === part;
      if (this.#isOver || !addToRecord(this.#record, line) || !isOwn) continue;
      if (line.type === 'model_reply') this.#addReply(line.text);
      if (line.type === 'task_ended' || this.#record.pauses.length > part) this.#end();
    }
    return this.#isOver ? this.close() : this.#stream.drained();
  }

  delta({ taskId, kind, text, at }: Delta): void {
    const { started, pauses } = this.#record;
    // A piece says nothing without the text before it: the rest comes with the line of the reply.
    if (taskId !== this.#record.taskId || kind !== 'answer' || at !== this.#sentLength) return;
    if (started && !this.#isOver && pauses.length === this.#place.part) this.#addText(text);
  }

  /** The session has ended before the completion: the stream says so. */
  ended(reason: EndReason): void {
    if (!this.#isOver) this.#putError(endError(reason));
    this.#stream.end();
  }

  /** Sends the text of a reply that was not sent in pieces. */
  #addReply(text: string): void {
    this.#addText(text.slice(this.#sentLength));
    this.#sentLength = 0;
  }

  /** Sends a piece. A break is between two texts of one answer. */
  #addText(text: string): void {
    if (text === '') return;
    const isFirst = this.#sentLength === 0;
    this.#sentLength += text.length;
    this.#putDelta({ content: isFirst && this.#hasText ? TEXT_BREAK + text : text });
    this.#hasText = true;
  }

  /** Sends the last chunks. The calls of the client come whole: their arguments are not streamed. */
  #end(): void {
    this.#isOver = true;
    const failure = completionFailure(this.#record);
    if (failure) return this.#putError(failure);
    const { calls } = saidIn(this.#place, this.#record);
    if (calls.length > 0) this.#putDelta({ tool_calls: calls.map((call, index) => ({ index, ...call })) });
    this.#putDelta({}, finishOf(this.#record, calls));
    if (this.#head.showsUsage) this.#putChunk([], formatUsage(this.#record, this.#place.part));
    this.#put('[DONE]');
  }

  #putDelta(delta: JsonObject, finish: string | null = null): void {
    this.#putChunk([{ index: 0, delta, finish_reason: finish, logprobs: null }], null);
  }

  /** Sends a chunk. Where the client wants the usage, each chunk has the field: null before the last one. */
  #putChunk(choices: JsonObject[], usage: JsonObject | null): void {
    const { id, created, model, metadata, showsUsage } = this.#head;
    const chunk = {
      id,
      object: 'chat.completion.chunk',
      created,
      model,
      choices,
      ...(showsUsage && { usage }),
      ...(metadata && { metadata }),
    };
    this.#put(JSON.stringify(chunk));
  }

  /** The status 200 is sent already, so the error goes into the stream, as OpenAI does it. */
  #putError(error: AppError): void {
    this.#put(formatOpenAiError(error).body);
  }

  #put(data: string): void {
    this.#stream.write(sseEvent(data));
  }
}
