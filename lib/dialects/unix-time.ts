/** A time in ms since the epoch as whole seconds since then, which OpenAI's and LLMOps' clients expect. */
export function secondsOf(ms: number): number {
  return Math.floor(ms / 1000);
}
