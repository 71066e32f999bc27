/** How long the long works of one turn of the event loop hold it together, in ms. */
const HOLD_MS = 10;

/** The paused works. The oldest one goes on in the next turn of the event loop, the others in later turns. */
const waiting: (() => void)[] = [];
/** The moment at which the first long work of this turn began. The event loop is one for all works, and so is its time. */
let heldSince: number | undefined;

/**
 * The pauses of one long work. `pause()` is undefined while the works of this turn of the event loop have time left; else it
 * resolves when the work has its next turn. Works take turns, so that many of them hold the event loop as long as one.
 */
export function createPauses(): () => Promise<void> | undefined {
  beginHold();
  return () => {
    if (performance.now() - beginHold() < HOLD_MS) return undefined;
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  };
}

/** The moment at which works began to hold this turn. The first one asks for the next turn. */
function beginHold(): number {
  if (heldSince === undefined) {
    heldSince = performance.now();
    setImmediate(beginTurn);
  }
  return heldSince;
}

function beginTurn(): void {
  heldSince = undefined;
  const goOn = waiting.shift();
  if (!goOn) return;
  beginHold();
  goOn();
}
