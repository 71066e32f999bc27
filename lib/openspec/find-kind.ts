import type { JsonObject } from '../common/json.ts';
import { codedFault } from '../common/coded-fault.ts';
import { SpecError } from '../errors.ts';
import type { KindNames } from './kind.ts';

/** The first kind that recognizes a document; throws a SpecError that lists the keys of all kinds when there is none. */
export function findKind<K extends KindNames>(kinds: readonly K[], document: JsonObject): K {
  const kind = kinds.find((candidate) => candidate.detect(document));
  if (kind !== undefined) return kind;
  const found = Object.keys(document).slice(0, 8).join(', ');
  const names = kinds.map(({ name }) => name).join(', ');
  const keys = kinds.flatMap(({ rootKeys }) => rootKeys.map((key) => `"${key}"`)).join(', ');
  const has = found === '' ? 'no keys' : found;
  throw new SpecError(
    `The document is of no known kind (${names}): its root has none of the keys ${keys}; it has ${has}.`,
    [codedFault('', 'unknown_kind', { keys, found: has })],
  );
}
