import type { Answer } from './threads.ts';

/** The status of an answer, and the field that its error names. */
export function refusal({ status, body }: Answer): [number, string | null] {
  const { error } = body as { error?: { param: string | null } };
  return [status, error?.param ?? null];
}
