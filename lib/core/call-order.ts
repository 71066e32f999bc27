import type { Strategy } from './session-config.ts';
import type { Effect } from './tool.ts';

/** What one device has to wait for. */
interface Turn {
  lastWrite: Promise<unknown>;
  /** Reads that were started after the last write. */
  reads: Promise<unknown>[];
}

/**
 * The order of the calls of one reply. The calls to one device keep the order of the reply: a write waits for every call
 * before it, and a read waits for the writes before it, so that reads in a row run at once. Devices do not wait for each
 * other. With the strategy `serial`, all calls run one after the other.
 */
export class CallOrder {
  readonly #isSerial: boolean;
  readonly #turns = new Map<string, Turn>();

  constructor(strategy: Strategy) {
    this.#isSerial = strategy === 'serial';
  }

  /**
   * Runs the work of a call when it is its turn. Calls are handed in in the order of the reply. A call without a device waits
   * for nothing. A failed call does not keep the others from running.
   */
  run<T>(device: string | undefined, effect: Effect, work: () => Promise<T>): Promise<T> {
    if (this.#isSerial) return this.#inTurn('', 'write', work);
    return device === undefined ? work() : this.#inTurn(device, effect, work);
  }

  #inTurn<T>(device: string, effect: Effect, work: () => Promise<T>): Promise<T> {
    const turn = this.#turns.get(device);
    const run = turn ? Promise.all(waitsOf(turn, effect)).then(work) : work();
    const done = run.catch(() => undefined);
    if (effect === 'write') this.#turns.set(device, { lastWrite: done, reads: [] });
    else if (turn) turn.reads.push(done);
    else this.#turns.set(device, { lastWrite: Promise.resolve(), reads: [done] });
    return run;
  }
}

/** What a call of this effect has to wait for. */
function waitsOf({ lastWrite, reads }: Turn, effect: Effect): Promise<unknown>[] {
  return effect === 'write' ? [lastWrite, ...reads] : [lastWrite];
}
