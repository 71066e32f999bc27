import { closestWord } from '../common/closest-word.ts';
import type { JsonValue } from '../common/json.ts';
import { EFFECT_KEY } from './own-keys.ts';

/** A warning about a value of `x-lite-agent-effect` that is none, and is ignored; undefined for a good or missing one. */
export function effectWarning(operation: string, said: JsonValue | undefined): string | undefined {
  if (said === undefined || said === 'read' || said === 'write') return undefined;
  const near = typeof said === 'string' ? closestWord(said, ['read', 'write']) : undefined;
  const meant = near === undefined ? '' : `; did you mean "${near}"?`;
  return `${operation}: ${EFFECT_KEY} must be "read" or "write", and ${JSON.stringify(said)} is ignored${meant}`;
}
