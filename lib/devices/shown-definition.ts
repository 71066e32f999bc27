import { withMaskedSecrets } from '../common/masked-secrets.ts';
import { blotOwnSecrets, secretsOf } from '../secrets.ts';
import type { DeviceDefinition } from './device-schema.ts';

/** A definition for people: its keys are masked. Those among the arguments of a program are found by their names. */
export function shownDefinition(definition: DeviceDefinition): DeviceDefinition {
  return blotOwnSecrets(withMaskedSecrets(definition), secretsOf(definition));
}
