import { createFairGate, type FairGate, type FairTurn } from './fair-gate.ts';

/** Connections to one origin at a time; more calls wait for a free one. */
export const ORIGIN_CONNECTIONS_MAX_COUNT = 512;

interface OriginGate {
  gate: FairGate;
  /** Calls that wait or are under way. */
  calls: number;
}

/**
 * The turns of calls to each origin. So many calls run at once, and the parties take turns. One party gets all places but one, so its
 * slow calls cannot keep the others from the device or the model there.
 */
export class OriginTurns {
  readonly #gates = new Map<string, OriginGate>();

  /** Runs a call when it has its turn. Rejects with the signal's reason when that aborts before. */
  async take<T>(origin: string, call: () => Promise<T>, turn: FairTurn): Promise<T> {
    const own = this.#gates.get(origin) ?? { gate: this.#open(), calls: 0 };
    this.#gates.set(origin, own);
    own.calls += 1;
    try {
      return await own.gate(call, turn);
    } finally {
      own.calls -= 1;
      if (own.calls === 0) this.#gates.delete(origin);
    }
  }

  /** Waits for a turn, and resolves with the function that ends it. Rejects with the signal's reason when that aborts before. */
  waitForTurn(origin: string, turn: FairTurn): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const untilLeft = (): Promise<void> => new Promise((leave) => resolve(leave));
      void this.take(origin, untilLeft, turn).catch(reject);
    });
  }

  /** Each call has its own deadline, and callers have limits of their own for what they begin: the gate has none. */
  #open(): FairGate {
    const none = { waitingMaxCount: Infinity, allWaitingMaxCount: Infinity, waitMaxMs: WAIT_MAX_MS };
    return createFairGate({ atOnce: ORIGIN_CONNECTIONS_MAX_COUNT, noun: 'calls', ...none });
  }
}

/** The longest time of a timer. */
const WAIT_MAX_MS = 2 ** 31 - 1;
