import type { JsonObject } from '../common/json.ts';
import type { Risk } from '../core/message.ts';
import { SpecError } from '../errors.ts';
import { own } from './read.ts';

const KEY = 'x-lite-agent-risk';
const risks: readonly unknown[] = ['low', 'normal', 'high'] satisfies Risk[];

/**
 * The risk that the first of these places says; undefined when none does. Throws a SpecError for another value: a misspelt one
 * would leave a dangerous operation without protection.
 */
export function riskOf(...places: JsonObject[]): Risk | undefined {
  const said = places.map((place) => own(place, KEY)).find((value) => value !== undefined && value !== null);
  if (said === undefined) return undefined;
  if (risks.includes(said)) return said as Risk;
  throw new SpecError(`${KEY} is ${JSON.stringify(said)}; it must be low, normal or high`);
}
