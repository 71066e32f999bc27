import type { ServerResponse } from 'node:http';
import type { Config } from '../../config.ts';
import { answerRecordOf } from '../../server/record-answer.ts';
import { openEventStream, type TextStream } from '../../server/stream.ts';

/** The events before all others, and those after all others. */
interface Frame {
  first?: string | undefined;
  last?: string | undefined;
}

/** The events that a follower of the log writes to one client. Those that come before the stream is open wait for it. */
export class FollowerStream {
  #unsubscribe: () => void = () => undefined;
  /** Events from before the stream was open. */
  #waiting: string[] = [];
  /** Undefined until `sendTo` has opened it. */
  #stream: TextStream | undefined;
  #onOver: () => void = () => undefined;
  readonly #over = new Promise<void>((resolve) => (this.#onOver = resolve));

  /** Takes the end of the follower's subscription. `close` calls it. */
  follows(unsubscribe: () => void): void {
    this.#unsubscribe = unsubscribe;
  }

  write(text: string): void {
    if (this.#stream) this.#stream.write(text);
    else this.#waiting.push(text);
  }

  /** A promise while the client reads too slowly. */
  drained(): void | Promise<void> {
    return this.#stream?.drained();
  }

  /**
   * Writes to the client until `end` or `close` is called, or the client has left. The rest is recorded where a client that has lost
   * its connection may repeat its request.
   */
  async sendTo(
    response: ServerResponse,
    limits: Config['limits'],
    { first, last }: Frame = {},
  ): Promise<void> {
    const stream = openEventStream(response, limits, { goesOn: true });
    if (first !== undefined) stream.write(first);
    this.#stream = stream;
    for (const text of this.#waiting.splice(0)) stream.write(text);
    const left = new Promise<void>((resolve) => {
      if (stream.signal.aborted) resolve();
      stream.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    // A client that has left may repeat its request and get the record. Without a record nobody needs the rest.
    await (answerRecordOf(response) ? this.#over : Promise.race([this.#over, left]));
    this.close();
    await stream.end(last);
  }

  /** Nothing more comes from the log. */
  end(): void {
    this.#onOver();
  }

  /** Ends the subscription, and the stream. */
  close(): void {
    this.#unsubscribe();
    this.#onOver();
  }
}
