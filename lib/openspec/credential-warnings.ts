import { closestWord } from '../common/closest-word.ts';
import { childPointer } from '../common/json-pointer.ts';
import type { Connection } from '../core/tool.ts';

/**
 * Warnings for credentials that a document does not ask for, with their places in its entry: a misspelt one is not sent. `names` are
 * those of the document's security schemes; none are known of a kind without such schemes.
 */
export function credentialWarnings(
  { credentials = {} }: Pick<Connection, 'credentials'>,
  names: readonly string[] | undefined,
): string[] {
  if (names === undefined) return [];
  const strange = Object.keys(credentials).filter((name) => !names.includes(name));
  return strange.map((name) => {
    const near = closestWord(name, names);
    const meant = near === undefined ? '' : `; did you mean "${near}"?`;
    return `${childPointer('/credentials', name)}: the document has no security scheme of this name, and the key is not sent${meant}`;
  });
}
