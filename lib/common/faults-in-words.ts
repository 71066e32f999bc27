import type { Fault } from '../errors.ts';

/** A text with more faults helps nobody. */
const SHOWN_MAX_COUNT = 10;

/** The first faults in one text: `/a is missing; /b must be a text; and 3 more`. `nameOf` names the place of a fault. */
export function faultsInWords(
  faults: readonly Fault[],
  nameOf: (pointer: string) => string,
  most = SHOWN_MAX_COUNT,
): string {
  const shown = faults
    .slice(0, most)
    .map(({ pointer, detail }) => `${nameOf(pointer)} ${detail}`.trimStart());
  if (faults.length > most) shown.push(`and ${faults.length - most} more`);
  return shown.join('; ');
}
