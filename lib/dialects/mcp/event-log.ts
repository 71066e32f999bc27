import type { EventStore } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { createPauses } from '../../common/pauses.ts';

/** The last events of one host stay in memory up to these bounds. */
const EVENTS_MAX_COUNT = 1000;
const EVENTS_MAX_CHARS = 8 * 1024 * 1024;

/** An event of a stream: it was sent, or its host had no connection at that moment. */
interface StreamEvent {
  /** Its number among the events of all streams of the host. As a text it is the event's id. */
  n: number;
  /** The SDK's id of the stream. */
  stream: string;
  message: JSONRPCMessage;
  /** The length of the message as JSON. */
  chars: number;
}

/**
 * The last events of the streams of one host, so that a host that lost its connection gets the rest with `Last-Event-ID`
 * [MCP 2025-11-25, Resumability and Redelivery]. An event that is no longer here cannot be resumed from. This class leaves
 * `getStreamIdForEventId` out: with it the SDK answers 409 to a host that comes back before the server notices its lost connection. So
 * the new connection takes the stream over.
 */
export class EventLog implements EventStore {
  #events: StreamEvent[] = [];
  /** The sum over all events. */
  #chars = 0;
  /** The number of the last event. */
  #last = 0;

  /** Keeps an event, and resolves with its id. The oldest events make room. */
  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const n = (this.#last += 1);
    const { length: chars } = JSON.stringify(message);
    this.#events.push({ n, stream, message, chars });
    this.#chars += chars;
    // The newest event stays, however large it is: otherwise a large result could never be resumed.
    while (
      this.#events.length > EVENTS_MAX_COUNT ||
      (this.#chars > EVENTS_MAX_CHARS && this.#events.length > 1)
    )
      this.#chars -= this.#events.shift()!.chars;
    return String(n);
  }

  /** The stream that can be resumed from this event; undefined when the event is not kept any more. */
  streamOf(id: string): string | undefined {
    return this.#find(id)?.stream;
  }

  /** Sends the later events of the same stream, and resolves with that stream. Rejects when the event is not kept any more. */
  async replayEventsAfter(
    id: string,
    { send }: { send(id: string, message: JSONRPCMessage): Promise<void> },
  ): Promise<string> {
    const from = this.#find(id);
    if (!from) throw new Error('the event is no longer kept');
    const isLater = (event: StreamEvent): boolean => event.stream === from.stream && event.n > last;
    const pause = createPauses(); // a host may ask for all of them again and again
    let last = from.n;
    // Each step looks anew: an event may come meanwhile.
    for (let next = this.#events.find(isLater); next; next = this.#events.find(isLater)) {
      last = next.n;
      await pause();
      // The SDK begins a stream with an event that is no message.
      if ('jsonrpc' in next.message) await send(String(next.n), next.message);
    }
    return from.stream;
  }

  #find(id: string): StreamEvent | undefined {
    return this.#events.find(({ n }) => String(n) === id);
  }
}
