import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { Limits } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Pulse, type Flow } from './pulse.ts';
import { refuse } from './refuse.ts';
import type { Peer, Receiver } from './socket.ts';

/** Above this a frame may end the connection with 1009 (contract 1). */
const CLOSE_ABOVE_BYTES = 16 * 1024 * 1024;
/** How long a peer may take to answer a close frame; an option of ws that its types do not know yet. */
const closing = { closeTimeout: 5000 };

export interface SocketsOptions {
  limits: Pick<
    Limits,
    'frameMaxBytes' | 'socketBufferMaxBytes' | 'socketStallTimeoutMs' | 'heartbeatIntervalMs'
  >;
  log: Log;
}

/** All open WebSockets of the server. */
export interface Sockets {
  readonly count: number;
  /** Completes an upgrade that was admitted; `protocol` is selected when the client offers it. */
  open(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    protocol: string,
    receive: (peer: Peer) => Receiver,
  ): void;
  /** Closes all with 1012, and resolves when they are gone (what does not answer is cut off). */
  close(): Promise<void>;
}

/**
 * WebSockets over ws, which does handshake, masking, pings and closing. What the server sends is framed before it comes
 * here, once for all sockets, and written straight to the stream that ws writes to as well: without compression and
 * fragments ws keeps no sending state of its own, so order, close and `bufferedAmount` stay right.
 */
export function openSockets({ limits, log }: SocketsOptions): Sockets {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: CLOSE_ABOVE_BYTES,
    ...closing,
    handleProtocols: (offered, request) => {
      const wanted = wantedProtocols.get(request);
      return wanted !== undefined && offered.has(wanted) ? wanted : false;
    },
  });
  server.on('wsClientError', ({ message }, socket) =>
    refuse(socket, new AppError('invalid_request', `Not a WebSocket handshake: ${message}.`), 400),
  );
  const wantedProtocols = new WeakMap<IncomingMessage, string>();
  const connections = new Map<WebSocket, Connection>();
  const dirty: Connection[] = [];
  let whenEmpty: (() => void) | undefined;

  function flushAll(): void {
    for (const connection of dirty.splice(0)) connection.flush();
  }
  const lane: Lane = {
    maxBytes: limits.socketBufferMaxBytes,
    stallMs: limits.socketStallTimeoutMs,
    later(connection) {
      if (dirty.push(connection) === 1) process.nextTick(flushAll);
    },
  };

  // One interval and these listeners serve all sockets, so that an idle one costs little.
  const heart = setInterval(() => {
    const now = performance.now();
    for (const connection of connections.values()) connection.beat(now);
  }, limits.heartbeatIntervalMs);
  heart.unref();

  function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
    const connection = connections.get(this);
    if (!connection) return;
    const size = (data as Buffer).length;
    if (isBinary) connection.receiver.refused('Binary frames are not taken: send JSON as text.');
    else if (size > limits.frameMaxBytes)
      connection.receiver.refused(`The message is larger than ${limits.frameMaxBytes} bytes.`);
    else connection.receiver.text((data as Buffer).toString());
    connection.restrain();
  }
  function onPong(this: WebSocket, data: Buffer): void {
    connections.get(this)?.pulse.pong(Number(data.toString('latin1')));
  }
  function onError(this: WebSocket, error: Error): void {
    log.debug({ err: error }, 'websocket error');
  }
  function onClose(this: WebSocket): void {
    const connection = connections.get(this);
    connections.delete(this);
    connection?.closed();
    if (connections.size === 0) whenEmpty?.();
  }

  return {
    get count() {
      return connections.size;
    },
    open(request, socket, head, protocol, receive) {
      wantedProtocols.set(request, protocol);
      server.handleUpgrade(request, socket, head, (ws) => {
        const connection = new Connection(ws, socket as Socket, lane);
        connections.set(ws, connection);
        ws.on('message', onMessage).on('pong', onPong).on('error', onError).on('close', onClose);
        connection.receiver = receive(connection);
      });
    },
    async close() {
      server.close(); // an upgrade on its way is answered with 503
      for (const connection of connections.values()) connection.close(1012, 'the server is going down');
      if (connections.size > 0) {
        await new Promise<void>((resolve) => {
          whenEmpty = resolve;
        });
      }
      clearInterval(heart);
    },
  };
}

