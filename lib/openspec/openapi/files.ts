import { readFile, realpath } from 'node:fs/promises';
import { dirname, posix, sep } from 'node:path';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { messageOf } from '../../errors.ts';
import { parseText } from '../parse.ts';

const FILES_MAX_COUNT = 2000;

/**
 * The other files of a multi-file document, by path: all that its `$ref`s name, as far as they lie beside `source` or
 * below. Nothing is read for a document that came from a client or a URL. What cannot be read is told in `warnings`.
 */
export async function readFilesBeside(
  root: JsonObject,
  source: string | undefined,
  warnings: string[],
): Promise<Map<string, JsonObject>> {
  const files = new Map<string, JsonObject>();
  if (source === undefined || /^[a-z][a-z0-9+.-]+:\/\//i.test(source)) return files;
  const top = await realpath(dirname(source));
  const pending = [{ node: root, path: source }];
  const tried = new Set<string>([source]);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const name of filesNamedIn(next.node)) {
      const path = posix.join(posix.dirname(next.path), name);
      if (tried.has(path)) continue;
      tried.add(path);
      if (tried.size > FILES_MAX_COUNT) {
        warnings.push(`More than ${FILES_MAX_COUNT} files; ${path} and others are not read.`);
        return files;
      }
      try {
        const real = await realpath(path);
        if (!real.startsWith(top + sep)) throw new Error('it lies outside the document’s folder');
        const { document } = await parseText(await readFile(real, 'utf8'));
        files.set(path, document);
        pending.push({ node: document, path });
      } catch (error) {
        warnings.push(`${path} cannot be read: ${messageOf(error)}`);
      }
    }
  }
  return files;
}

function filesNamedIn(root: JsonObject): Set<string> {
  const names = new Set<string>();
  const pending: JsonValue[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    for (const [key, child] of Object.entries(node)) {
      if (typeof child === 'object' && child !== null) pending.push(child);
      else if (key === '$ref' && typeof child === 'string' && !/^#|^[a-z][a-z0-9+.-]+:\/\//i.test(child)) {
        const [name = ''] = child.split('#', 1);
        if (/[./]/.test(name)) names.add(decodeURI(name));
      }
    }
  }
  return names;
}
