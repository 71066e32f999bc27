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
 * [MCP 2025-11-25, Resumability and Redelivery]. An event that is no longer here cannot be resumed from.
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

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.#find(id)?.stream;
  }

  async replayEventsAfter(
    id: string,
    { send }: { send(id: string, message: JSONRPCMessage): Promise<void> },
  ): Promise<string> {
    const from = this.#find(id);
    if (!from) throw new Error('the event is no longer kept');
    const later = this.#events.filter(({ n, stream }) => stream === from.stream && n > from.n);
    for (const { n, message } of later) if ('jsonrpc' in message) await send(String(n), message);
    return from.stream;
  }

  #find(id: string): StreamEvent | undefined {
    return this.#events.find(({ n }) => String(n) === id);
  }
}
