import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { Pulse } from './pulse.ts';
import { flowOf } from './socket-flow.ts';
import type { Peer, Receiver } from './socket.ts';

/** The rules that all open sockets share. */
export interface SocketLane {
  /** How many bytes may wait for a peer before its dialect has to pause. */
  maxBytes: number;
  /** After how many ms without progress a slow peer is closed. */
  stallMs: number;
  /** Calls `flush` of the peer at the end of this tick. */
  flushLater(peer: SocketPeer): void;
}

interface Wait {
  promise: Promise<void>;
  resolve: () => void;
}

const nobody: Receiver = { text() {}, refused() {}, closed() {} };

/**
 * The client's side of one open WebSocket. Frames are written straight to the stream below ws: without compression and
 * fragments ws keeps no sending state of its own, so order, close and `bufferedAmount` stay right.
 */
export class SocketPeer implements Peer {
  /** The dialect's side. */
  receiver: Receiver = nobody;
  readonly pulse: Pulse;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #lane: SocketLane;
  /** The frames of this tick. It is mostly one buffer, so a list is made for the second. */
  #queued: Buffer | Buffer[] | undefined;
  #queuedBytes = 0;
  #wait: Wait | undefined;
  #stall: NodeJS.Timeout | undefined;

  constructor(ws: WebSocket, socket: Socket, lane: SocketLane) {
    this.#ws = ws;
    this.#socket = socket;
    this.#lane = lane;
    this.pulse = new Pulse(performance.now(), flowOf(socket));
  }

  send(frames: Buffer): void {
    this.#queuedBytes += frames.length;
    if (this.#queued === undefined) {
      this.#queued = frames;
      this.#lane.flushLater(this);
    } else if (Array.isArray(this.#queued)) {
      this.#queued.push(frames);
    } else {
      this.#queued = [this.#queued, frames];
    }
  }

  /** Writes the frames of this tick in one go. */
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
    this.#watchForStall();
  }

  drained(): Promise<void> | undefined {
    // Queued frames count, but only a write can say whether they have to wait.
    if (this.#isFull) this.flush();
    return this.#isFull ? this.#untilDrained() : undefined;
  }

  close(code: number, reason: string): void {
    this.flush();
    if (this.#isOpen) this.#ws.close(code, reason);
  }

  /** Reads nothing more from a peer that does not take the answers to its messages: back-pressure. */
  restrain(): void {
    if (this.drained() === undefined || this.#ws.isPaused) return;
    this.#ws.pause();
    void this.#untilDrained().then(() => this.#ws.resume());
  }

  /** Sends a ping, or drops a peer that is dead. Called once in each heartbeat. */
  beat(now: number): void {
    if (!this.pulse.beat(now, flowOf(this.#socket))) this.#ws.terminate();
    else if (this.pulse.wantsPing && this.#isOpen) this.#ws.ping(String(this.#socket.bytesWritten));
  }

  /** The socket is closed: resolves pending waits, and notifies the dialect. */
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
    // Below its own high-water mark a stream never emits "drain".
    const most = Math.max(this.#lane.maxBytes, this.#socket.writableHighWaterMark);
    return this.#isOpen && this.#socket.writableLength + this.#queuedBytes > most;
  }

  #untilDrained(): Promise<void> {
    this.#wait ??= this.#startWait();
    return this.#wait.promise;
  }

  #startWait(): Wait {
    let resolve = (): void => undefined;
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    this.#socket.once('drain', () => {
      this.#wait = undefined;
      resolve();
    });
    return { promise, resolve };
  }

  /** While bytes wait, some must be taken within each `stallMs`. Else the peer is closed with 1013. */
  #watchForStall(): void {
    if (this.#stall || this.#socket.writableLength === 0) return;
    const before = flowOf(this.#socket).taken;
    this.#stall = setTimeout(() => this.#checkProgress(before), this.#lane.stallMs).unref();
  }

  #checkProgress(before: number): void {
    this.#stall = undefined;
    const { taken, behind } = flowOf(this.#socket);
    if (behind && taken === before) this.close(1013, 'too slow: connect again with since');
    else this.#watchForStall();
  }
}
