import type { Socket } from 'node:net';

/** The bytes that passed a socket since it was opened. */
export interface Flow {
  /** Received from the peer. */
  read: number;
  /** Taken by the operating system out of the bytes that were written. */
  taken: number;
  /** Whether written bytes still wait to be taken. */
  behind: boolean;
}

/** The part of libuv's stream handle that `flowOf` reads. */
interface StreamHandle {
  bytesWritten: number;
  writeQueueSize: number;
}

/**
 * How far a socket has come.
 *
 * Node reports the progress of a write only when all of its bytes are taken. One large write to a slow peer would look like
 * a dead peer. libuv counts the bytes inside a write, but only the private `_handle` of a socket has that count. This
 * function is the one place that reads it, and spec/server/socket-flow.spec.ts fails when a version of Node changes it.
 */
export function flowOf(socket: Socket): Flow {
  const { _handle: handle } = socket as unknown as { _handle: StreamHandle | null };
  return {
    read: socket.bytesRead,
    taken: handle ? handle.bytesWritten - handle.writeQueueSize : socket.bytesWritten,
    behind: socket.writableLength > 0,
  };
}
