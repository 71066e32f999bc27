import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { valueAtFragment } from '../../common/json-pointer.ts';
import { fileOf } from '../files.ts';
import type { RefTarget, ResolveRef } from '../schema.ts';

/**
 * Follows the refs of an OpenRPC document, on demand: pointers into it, into `files` (by absolute path) beside
 * `source`, and to schemas that name themselves with `$id`. A `base` is a file's path, '' the document itself.
 */
export function openRefs(
  document: JsonObject,
  files: ReadonlyMap<string, JsonObject>,
  source: string | undefined,
): ResolveRef {
  const found = new Map<string, RefTarget | undefined>();
  let ids: Map<string, { value: JsonObject; base: string }> | undefined;

  const rootOf = (base: string): JsonObject => files.get(base) ?? document;
  const target = (value: JsonValue | undefined, base: string, fragment: string): RefTarget | undefined =>
    value === undefined ? undefined : { value, base, id: `${base}#${fragment}` };

  const resolve: ResolveRef = (ref, base) => {
    const [address = '', fragment = ''] = ref.split('#', 2);
    if (address === '') return target(valueAtFragment(rootOf(base), fragment), base, fragment);
    const path = files.size === 0 ? undefined : fileOf(ref, base === '' ? (source ?? '') : base);
    if (path !== undefined && files.has(path))
      return target(valueAtFragment(rootOf(path), fragment), path, fragment);
    // Only a ref that leads nowhere else is worth the walk over the whole document.
    ids ??= idsOf(document, files);
    const named = ids.get(address);
    if (named === undefined) return undefined;
    const value = valueAtFragment(named.value, fragment);
    return value === undefined ? undefined : { value, base: named.base, id: ref };
  };
  return (ref, base) => {
    const key = `${base} ${ref}`;
    if (!found.has(key)) found.set(key, resolve(ref, base));
    return found.get(key);
  };
}

function idsOf(
  document: JsonObject,
  files: ReadonlyMap<string, JsonObject>,
): Map<string, { value: JsonObject; base: string }> {
  const ids = new Map<string, { value: JsonObject; base: string }>();
  const visit = (node: JsonValue | undefined, base: string): void => {
    if (typeof node !== 'object' || node === null) return;
    if (isObject(node)) {
      const id = node['$id'] ?? node['id'];
      if (typeof id === 'string' && id.includes(':')) ids.set(id.replace(/#$/, ''), { value: node, base });
    }
    for (const inner of Object.values(node)) visit(inner, base);
  };
  visit(document, '');
  for (const [path, file] of files) visit(file, path);
  return ids;
}
