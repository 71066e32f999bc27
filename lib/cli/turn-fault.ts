import type { ChatTurn } from './client.ts';

/**
 * The reason why a script has to learn that a turn failed, as the end of a line; undefined for a turn that succeeded. A turn in
 * which a device was to act fails when no call was made: a model that did not understand answers with words.
 */
export function turnFault({ status, error, toolCalls }: ChatTurn, hasDevices: boolean): string | undefined {
  if (status !== 'done') return `${status}${error === undefined ? '' : `: ${error.message}`}`;
  if (toolCalls.some(({ result }) => hasError(result))) return 'a call of a device failed';
  return hasDevices && toolCalls.length === 0 ? 'no device was called' : undefined;
}

/** Whether the result of a call says that it failed. */
function hasError(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'error' in result;
}
