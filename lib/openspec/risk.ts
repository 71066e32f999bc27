import { unknownKey } from '../common/coded-fault.ts';
import type { JsonObject } from '../common/json.ts';
import type { Risk } from '../core/message.ts';
import { SpecError } from '../errors.ts';
import { isMisspeltOwnKey, ownKeys, RISK_KEY } from './own-keys.ts';
import { own } from './read.ts';

const risks: readonly unknown[] = ['low', 'normal', 'high'] satisfies Risk[];

/**
 * The risk that the first of these places says; undefined when none does. Throws a SpecError for another value, and for a misspelt key:
 * they would leave a dangerous operation without protection.
 */
export function riskOf(...places: JsonObject[]): Risk | undefined {
  const misspelt = places.flatMap((place) => Object.keys(place)).find(isMisspeltOwnKey);
  if (misspelt !== undefined) throw new SpecError(`${misspelt} ${unknownKey(misspelt, ownKeys)}`);
  const said = places
    .map((place) => own(place, RISK_KEY))
    .find((value) => value !== undefined && value !== null);
  if (said === undefined) return undefined;
  if (risks.includes(said)) return said as Risk;
  throw new SpecError(`${RISK_KEY} is ${JSON.stringify(said)}; it must be low, normal or high`);
}
