import type { JsonObject } from '../common/json.ts';
import type { SimulateOptions, Simulation } from '../simulate/simulation.ts';
import { findKind } from './find-kind.ts';
import type { KindDefinition } from './kind.ts';

/**
 * Serves a document of one of these kinds as a device. Rejects with a SpecError for a document that cannot be used, and
 * with the system's error when the port is taken.
 */
export async function simulateDocument(
  kinds: readonly KindDefinition[],
  document: JsonObject,
  options: SimulateOptions = {},
): Promise<Simulation> {
  return findKind(kinds, document).simulate(document, options);
}
