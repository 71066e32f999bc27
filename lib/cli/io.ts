import type { Writable } from 'node:stream';

/** Where a command writes: the process's own streams, or a tester's. */
export interface Io {
  stdout: Writable & { isTTY?: boolean; columns?: number; hasColors?: () => boolean };
}

/** Writes all of a text; a reader that went away is no failure. */
export function print(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}
