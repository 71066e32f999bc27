import type { ChatTurn } from './client.ts';
import { unreachableHint } from './unreachable-hint.ts';

/**
 * The reason why a script has to learn that a turn failed, as the end of a line; undefined for a turn that succeeded. With
 * `expectsCalls` a turn without a call failed, too: the offline demo model answers with words what it did not understand. Of a
 * language model nobody knows: an answer without a call may be what was asked for.
 */
export function turnFault({ status, error, toolCalls }: ChatTurn, expectsCalls: boolean): string | undefined {
  if (status !== 'done') return `${status}${error === undefined ? '' : `: ${error.message}`}`;
  if (toolCalls.some(({ result }) => hasError(result))) return 'a call of a device failed';
  return expectsCalls && toolCalls.length === 0 ? 'no device was called' : undefined;
}

/** What a person may look at, when a call of a turn found nobody at the address of its device. */
export function turnHint({ toolCalls }: ChatTurn): string | undefined {
  return toolCalls.map(({ result }) => unreachableHint(result)).find((hint) => hint !== undefined);
}

/** Whether the result of a call says that it failed. */
function hasError(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'error' in result;
}
