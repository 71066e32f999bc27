import { createFairGate, type FairGate, type FairTurn } from '../common/fair-gate.ts';

interface OriginGate {
  gate: FairGate;
  /** Calls that wait or are under way. */
  calls: number;
}

/**
 * The turns of calls to each origin. So many calls run at once, and the parties take turns: one party never has the last place, so that
 * its slow calls keep nobody else from the device.
 */
export class OriginTurns {
  readonly #atOnce: number;
  readonly #gates = new Map<string, OriginGate>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

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

  /** Each call has its own deadline, and callers have limits of their own for what they begin: the gate has none. */
  #open(): FairGate {
    const none = { waitingMaxCount: Infinity, allWaitingMaxCount: Infinity, waitMaxMs: WAIT_MAX_MS };
    return createFairGate({ atOnce: this.#atOnce, noun: 'calls', ...none });
  }
}

/** The longest time of a timer. */
const WAIT_MAX_MS = 2 ** 31 - 1;
