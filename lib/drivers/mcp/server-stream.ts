import { createParser } from 'eventsource-parser';
import { createPauses } from '../../common/pauses.ts';
import { sleep } from '../../common/deadline.ts';
import { isObject, type JsonValue } from '../../common/json.ts';
import { egressFetch } from '../egress-fetch.ts';
import type { Egress } from '../egress.ts';
import type { OnServerMessage } from './link.ts';

/** Notifications are short. A longer one is dropped with its stream. */
const EVENT_MAX_CHARS = 64 * 1024;
/** The pause before the stream is opened again grows from the first to the last, in ms. */
const PAUSE_MIN_MS = 500;
const PAUSE_MAX_MS = 60_000;
/** A stream that brings more than this between two pauses floods us, and is opened no more. */
const STREAM_MAX_BYTES = 16 * 1024 * 1024;

/** The stream, and who receives its messages. */
interface ServerStreamOptions {
  egress: Egress;
  url: string;
  headers: Record<string, string>;
  onMessage: OnServerMessage;
  onGap(): void;
}

/**
 * The messages that a server sends by itself [MCP 2025-11-25, Listening for Messages from the Server]. A stream that breaks is opened
 * again after a pause. A server without such a stream is not asked again.
 */
export class ServerStream {
  readonly #options: ServerStreamOptions;
  readonly #closed = new AbortController();
  readonly #running: Promise<void>;
  isOpen = false;

  constructor(options: ServerStreamOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Ends the stream. Never rejects. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('closed'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    let pauseMs = PAUSE_MIN_MS;
    while (!signal.aborted) {
      const outcome = await this.#listen().catch(() => 'broken' as const);
      this.isOpen = false;
      this.#options.onGap();
      if (outcome === 'none') return;
      pauseMs = outcome === 'ended' ? PAUSE_MIN_MS : Math.min(PAUSE_MAX_MS, pauseMs * 2);
      await sleep(pauseMs, signal).catch(() => undefined); // it was closed
    }
  }

  /** Reads one stream to its end. `none`: the server has no such stream. */
  async #listen(): Promise<'none' | 'ended'> {
    const { egress, url, headers } = this.#options;
    const response = await egressFetch(egress)(url, { headers, signal: this.#closed.signal });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    const reader = response.body?.getReader();
    if (!response.ok || !isStream || !reader) {
      await reader?.cancel();
      return 'none';
    }
    this.isOpen = true;
    this.#options.onGap(); // a list that was asked before this stream may be old
    const decoder = new TextDecoder();
    const parser = createParser({ maxBufferSize: EVENT_MAX_CHARS, onEvent: ({ data }) => this.#take(data) });
    const pause = createPauses();
    let count = 0;
    for (;;) {
      await pause();
      const { done, value } = await reader.read();
      if (done) return 'ended';
      count += value.byteLength;
      if (count > STREAM_MAX_BYTES) {
        await reader.cancel();
        return 'none';
      }
      parser.feed(decoder.decode(value, { stream: true }));
    }
  }

  #take(data: string): void {
    let message: JsonValue;
    try {
      message = JSON.parse(data) as JsonValue;
    } catch {
      return; // no message
    }
    if (isObject(message)) this.#options.onMessage(message);
  }
}
