import type { EventStore } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

/** The last events of one host stay in memory up to these bounds. */
const EVENTS_MAX_COUNT = 1000;
const EVENTS_MAX_CHARS = 8 * 1024 * 1024;

interface StreamEvent {
  n: number;
  stream: string;
  message: JSONRPCMessage;
  chars: number;
}

/**
 * The last events of the streams of one host, so that a host that lost its connection gets the rest with `Last-Event-ID`
 * [MCP 2025-11-25, Resumability and Redelivery]. An event that is no longer here cannot be resumed from. The SDK is not told the stream of
 * an event beforehand: it would refuse a host that comes back before its lost connection is noticed here. So the new connection takes
 * the stream over.
 */
export class EventLog implements EventStore {
  #events: StreamEvent[] = [];
  #chars = 0;
  #last = 0;

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const n = (this.#last += 1);
    const { length: chars } = JSON.stringify(message);
    this.#events.push({ n, stream, message, chars });
    this.#chars += chars;
    while (
      this.#events.length > EVENTS_MAX_COUNT ||
      (this.#chars > EVENTS_MAX_CHARS && this.#events.length > 1)
    )
      this.#chars -= this.#events.shift()!.chars;
    return String(n);
  }

  /** Whether a stream can be resumed from this event. */
  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  async replayEventsAfter(
    id: string,
    { send }: { send(id: string, message: JSONRPCMessage): Promise<void> },
  ): Promise<string> {
    const from = this.#find(id);
    if (!from) throw new Error('the event is no longer kept');
    const isLater = (event: StreamEvent): boolean => event.stream === from.stream && event.n > last;
    let last = from.n;
    // Each step looks anew: an event may come meanwhile.
    for (let next = this.#events.find(isLater); next; next = this.#events.find(isLater)) {
      last = next.n;
      if ('jsonrpc' in next.message) await send(String(next.n), next.message);
    }
    return from.stream;
  }

  #find(id: string): StreamEvent | undefined {
    return this.#events.find(({ n }) => String(n) === id);
  }
}
