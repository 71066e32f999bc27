import { Writable } from 'node:stream';
import type { Io } from '../../lib/cli/io.ts';

/** A command's streams, for specs: `text` is all that it wrote; `terminal` pretends to be one of so many columns. */
export function captureOutput(terminal?: number): Io & { text(): string } {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString('utf8');
      done();
    },
  });
  const stdout =
    terminal === undefined
      ? stream
      : Object.assign(stream, { isTTY: true, columns: terminal, hasColors: () => true });
  return { stdout, text: () => text };
}
