import type { JsonValue } from '../common/json.ts';

/** The value at a JSON pointer [RFC 6901] given as a URI fragment without its `#`; undefined where there is none. */
export function valueAt(document: JsonValue, fragment: string): JsonValue | undefined {
  if (fragment === '') return document;
  if (!fragment.startsWith('/')) return undefined;
  let node: JsonValue | undefined = document;
  for (const part of fragment.slice(1).split('/')) {
    if (typeof node !== 'object' || node === null) return undefined;
    const key = decode(part).replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(node)) {
      node = /^\d+$/.test(key) ? node[Number(key)] : undefined;
    } else if (Object.hasOwn(node, key)) {
      node = node[key];
    } else {
      // A key that was never percent-encoded, though it holds a "%".
      const raw = part.replaceAll('~1', '/').replaceAll('~0', '~');
      node = Object.hasOwn(node, raw) ? node[raw] : undefined;
    }
  }
  return node;
}

function decode(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    // Not percent-encoded after all: the text as it stands is the key.
    return part;
  }
}
