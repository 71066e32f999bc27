import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { startPeriodic } from '../common/periodic.ts';
import type { Limits } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import { refuse } from './refuse.ts';
import { SocketPeer, type SocketLane } from './socket-peer.ts';
import type { Peer, Receiver } from './socket.ts';

/** A longer message ends the connection with 1009 (contract 1). */
const CLOSE_ABOVE_BYTES = 16 * 1024 * 1024;
/** Bytes of all peers in one turn of the event loop. Then each that has sent more rests until the next turn. */
const TURN_MAX_BYTES = 4 * 1024 * 1024;
/**
 * Options that the types of ws do not have yet: how long a peer may take to answer a close frame, in ms, and the most pieces of
 * one message, which cost memory of their own.
 */
const options = { closeTimeout: 5000, maxFragments: 4096, maxBufferedChunks: 32 * 1024 };

/** The limits of sockets, and the log of their errors. */
export interface SocketsOptions {
  limits: Pick<
    Limits,
    | 'frameMaxBytes'
    | 'socketBufferMaxBytes'
    | 'socketStallTimeoutMs'
    | 'socketInputMaxBytes'
    | 'socketMessageTimeoutMs'
    | 'heartbeatIntervalMs'
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
  /** Closes all with 1012, and resolves when they are gone. A peer that does not answer is cut off. */
  close(): Promise<void>;
}

/** WebSockets over ws, which does handshake, masking, pings and closing. */
export function openSockets(options: SocketsOptions): Sockets {
  return new OpenSockets(options);
}

/** One heartbeat and one set of listeners serve all sockets, so that an idle socket costs little. */
class OpenSockets implements Sockets {
  readonly #server: WebSocketServer;
  readonly #wantedProtocols = new WeakMap<IncomingMessage, string>();
  readonly #peers = new Map<WebSocket, SocketPeer>();
  readonly #heart;
  readonly #lane: SocketLane;
  readonly #listeners: ReturnType<typeof createListeners>;
  readonly #inputMaxBytes: number;
  /** At least the bytes of all unfinished messages. */
  #unfinishedBytes = 0;
  /** The bytes that arrived in this turn of the event loop. */
  #turnBytes = 0;
  /** Peers with frames for this tick. */
  #waiting: SocketPeer[] = [];
  #whenEmpty: () => void = () => undefined;

  constructor({ limits, log }: SocketsOptions) {
    this.#inputMaxBytes = limits.socketInputMaxBytes;
    this.#lane = {
      maxBytes: limits.socketBufferMaxBytes,
      stallMs: limits.socketStallTimeoutMs,
      arrivalMs: limits.socketMessageTimeoutMs,
      flushLater: (peer) => this.#flushLater(peer),
    };
    this.#listeners = createListeners(this.#peers, { limits, log }, () => this.#whenEmpty());
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: CLOSE_ABOVE_BYTES,
      // One frame of a socket in each turn of the event loop, so that no peer holds up the others.
      allowSynchronousEvents: false,
      ...options,
      handleProtocols: (offered, request) => this.#selectProtocol(offered, request),
    });
    this.#server.on('wsClientError', ({ message }, socket) =>
      refuse(socket, new AppError('invalid_request', `Not a WebSocket handshake: ${message}.`), 400),
    );
    this.#heart = startPeriodic({
      pauseMs: limits.heartbeatIntervalMs,
      work: async () => this.#beat(),
      onError: (error) => log.error({ err: error }, 'a heartbeat of the sockets failed'),
    });
  }

  get count(): number {
    return this.#peers.size;
  }

  open(...[request, socket, head, protocol, receive]: Parameters<Sockets['open']>): void {
    this.#wantedProtocols.set(request, protocol);
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      const peer = new SocketPeer(ws, socket as Socket, this.#lane);
      this.#peers.set(ws, peer);
      const { onMessage, onPing, onPong, onError, onClose } = this.#listeners;
      ws.on('message', onMessage).on('ping', onPing).on('pong', onPong).on('error', onError);
      ws.on('close', onClose);
      socket.on('data', (chunk: Buffer) => this.#onData(peer, chunk.length));
      peer.receiver = receive(peer);
    });
  }

  async close(): Promise<void> {
    this.#server.close(); // an upgrade on its way is answered with 503
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    for (const peer of this.#peers.values()) peer.close(1012, 'the server is going down');
    if (this.#peers.size > 0) await empty;
    await this.#heart.stop();
  }

  #selectProtocol(offered: Set<string>, request: IncomingMessage): string | false {
    const wanted = this.#wantedProtocols.get(request);
    return wanted !== undefined && offered.has(wanted) ? wanted : false;
  }

  /** Counts the bytes of unfinished messages. When all together are too many, the largest one has to go. */
  #onData(peer: SocketPeer, bytes: number): void {
    peer.arrived(bytes);
    if (this.#turnBytes === 0) setImmediate(() => (this.#turnBytes = 0));
    this.#turnBytes += bytes;
    if (this.#turnBytes > TURN_MAX_BYTES) peer.rest();
    this.#unfinishedBytes += bytes;
    if (this.#unfinishedBytes <= this.#inputMaxBytes) return;
    // The sum of all bytes since the last count is an upper bound: messages that were finished meanwhile are in it.
    let largest = peer;
    this.#unfinishedBytes = 0;
    for (const one of this.#peers.values()) {
      this.#unfinishedBytes += one.unfinishedBytes;
      if (one.unfinishedBytes > largest.unfinishedBytes) largest = one;
    }
    if (this.#unfinishedBytes <= this.#inputMaxBytes) return;
    this.#unfinishedBytes -= largest.unfinishedBytes;
    largest.cutOff(1013, 'too many large messages arrive at once: try again');
  }

  #flushLater(peer: SocketPeer): void {
    if (this.#waiting.push(peer) > 1) return;
    process.nextTick(() => {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const one of waiting) one.flush();
    });
  }

  #beat(): void {
    const now = performance.now();
    for (const peer of this.#peers.values()) peer.beat(now);
  }
}

/** The listeners that all sockets share: ws calls each with the socket as `this`. */
function createListeners(
  peers: Map<WebSocket, SocketPeer>,
  { limits: { frameMaxBytes }, log }: SocketsOptions,
  onEmpty: () => void,
) {
  return {
    onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
      const peer = peers.get(this);
      if (!peer) return;
      peer.finished();
      const bytes = data as Buffer; // the binaryType of ws is left as it is, so it is one buffer
      if (isBinary) peer.receiver.refused('Binary frames are not taken: send JSON as text.');
      else if (bytes.length > frameMaxBytes)
        peer.receiver.refused(`The message is larger than ${frameMaxBytes} bytes.`);
      else peer.take(bytes.toString());
      peer.restrain();
    },
    onPing(this: WebSocket, data: Buffer): void {
      peers.get(this)?.controlled(data.length);
    },
    onPong(this: WebSocket, data: Buffer): void {
      const peer = peers.get(this);
      peer?.controlled(data.length);
      peer?.pulse.pong(Number(data.toString('latin1')));
    },
    onError(this: WebSocket, error: Error): void {
      log.debug({ err: error }, 'websocket error');
    },
    onClose(this: WebSocket): void {
      const peer = peers.get(this);
      peers.delete(this);
      peer?.closed();
      if (peers.size === 0) onEmpty();
    },
  };
}
