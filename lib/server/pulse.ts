import type { Flow } from './socket-flow.ts';

/** The slowest peer that counts as alive reads 1 kB in a second: it gets that much time for the bytes that it has not confirmed. */
const BYTES_PER_MS = 1;
const MISSES_MAX_COUNT = 2;

/**
 * Decides whether the peer of one socket is alive. Each ping carries the number of bytes before it, and the pong returns it.
 * So the number of bytes that the peer still has to read before the ping is known. A class, as every socket has one.
 */
export class Pulse {
  #heardAt: number;
  #flow: Flow;
  #confirmed: number;
  #misses = 0;
  #pinged = false;

  constructor(now: number, flow: Flow) {
    this.#heardAt = now;
    this.#flow = flow;
    this.#confirmed = flow.taken;
  }

  /** Called at every heartbeat. False when the peer missed two pings in a row, and had the time to read up to them. */
  beat(now: number, flow: Flow): boolean {
    // Taken bytes prove a living peer only when the buffers on the way were full before.
    const heard = flow.read !== this.#flow.read || (this.#flow.behind && flow.taken !== this.#flow.taken);
    this.#flow = flow;
    if (heard) {
      this.#heardAt = now;
      this.#misses = 0;
    } else if (this.#pinged) {
      this.#misses += 1;
    }
    // A ping would wait behind other bytes. The stall limit watches those.
    this.#pinged = !flow.behind;
    const unread = Math.max(0, flow.taken - this.#confirmed);
    return this.#misses < MISSES_MAX_COUNT || now - this.#heardAt < unread / BYTES_PER_MS;
  }

  /** Whether a ping is due with this heartbeat. */
  get wantsPing(): boolean {
    return this.#pinged;
  }

  /** The peer has answered the ping after the first `position` bytes. */
  pong(position: number): void {
    if (position > this.#confirmed) this.#confirmed = position;
  }
}
