import { AppError } from '../errors.ts';

/** Throws `invalid_request` for a system prompt that is too long; `pointer` is its place in the body. */
export function checkPrompt(prompt: string | undefined, maxBytes: number, pointer: string): void {
  if (prompt === undefined || Buffer.byteLength(prompt) <= maxBytes) return;
  throw new AppError(
    'invalid_request',
    `The system prompt is larger than ${maxBytes} bytes (SYSTEM_PROMPT_MAX_BYTES).`,
    {
      faults: [{ pointer, detail: `must have at most ${maxBytes} bytes` }],
    },
  );
}
