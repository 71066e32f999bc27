import type { ServerResponse } from 'node:http';
import { endError } from '../../core/ask.ts';
import type { Config } from '../../config.ts';
import type { Message } from '../../core/message.ts';
import type { Delta, EndReason, Session, Subscriber } from '../../core/session.ts';
import { openEventStream, sseEvent, type TextStream } from '../../server/stream.ts';
import type { ResponsePlace } from './ids.ts';
import type { CallShape } from './items.ts';
import { ResponseEvents, type ResponseEvent } from './response-events.ts';

/** A response that a client follows. */
export interface FollowedResponse {
  session: Session;
  place: ResponsePlace;
  shape: CallShape;
  /** Events up to this number are left out. */
  startingAfter?: number | undefined;
}

/** Follows the log for one response, and writes its events. It begins at once, so that no partial text is missed. */
export class ResponseFollower implements Subscriber {
  readonly #events: ResponseEvents;
  readonly #taskId: string;
  readonly #startingAfter: number;
  readonly #unsubscribe: () => void;
  /** The events before there is a stream to write to. */
  #waiting: string[] = [];
  #stream: TextStream | undefined;
  /** How much of the reply's text has arrived as partial text. */
  #textLength = 0;
  #lastNumber = 0;
  #onOver: () => void = () => undefined;
  /** Resolves when the response is over, or cannot be followed any more. */
  readonly over: Promise<void>;

  constructor({ session, place, shape, startingAfter = -1 }: FollowedResponse) {
    this.#events = new ResponseEvents(session, place, shape);
    this.#taskId = place.taskId;
    this.#startingAfter = startingAfter;
    this.over = new Promise((resolve) => (this.#onOver = resolve));
    this.#unsubscribe = session.subscribe(this, place.after);
  }

  /** Writes to the client until the response is over or the client has left. */
  async sendTo(response: ServerResponse, limits: Config['limits']): Promise<void> {
    const stream = openEventStream(response, limits);
    this.#stream = stream;
    for (const text of this.#waiting.splice(0)) stream.write(text);
    const left = new Promise<void>((resolve) => {
      if (stream.signal.aborted) resolve();
      stream.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([this.over, left]);
    this.close();
    await stream.end();
  }

  /** Ends the subscription. */
  close(): void {
    this.#unsubscribe();
    this.#onOver();
  }

  messages(batch: readonly Message[]): void | Promise<void> {
    for (const line of batch) {
      const events = this.#events.line(line);
      if (!events) continue;
      this.#textLength = 0;
      this.#write(events, this.#events.isOver);
    }
    if (this.#events.isOver) return this.close();
    return this.#stream?.drained();
  }

  delta({ taskId, kind, text, at }: Delta): void {
    // Without the text before it, a piece says nothing. The whole text comes with the line of the reply.
    if (taskId !== this.#taskId || kind !== 'answer' || at !== this.#textLength) return;
    this.#textLength += text.length;
    this.#write(this.#events.delta(text), false);
  }

  ended(reason: EndReason): void {
    const { code, message } = endError(reason);
    const event = { type: 'error', sequence_number: this.#lastNumber + 1, code, message, param: null };
    if (!this.#events.isOver) this.#put(event);
    this.#onOver();
  }

  /** Writes events. The last one is written in any case: it says what became of the response. */
  #write(events: readonly ResponseEvent[], isEnd: boolean): void {
    for (const [index, event] of events.entries()) {
      this.#lastNumber = event.sequence_number;
      const isLast = isEnd && index === events.length - 1;
      if (isLast || event.sequence_number > this.#startingAfter) this.#put(event);
    }
  }

  #put(event: ResponseEvent): void {
    const text = sseEvent(JSON.stringify(event), event.type);
    if (this.#stream) this.#stream.write(text);
    else this.#waiting.push(text);
  }
}
