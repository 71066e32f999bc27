import type { JsonValue } from './json.ts';

/** A key as one part of a JSON pointer [RFC 6901 3]. */
export function escapePart(key: string | number): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The key that one part of a JSON pointer names [RFC 6901 4]. */
export function unescapePart(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** The pointer to a member of the value that `parent` points to. */
export function childPointer(parent: string, ...keys: (string | number)[]): string {
  return keys.reduce<string>((pointer, key) => `${pointer}/${escapePart(key)}`, parent);
}

/** The keys of a pointer; undefined when the text is not one. */
export function parsePointer(pointer: string): string[] | undefined {
  if (pointer === '') return [];
  return pointer.startsWith('/') ? pointer.slice(1).split('/').map(unescapePart) : undefined;
}

/** The value that a pointer leads to; undefined where there is none. */
export function valueAt(document: JsonValue, pointer: string): JsonValue | undefined {
  const keys = parsePointer(pointer);
  return keys && memberAt(document, keys);
}

/** The value that the keys of a pointer lead to; undefined where there is none. */
export function memberAt(document: JsonValue, keys: readonly string[]): JsonValue | undefined {
  let node: JsonValue | undefined = document;
  for (const key of keys) {
    if (typeof node !== 'object' || node === null) return undefined;
    if (Array.isArray(node)) node = /^(0|[1-9]\d*)$/.test(key) ? node[Number(key)] : undefined;
    else node = Object.hasOwn(node, key) ? node[key] : undefined;
  }
  return node;
}

/**
 * The value that the fragment of a `$ref` leads to, given without its `#` [RFC 6901 6]. A part that is no valid
 * percent-encoding, or whose decoded form names nothing, is taken as it is: documents in the wild do both.
 */
export function valueAtFragment(document: JsonValue, fragment: string): JsonValue | undefined {
  if (!fragment.includes('%')) return valueAt(document, fragment);
  const decoded = fragment.split('/').map(decodeFragmentPart).join('/');
  return valueAt(document, decoded) ?? valueAt(document, fragment);
}

/** A part of a fragment, percent-decoded; the part as it is when nobody encoded it [RFC 6901 6]. */
export function decodeFragmentPart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a key with a "%" that nobody encoded
  }
}