/** What all connections share. */
interface Lane {
  maxBytes: number;
  stallMs: number;
  later(connection: Connection): void;
}

interface Wait {
  promise: Promise<void>;
  resolve: () => void;
}

/** One open socket. A class, as there may be ten thousand: they share their methods. */
class Connection implements Peer {
  receiver: Receiver = nobody;
  readonly pulse: Pulse;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #lane: Lane;
  /** What this tick has for the peer; mostly one buffer, so no list for that. */
  #queued: Buffer | Buffer[] | undefined;
  #queuedBytes = 0;
  #wait: Wait | undefined;
  #stall: NodeJS.Timeout | undefined;

  constructor(ws: WebSocket, socket: Socket, lane: Lane) {
    this.#ws = ws;
    this.#socket = socket;
    this.#lane = lane;
    this.pulse = new Pulse(performance.now(), flowOf(socket));
  }

  send(frames: Buffer): void {
    this.#queuedBytes += frames.length;
    if (this.#queued === undefined) {
      this.#queued = frames;
      this.#lane.later(this);
    } else if (Array.isArray(this.#queued)) {
      this.#queued.push(frames);
    } else {
      this.#queued = [this.#queued, frames];
    }
  }

  flush(): void {
    const queued = this.#queued;
    this.#queued = undefined;
    this.#queuedBytes = 0;
    if (queued === undefined || !this.#isOpen) return;
    if (Array.isArray(queued)) {
      this.#socket.cork();
      for (const frames of queued) this.#socket.write(frames);
      this.#socket.uncork();
    } else {
      this.#socket.write(queued);
    }
    this.#watch();
  }

  drained(): Promise<void> | undefined {
    // What is queued counts, but only a write can say whether it has to wait.
    if (this.#isFull) this.flush();
    return this.#isFull ? this.#untilDrained() : undefined;
  }

  close(code: number, reason: string): void {
    this.flush();
    if (this.#isOpen) this.#ws.close(code, reason);
  }

  /** Reads no more from a peer that does not take the answers to what it has sent. */
  restrain(): void {
    if (this.drained() === undefined || this.#ws.isPaused) return;
    this.#ws.pause();
    void this.#untilDrained().then(() => this.#ws.resume());
  }

  beat(now: number): void {
    const flow = flowOf(this.#socket);
    if (!this.pulse.beat(now, flow)) this.#ws.terminate();
    else if (this.pulse.wantsPing && this.#isOpen) this.#ws.ping(String(this.#socket.bytesWritten));
  }

  closed(): void {
    clearTimeout(this.#stall);
    this.#queued = undefined;
    this.#wait?.resolve();
    this.receiver.closed();
  }

  get #isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  get #isFull(): boolean {
    // Under its own high-water mark a stream never says "drain".
    const most = Math.max(this.#lane.maxBytes, this.#socket.writableHighWaterMark);
    return this.#isOpen && this.#socket.writableLength + this.#queuedBytes > most;
  }

  #untilDrained(): Promise<void> {
    if (!this.#wait) {
      let resolve = () => {};
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.#wait = { promise, resolve };
      this.#socket.once('drain', () => {
        this.#wait = undefined;
        resolve();
      });
    }
    return this.#wait.promise;
  }

  /** From the moment something waits, something must move within the limit, again and again until nothing waits. */
  #watch(): void {
    if (this.#stall || this.#socket.writableLength === 0) return;
    const check = () => {
      this.#stall = undefined;
      const { taken, behind } = flowOf(this.#socket);
      if (behind && taken === before) this.close(1013, 'too slow: connect again with since');
      else this.#watch();
    };
    const before = flowOf(this.#socket).taken;
    this.#stall = setTimeout(check, this.#lane.stallMs).unref();
  }
}

const nobody: Receiver = { text() {}, refused() {}, closed() {} };

/** libuv's own count of what it could not write yet shows progress inside one large write, which the stream does not. */
function flowOf(socket: Socket): Flow {
  const { _handle: handle } = socket as unknown as {
    _handle: { bytesWritten: number; writeQueueSize: number } | null;
  };
  return {
    read: socket.bytesRead,
    taken: handle ? handle.bytesWritten - handle.writeQueueSize : socket.bytesWritten,
    behind: socket.writableLength > 0,
  };
}
