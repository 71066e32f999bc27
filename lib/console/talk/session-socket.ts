import { bearer } from '../api.ts';

/** The state of a connection. `gone`: the session has ended, and no retry helps. */
export type ConnectionState = 'connecting' | 'live' | 'offline' | 'gone';

/** The ends of a connection. */
export interface SessionSocketOptions {
  session: string;
  /** The position after which the server sends envelopes. */
  since(): number;
  onFrame(frame: unknown): void;
  onState(state: ConnectionState): void;
  /** Called each time when the socket is open. */
  onOpen(): void;
  /** The log was emptied: the client reads it again. */
  onCleared(): void;
  /** Asked before a retry: whether the session still exists. */
  exists(): Promise<boolean>;
}

/** The first pause before a retry; each one is twice the one before, with some chance in it. */
const RETRY_MIN_MS = 300;
const RETRY_MAX_MS = 8000;
/** A connection that is cut without a word shows only by silence. */
const PING_EVERY_MS = 15_000;
const PONG_WITHIN_MS = 8000;
/** A browser waits minutes for a server that takes a connection and says nothing. */
const OPEN_WITHIN_MS = 10_000;
/** The close code of a conversation that was emptied; the session goes on. */
const CLEARED = 1000;
/** The close codes of a session that was removed, and of one that has expired. */
const ENDED = new Set([4404, 4408]);

/** A WebSocket of a session that connects again until it is closed, and goes on at the position that was seen last. */
export class SessionSocket {
  readonly #options: SessionSocketOptions;
  #socket: WebSocket | undefined;
  #retryMs = RETRY_MIN_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pinging: ReturnType<typeof setInterval> | undefined;
  /** Runs while a ping has no answer. */
  #pong: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  /** One function, so that it can be removed as a listener. */
  readonly #now = (): void => this.#retryNow();

  constructor(options: SessionSocketOptions) {
    this.#options = options;
    addEventListener('online', this.#now);
    this.#connect();
  }

  /** Sends a frame; false while there is no connection. */
  send(frame: unknown): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Ends the connection for good. */
  close(): void {
    this.#isClosed = true;
    removeEventListener('online', this.#now);
    this.#leave();
  }

  #connect(): void {
    const { session, since, onState } = this.#options;
    onState('connecting');
    const query = new URLSearchParams({ id: session, since: String(Math.max(0, since())) });
    // A browser sends no header with a WebSocket: the token travels as a subprotocol.
    const protocols = bearer.value === undefined ? [] : ['liteagent', `bearer.${bearer.value}`];
    const url = new URL(`/api/chat?${query.toString()}`, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, protocols);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#retryNow(), OPEN_WITHIN_MS);
    socket.addEventListener('open', () => this.#opened());
    socket.addEventListener('message', ({ data }: MessageEvent<string>) => this.#received(data));
    socket.addEventListener('close', ({ code }) => {
      // A socket that was left closes later, when there is another one.
      if (this.#socket === socket) void this.#ended(code);
    });
  }

  #opened(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#retryMs = RETRY_MIN_MS;
    this.#pinging = setInterval(() => {
      this.#socket?.send('ping');
      this.#pong ??= setTimeout(() => this.#retryNow(), PONG_WITHIN_MS);
    }, PING_EVERY_MS);
    this.#options.onState('live');
    this.#options.onOpen();
  }

  #received(data: string): void {
    clearTimeout(this.#pong);
    this.#pong = undefined;
    if (data !== 'pong') this.#options.onFrame(JSON.parse(data));
  }

  async #ended(code: number): Promise<void> {
    this.#leave();
    if (this.#isClosed) return;
    const { onState, onCleared, exists } = this.#options;
    if (ENDED.has(code)) return onState('gone');
    if (code === CLEARED) onCleared();
    onState('offline');
    // A refused upgrade tells a browser no reason: an HTTP call does.
    if (!(await exists().catch(() => true))) return onState('gone');
    if (this.#isClosed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#retryNow(), this.#retryMs * (0.5 + Math.random() / 2));
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
  }

  /** Connects now, where a connection is wanted and not there. */
  #retryNow(): void {
    if (this.#isClosed) return;
    this.#leave();
    this.#connect();
  }

  /** Ends the socket and its timers. */
  #leave(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#pong);
    clearInterval(this.#pinging);
    this.#timer = this.#pong = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }
}
