import { childPointer } from './json-pointer.ts';
import { isObject, type JsonObject, type JsonValue } from './json.ts';
import { AppError } from '../errors.ts';

/** A key as it may be shown: `sk-…1d9a`; a short key is hidden whole. No real key has the ellipsis: no header can carry it. */
export function masked(secret: string): string {
  if (secret === '') return '';
  return secret.length < 12 ? ELLIPSIS : `${secret.slice(0, 3)}${ELLIPSIS}${secret.slice(-4)}`;
}

/** Whether a text is a mask, and no key. */
export function isMask(text: string): boolean {
  return asMask(text).includes(ELLIPSIS);
}

/**
 * A mask as `masked` writes it: some clients normalize texts, which turns the ellipsis into three dots [Unicode TR15]. Any other text
 * stays as it is.
 */
export function asMask(text: string): string {
  return DOTTED_MASK.test(text) ? text.replace('...', ELLIPSIS) : text;
}

/** The same configuration with every key masked. */
export function withMaskedSecrets<T extends object>(config: T): T {
  return mapSecrets(config as JsonObject, '', masked) as T;
}

/**
 * The configuration that a client sends back after it has got `stored` with masked keys: a mask of a stored key becomes
 * that key again. Throws `invalid_request` for a mask of no stored key, and for more than 200 levels of nesting.
 */
export function withKeptSecrets<T extends object>(config: T, stored: object | undefined): T {
  const byPlace = new Map<string, string>();
  const byMask = new Map<string, string | undefined>();
  if (stored)
    mapSecrets(stored as JsonObject, '', (secret, pointer) => {
      const mask = masked(secret);
      byPlace.set(pointer, secret);
      byMask.set(mask, byMask.has(mask) && byMask.get(mask) !== secret ? undefined : secret);
      return secret;
    });
  return mapSecrets(config as JsonObject, '', (given, pointer) => {
    if (!isMask(given)) return given;
    const here = byPlace.get(pointer);
    const mask = asMask(given);
    const kept = here !== undefined && masked(here) === mask ? here : byMask.get(mask);
    if (kept !== undefined) return kept;
    const detail = 'is the mask of a key that is not stored here: send the key itself';
    throw new AppError('invalid_request', `A key ${detail}.`, { faults: [{ pointer, detail }] });
  }) as T;
}

const ELLIPSIS = '…';
const DOTTED_MASK = /^(?:\.{3}|.{3}\.{3}.{4})$/s;
/** Deeper values would overflow the stack, and no real configuration has them. */
const DEPTH_MAX_COUNT = 200;
const secretName = /(api_?key|access_?key|^key|token|secret|password|passwd|credential|authorization)$/i;

/** The value with `change` applied to every key in it. A field holds a key by its name, or inside of `credentials` or `env`. */
function mapSecrets(
  value: JsonValue,
  pointer: string,
  change: (secret: string, pointer: string) => string,
  inside: { secret: boolean; depth: number } = { secret: false, depth: 0 },
): JsonValue {
  if (inside.depth > DEPTH_MAX_COUNT) {
    const detail = `is nested more than ${DEPTH_MAX_COUNT} levels deep`;
    throw new AppError('invalid_request', `The configuration ${detail}.`, {
      faults: [{ pointer: '', detail }],
    });
  }
  if (typeof value === 'string') return inside.secret && value !== '' ? change(value, pointer) : value;
  const depth = inside.depth + 1;
  if (Array.isArray(value))
    return value.map((item, index) =>
      mapSecrets(item, childPointer(pointer, index), change, { secret: inside.secret, depth }),
    );
  if (!isObject(value)) return value;
  const mapped: JsonObject = {};
  const all = pointer.endsWith('/credentials') || pointer.endsWith('/env');
  for (const [name, field] of Object.entries(value)) {
    const at = childPointer(pointer, name);
    if (field === undefined) continue;
    const secret = all || secretName.test(name);
    // A document describes keys, it holds none. A large one would take long.
    mapped[name] = name === 'openSpec' && !all ? field : mapSecrets(field, at, change, { secret, depth });
  }
  return mapped;
}
