import type { Writable } from 'node:stream';

/** The streams of a command: those of the process, or of a spec. */
export interface Io {
  stdout: Writable & { isTTY?: boolean; columns?: number; hasColors?: () => boolean };
}

/** Writes all of a text. A reader that has closed the pipe is no failure. */
export function print(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}
