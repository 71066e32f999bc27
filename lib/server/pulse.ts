import type { Flow } from './socket-flow.ts';

/** How slowly a peer may read and still count as alive: the bytes it has not confirmed, at 1 kB a second, are time it gets. */
const BYTES_PER_MS = 1;
const MISSES_MAX_COUNT = 2;

/**
 * Whether the peer of one socket lives. Every ping carries how many bytes went before it, and a pong brings that back: so it
 * is known how much the peer may still have to read before it comes to the ping. A class, as there is one for every socket.
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

  /** Called at every beat: false when two pings in a row were missed, with time enough to read what came before them. */
  beat(now: number, flow: Flow): boolean {
    // Taken bytes tell of a living peer only where the buffers on the way were full before.
    const heard = flow.read !== this.#flow.read || (this.#flow.behind && flow.taken !== this.#flow.taken);
    this.#flow = flow;
    if (heard) {
      this.#heardAt = now;
      this.#misses = 0;
    } else if (this.#pinged) {
      this.#misses += 1;
    }
    // A ping would only wait behind what waits already; the stall limit watches over that.
    this.#pinged = !flow.behind;
    const unread = Math.max(0, flow.taken - this.#confirmed);
    return this.#misses < MISSES_MAX_COUNT || now - this.#heardAt < unread / BYTES_PER_MS;
  }

  /** Whether this beat calls for a ping. */
  get wantsPing(): boolean {
    return this.#pinged;
  }

  /** The peer has answered the ping that `position` bytes went before. */
  pong(position: number): void {
    if (position > this.#confirmed) this.#confirmed = position;
  }
}
