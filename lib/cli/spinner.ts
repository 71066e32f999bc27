import type { Writable } from 'node:stream';

/** Shows that something goes on, and for how long, on a terminal. */
export interface Spinner {
  /** Begins to count. */
  start(): void;
  /** Takes the sign away, so that a text can be written; it comes back with the next second. */
  clear(): void;
  /** Ends the count, and takes the sign away. */
  stop(): void;
}

/** The sign counts seconds. */
const TICK_MS = 1000;

/** A spinner on a stream. On anything but a terminal it writes nothing. */
export function createSpinner(stream: Writable & { isTTY?: boolean }, what = ''): Spinner {
  let timer: NodeJS.Timeout | undefined;
  let isShown = false;
  const clear = (): void => {
    if (isShown) stream.write('\r\u001B[2K');
    isShown = false;
  };
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
    clear();
  };
  return {
    start() {
      if (stream.isTTY !== true) return;
      stop();
      let seconds = 0;
      timer = setInterval(() => {
        seconds += 1;
        clear();
        stream.write(`  … ${seconds} s${what === '' ? '' : ` ${what}`}`);
        isShown = true;
      }, TICK_MS).unref();
    },
    clear,
    stop,
  };
}
