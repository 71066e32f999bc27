import type { ServerResponse } from 'node:http';
import { AppError } from '../errors.ts';

export interface StreamOptions {
  contentType: string;
  /** What is sent after so long a silence, so that nothing between here and the client takes the connection for dead. */
  heartbeat?: { text: string; everyMs: number };
  /** How long a client may take nothing before the connection is cut. */
  stallTimeoutMs: number;
}

/** A response that is written piece by piece. */
export interface TextStream {
  /** Aborts when the client has gone away before the end, or takes nothing any more. */
  readonly signal: AbortSignal;
  /** Nothing is written to a client that is gone. */
  write(text: string): void;
  /** Pending while the client has not taken what was written; undefined when it has. It resolves too when the client is gone. */
  drained(): Promise<void> | undefined;
  /** Resolves when all is handed over, or the client is gone. */
  end(text?: string): Promise<void>;
}

/** Begins a response of 200 at once, so that the client sees its head before the first piece. */
export function openStream(
  response: ServerResponse,
  { contentType, heartbeat, stallTimeoutMs }: StreamOptions,
): TextStream {
  const gone = new AbortController();
  let unsent = '';
  let waiting: Promise<void> | undefined;
  let stall: NodeJS.Timeout | undefined;
  const beat = heartbeat && setInterval(() => write(heartbeat.text), heartbeat.everyMs);
  const closed = new Promise<void>((resolve) => {
    const onClose = (): void => {
      clearInterval(beat);
      clearTimeout(stall);
      if (!response.writableEnded) gone.abort(new AppError('stopped', 'The client has gone away.'));
      resolve();
    };
    if (response.closed) onClose();
    else response.once('close', onClose);
  });
  if (!response.closed) {
    response.writeHead(200, { 'Content-Type': contentType, 'X-Accel-Buffering': 'no' });
    response.flushHeaders();
  }

  /** What is written in one go leaves in one piece: a model's words come by the dozen. */
  function write(text: string): void {
    if (unsent === '') queueMicrotask(flush);
    unsent += text;
  }

  function flush(): void {
    const text = unsent;
    unsent = '';
    if (text === '' || gone.signal.aborted || response.writableEnded) return;
    beat?.refresh();
    if (response.write(text)) return;
    waiting ??= new Promise<void>((resolve) => {
      stall = setTimeout(() => response.destroy(), stallTimeoutMs);
      const go = (): void => {
        clearTimeout(stall);
        stall = undefined;
        response.off('drain', go);
        waiting = undefined;
        resolve();
      };
      response.once('drain', go);
      void closed.then(go);
    });
  }

  return {
    signal: gone.signal,
    write,
    drained() {
      flush();
      return waiting;
    },
    async end(text) {
      if (text !== undefined) write(text);
      flush();
      clearInterval(beat);
      if (!gone.signal.aborted) {
        // A client that takes nothing holds nobody up for longer than before.
        stall ??= setTimeout(() => response.destroy(), stallTimeoutMs);
        response.end();
      }
      await closed;
    },
  };
}

/** A stream of server-sent events, as the limits say. */
export function openEventStream(
  response: ServerResponse,
  limits: { heartbeatIntervalMs: number; socketStallTimeoutMs: number },
): TextStream {
  return openStream(response, {
    contentType: 'text/event-stream; charset=utf-8',
    heartbeat: { text: ':\n\n', everyMs: limits.heartbeatIntervalMs },
    stallTimeoutMs: limits.socketStallTimeoutMs,
  });
}

/** Whether a client asks for events rather than one answer [RFC 9110 12.5.1]. */
export function wantsEvents(accept: string | undefined): boolean {
  return /(^|,)\s*text\/event-stream\s*(;|,|$)/i.test(accept ?? '');
}

/** Aborts when the client goes away before it has its answer. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const onClose = (): void => {
    if (!response.writableEnded) gone.abort(new AppError('stopped', 'The client has gone away.'));
  };
  if (response.closed) onClose();
  else response.once('close', onClose);
  return gone.signal;
}

/** One server-sent event [HTML 9.2.6]; every event has a data line, else clients drop it. */
export function sseEvent(data: string, event?: string): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return `${name}data: ${data.replaceAll(/\r\n|\r|\n/g, '\ndata: ')}\n\n`;
}
