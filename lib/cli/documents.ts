import type { JsonObject } from '../core/json.ts';
import { readSpec } from './spec.ts';

/** An openSpecList entry from a file or URL; an entry stays as it is. Throws an AppError that names what cannot be read. */
export async function readDocument(place: string | JsonObject, folder?: string): Promise<JsonObject> {
  return typeof place === 'string' ? { openSpec: (await readSpec(place, folder)).text } : place;
}
