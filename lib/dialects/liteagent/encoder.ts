import type { Message } from '../../core/message.ts';
import type { Delta } from '../../core/session.ts';
import { encodeFrames } from '../../server/frame.ts';
import { envelopesOf } from './envelope.ts';

/** Turns lines of the log into WebSocket frames. */
export interface Encoder {
  /** The frames of all envelopes after the position `since`; empty when there are none. The system prompt is left out. */
  lines(sessionId: string, batch: readonly Message[], since?: number): Buffer;
  /** The frame of a delta: a `chunk` of the answer, or a piece of `reasoning`. */
  delta(delta: Delta): Buffer;
}

/**
 * An encoder that remembers the last batch and the last delta. A session hands the same one to all its subscribers, one
 * after the other. So each is encoded once for any number of sockets, and idle sessions keep nothing in memory.
 */
export function createEncoder(): Encoder {
  let lastBatch: readonly Message[] | undefined;
  let lastFrames: Buffer = Buffer.alloc(0);
  let lastDelta: Delta | undefined;
  let lastPiece: Buffer = lastFrames;

  return {
    lines(sessionId, batch, since) {
      // Only the first batch of a socket begins at a position of its own, so it is not kept.
      if (since !== undefined) return encode(sessionId, batch, since);
      if (batch !== lastBatch) {
        // −1 is before every position.
        lastFrames = encode(sessionId, batch, -1);
        lastBatch = batch;
      }
      return lastFrames;
    },
    delta(delta) {
      if (delta !== lastDelta) {
        const { taskId, text: part, kind } = delta;
        const type = kind === 'reasoning' ? 'reasoning' : 'chunk';
        lastPiece = encodeFrames([JSON.stringify({ type, taskId, part })]);
        lastDelta = delta;
      }
      return lastPiece;
    },
  };
}

/** The frames of the envelopes after a position. The system prompt is never pushed (contract 1). */
function encode(sessionId: string, batch: readonly Message[], since: number): Buffer {
  const texts: string[] = [];
  for (const line of batch) {
    if (line.type === 'session_started') continue;
    for (const envelope of envelopesOf(sessionId, line))
      if (envelope.seq > since) texts.push(JSON.stringify(envelope));
  }
  return encodeFrames(texts);
}
