/**
 * Lets the event loop read what has arrived before a write is sent. An answer and the end of the connection often arrive
 * together, but Node hands them over in two turns of its loop. A write between the two would leave on a dead connection,
 * and nobody would know its fate.
 */
export class LoopTurns {
  readonly #onPassed: () => void;
  #next: NodeJS.Immediate | undefined;
  #havePassed = false;

  /** `onPassed` is called when the turns have passed; while it runs, `pass` is true. */
  constructor(onPassed: () => void) {
    this.#onPassed = onPassed;
  }

  /** Whether the turns have passed just now. If not, they begin. */
  pass(): boolean {
    if (this.#havePassed) return true;
    // The first one ends the turn that brought the answer. The second one comes after the next look at the sockets.
    this.#next ??= setImmediate(() => {
      this.#next = setImmediate(() => this.#end());
    });
    return false;
  }

  /** Forgets the turns that have begun. */
  stop(): void {
    clearImmediate(this.#next);
    this.#next = undefined;
  }

  #end(): void {
    this.#next = undefined;
    this.#havePassed = true;
    try {
      this.#onPassed();
    } finally {
      this.#havePassed = false;
    }
  }
}
