import type { ServerResponse } from 'node:http';
import { endError } from '../../core/ask.ts';
import type { Config } from '../../config.ts';
import type { Message } from '../../core/message.ts';
import type { Delta, EndReason, Session, Subscriber } from '../../core/session.ts';
import { sseEvent } from '../../server/stream.ts';
import { FollowerStream } from './follower-stream.ts';
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
  readonly #stream = new FollowerStream();
  /** How much of the reply's text has arrived as partial text. */
  #textLength = 0;
  /** The number of the last event that was made, also of one that was left out. */
  #lastNumber = 0;

  constructor({ session, place, shape, startingAfter = -1 }: FollowedResponse) {
    this.#events = new ResponseEvents(session, place, shape);
    this.#taskId = place.taskId;
    this.#startingAfter = startingAfter;
    this.#stream.follows(session.subscribe(this, place.after));
  }

  /** Writes to the client until the response is over or the client has left. */
  sendTo(response: ServerResponse, limits: Config['limits']): Promise<void> {
    return this.#stream.sendTo(response, limits);
  }

  /** Ends the subscription. */
  close(): void {
    this.#stream.close();
  }

  /** Adds lines of the log. The promise asks to wait while the client reads too slowly. */
  messages(batch: readonly Message[]): void | Promise<void> {
    for (const line of batch) {
      const events = this.#events.line(line);
      if (!events) continue;
      // A line ends the text before it: the next piece begins a new one.
      this.#textLength = 0;
      this.#write(events, this.#events.isOver);
    }
    if (this.#events.isOver) return this.close();
    return this.#stream.drained();
  }

  delta({ taskId, kind, text, at }: Delta): void {
    // Without the text before it, a piece says nothing. The whole text comes with the line of the reply.
    if (taskId !== this.#taskId || kind !== 'answer' || at !== this.#textLength) return;
    this.#textLength += text.length;
    this.#write(this.#events.delta(text), false);
  }

  /** The session has ended before the response. The event that says so is not in the log, and is the last one. */
  ended(reason: EndReason): void {
    const { code, message } = endError(reason);
    const event = { type: 'error', sequence_number: this.#lastNumber + 1, code, message, param: null };
    if (!this.#events.isOver) this.#put(event);
    this.#stream.end();
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
    this.#stream.write(sseEvent(JSON.stringify(event), event.type));
  }
}
