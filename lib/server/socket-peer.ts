import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { Pulse } from './pulse.ts';
import { flowOf } from './socket-flow.ts';
import type { Peer, Receiver } from './socket.ts';

/** Messages of one peer whose work goes on at the same time. */
const WORK_MAX_COUNT = 16;
/** With so many characters of them, the next message waits: a large one is worked on alone. */
const WORK_MAX_LENGTH = 512 * 1024;
/** Writes that may wait for a peer: many small ones cost more memory than their bytes say. */
const WRITES_MAX_COUNT = 1000;
/** Frames of one tick that are so few bytes are joined in one buffer. */
const JOINED_MAX_BYTES = 64 * 1024;
/** The bytes of a client's control frame before its payload: head and mask [RFC 6455 5.2]. */
const CONTROL_HEAD_BYTES = 6;

/** The rules that all open sockets share. */
export interface SocketLane {
  /** How many bytes may wait for a peer before its dialect has to pause. */
  maxBytes: number;
  /** After how many ms without progress a slow peer is closed. */
  stallMs: number;
  /** How long one message of a peer may take to arrive, in ms. */
  arrivalMs: number;
  /** Calls `flush` of the peer at the end of this tick. */
  flushLater(peer: SocketPeer): void;
}

interface Wait {
  promise: Promise<void>;
  resolve: () => void;
}

/** The part of a message that has arrived before its end. */
interface Unfinished {
  bytes: number;
  /** When the first bytes arrived, by `performance.now()`. */
  since: number;
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
  /** Writes that the operating system has not taken yet. */
  #writes = 0;
  /** Messages of the peer whose work goes on. */
  #works = 0;
  #workLength = 0;
  readonly #unfinished: Unfinished = { bytes: 0, since: 0 };
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
    if (Array.isArray(queued)) this.#writeAll(queued);
    else this.#write(queued);
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

  /** Passes a text message to the dialect. */
  take(text: string): void {
    const work = this.receiver.text(text);
    if (!work) return;
    this.#works += 1;
    this.#workLength += text.length;
    void work.then(() => {
      this.#works -= 1;
      this.#workLength -= text.length;
      this.#relax();
    });
  }

  /** Reads nothing more from a peer that does not take the answers to its messages, or has much work in hand: back-pressure. */
  restrain(): void {
    if (this.#ws.isPaused) return;
    if (this.#hasMuchWork || this.drained() !== undefined) this.#ws.pause();
  }

  /** Reads nothing more in this turn of the event loop. */
  rest(): void {
    this.#ws.pause();
    setImmediate(() => this.#relax());
  }

  /** The bytes of a message whose end has not arrived. */
  get unfinishedBytes(): number {
    return this.#unfinished.bytes;
  }

  /** Bytes of the peer have arrived. */
  arrived(bytes: number): void {
    if (this.#unfinished.bytes === 0) this.#unfinished.since = performance.now();
    this.#unfinished.bytes += bytes;
  }

  /** A message is complete. The next one may have begun in the same bytes, and counts from its next bytes on. */
  finished(): void {
    this.#unfinished.bytes = 0;
  }

  /** A control frame is complete: its bytes belong to no message. */
  controlled(payloadBytes: number): void {
    this.#unfinished.bytes = Math.max(0, this.#unfinished.bytes - CONTROL_HEAD_BYTES - payloadBytes);
  }

  /** Closes without waiting for the peer: its unfinished message leaves the memory at once. */
  cutOff(code: number, reason: string): void {
    this.close(code, reason);
    this.#ws.terminate();
  }

  /** Sends a ping, or drops a peer that is dead. Called once in each heartbeat. */
  beat(now: number): void {
    const { bytes, since } = this.#unfinished;
    if (bytes > 0 && now - since > this.#lane.arrivalMs && !this.#ws.isPaused)
      this.cutOff(1008, 'a message took too long to arrive');
    else if (!this.pulse.beat(now, flowOf(this.#socket))) this.#ws.terminate();
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

  get #hasMuchWork(): boolean {
    return this.#works >= WORK_MAX_COUNT || this.#workLength >= WORK_MAX_LENGTH;
  }

  get #isFull(): boolean {
    if (!this.#isOpen) return false;
    const bytes = this.#socket.writableLength + this.#queuedBytes;
    return bytes > this.#lane.maxBytes || this.#writes > WRITES_MAX_COUNT;
  }

  #writeAll(queued: readonly Buffer[]): void {
    const bytes = queued.reduce((sum, { length }) => sum + length, 0);
    if (bytes <= JOINED_MAX_BYTES) {
      this.#write(Buffer.concat(queued, bytes));
      return;
    }
    this.#socket.cork();
    for (const frames of queued) this.#write(frames);
    this.#socket.uncork();
  }

  #write(frames: Buffer): void {
    this.#writes += 1;
    this.#socket.write(frames, this.#onTaken);
  }

  /** The operating system has taken a write, or the socket is closed. */
  readonly #onTaken = (): void => {
    this.#writes -= 1;
    if (this.#writes > 0) return;
    this.#wait?.resolve();
    this.#wait = undefined;
    this.#relax();
  };

  /** Reads on when nothing speaks against it any more. */
  #relax(): void {
    if (this.#ws.isPaused && this.#isOpen && !this.#hasMuchWork && !this.#isFull) this.#ws.resume();
  }

  #untilDrained(): Promise<void> {
    this.#wait ??= startWait();
    return this.#wait.promise;
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

function startWait(): Wait {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
