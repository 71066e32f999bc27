/**
 * The habits of the way to one device, as they were seen. They are kept when the connection is replaced: a false trust in an
 * echo would report a write as done that no device has seen.
 */
export interface LineTraits {
  /** The line repeats every request, as an adapter does that hears itself. */
  echoes: boolean;
  /** Reads in a row that were answered without the line's echo before the answer. */
  readsWithoutEcho: number;
  /** The device closes the connection soon after each answer. */
  closesAfterAnswer: boolean;
}

/** So many reads without an echo mean that the adapter was replaced. One alone may have lost its echo to noise. */
const READS_WITHOUT_ECHO_MAX_COUNT = 3;

/** A line of which nothing is known. */
export function createLineTraits(): LineTraits {
  return { echoes: false, readsWithoutEcho: 0, closesAfterAnswer: false };
}

/** Notes whether the line repeated a read before the answer came. */
export function noteRead(traits: LineTraits, wasEchoed: boolean): void {
  traits.readsWithoutEcho = wasEchoed ? 0 : traits.readsWithoutEcho + 1;
  if (traits.readsWithoutEcho >= READS_WITHOUT_ECHO_MAX_COUNT) traits.echoes = false;
}
