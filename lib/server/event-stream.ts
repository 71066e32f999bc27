import type { ServerResponse } from 'node:http';

/** Server-sent events as the answer to a request [HTML 9.2]. */
export interface EventStream {
  /** Aborts when the client has gone before the end. */
  readonly gone: AbortSignal;
  /** Sends one event, its data as JSON in one line; nothing after the end, or when the client has gone. */
  send(data: unknown, event?: string): void;
  /** The same with a text of one line as it stands. */
  sendText(text: string): void;
  end(): void;
}

export interface EventStreamOptions {
  /** Between two comments that keep the way open while nothing is said. */
  heartbeatMs: number;
  /** What may wait for a slow reader before it is given up. */
  bufferMaxBytes: number;
}

/** Opens the stream: its head goes out at once. */
export function openEventStream(response: ServerResponse, options: EventStreamOptions): EventStream {
  const gone = new AbortController();
  let ended = false;
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
  response.flushHeaders();
  const heartbeat = setInterval(() => write(':\n\n'), options.heartbeatMs);
  const left = (): void => {
    clearInterval(heartbeat);
    if (!ended) gone.abort();
    ended = true;
  };
  response.once('close', left);
  if (response.closed) left(); // before anybody listened

  function write(text: string): void {
    if (ended || response.destroyed) return;
    response.write(text);
    if (response.writableLength > options.bufferMaxBytes) response.destroy();
  }

  return {
    gone: gone.signal,
    send(data, event) {
      write(`${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`);
    },
    sendText: (text) => write(`data: ${text}\n\n`),
    end() {
      ended = true;
      clearInterval(heartbeat);
      response.end();
    },
  };
}

/** Whether a client asks for events rather than one answer [RFC 9110 12.5.1]. */
export function wantsEvents(accept: string | undefined): boolean {
  return /(^|,)\s*text\/event-stream\s*(;|,|$)/i.test(accept ?? '');
}
