import { AppError } from '../errors.ts';

/** Throws `invalid_request` for a system prompt that is too long; `pointer` is its place in the body. */
export function checkPrompt(prompt: string | undefined, maxBytes: number, pointer: string): void {
  if (prompt === undefined) return;
  // A character has a byte at least. The bytes of 40 MB would take the event loop 100 ms to count.
  if (prompt.length <= maxBytes && Buffer.byteLength(prompt) <= maxBytes) return;
  throw new AppError(
    'invalid_request',
    `The system prompt is larger than ${maxBytes} bytes (SYSTEM_PROMPT_MAX_BYTES).`,
    {
      faults: [{ pointer, detail: `must have at most ${maxBytes} bytes` }],
    },
  );
}
