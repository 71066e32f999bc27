import { readFile, realpath } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import type { JsonObject, JsonValue } from '../common/json.ts';
import { decodeText } from '../drivers/decode-text.ts';
import { messageOf } from '../errors.ts';
import { parseText } from './parse.ts';

/** The other files of a multi-file document, by absolute path. The warnings name the files that could not be read. */
interface SpecFiles {
  files: Map<string, JsonObject>;
  warnings: string[];
}

/** The most files of one document. The largest real one that is known has 2,907. */
const FILES_MAX_COUNT = 20_000;

/**
 * Reads the files that a document at the path `source` refers to, and those that they refer to: only files in its own
 * folder or below, also when links lead out of it. Nothing is read for a document that came from elsewhere.
 */
export async function readFilesBeside(document: JsonObject, source: string | undefined): Promise<SpecFiles> {
  const files = new Map<string, JsonObject>();
  const warnings: string[] = [];
  if (source === undefined || isUrl(source)) return { files, warnings };
  const root = sourcePath(source);
  const folder = dirname(root);
  // Links are followed before a path is compared: a link in the folder may lead out of it.
  const realFolder = await realpath(folder);
  const seen = new Set([root]);
  const waiting = [...filesNamedIn(document, root)];
  for (const path of waiting) {
    if (seen.has(path)) continue;
    seen.add(path);
    const shown = relative(folder, path);
    const refuse = (why: string): void => void warnings.push(`The file ${shown} ${why}.`);
    if (files.size >= FILES_MAX_COUNT) {
      refuse(`is not read: the document has over ${FILES_MAX_COUNT}`);
      continue;
    }
    try {
      const real = path.startsWith(folder + sep) ? await realpath(path) : '';
      if (!real.startsWith(realFolder + sep)) {
        refuse("is not read: it is not in the document's folder");
        continue;
      }
      const parsed = await parseText(decodeText(await readFile(real)));
      files.set(path, parsed.document);
      warnings.push(...parsed.warnings.map((warning) => `${shown}: ${warning}`));
      waiting.push(...filesNamedIn(parsed.document, path));
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      refuse(`cannot be read: ${missing ? 'there is no such file' : messageOf(error)}`);
    }
  }
  return { files, warnings };
}

/** The absolute path of the file that a `$ref` in the file `from` names; undefined for one into the same file, or a URL. */
export function fileOf(ref: string, from: string): string | undefined {
  const [file = ''] = ref.split('#');
  if (file === '' || isUrl(file)) return undefined;
  try {
    return resolve(dirname(from), decodeURIComponent(file));
  } catch {
    // The text is not percent-encoded.
    return resolve(dirname(from), file);
  }
}

/** The place of a document among its files: the absolute path of a file, a URL as it is. */
export function sourcePath(source: string): string {
  return source === '' || isUrl(source) ? source : resolve(source);
}

/** Two letters at least: `C:` is a drive. */
function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(text);
}

/** The paths of the other files to which a document's `$ref`s lead. */
function filesNamedIn(document: JsonObject, from: string): Set<string> {
  const paths = new Set<string>();
  const pending: JsonValue[] = [document];
  // Without recursion: documents are deep.
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    for (const [key, child] of Object.entries(node)) {
      if (typeof child === 'object' && child !== null) pending.push(child);
      // A bare word is the name of a schema in old documents, and not of a file.
      else if (key === '$ref' && typeof child === 'string' && /[./]/.test(child.split('#', 1)[0] ?? '')) {
        const path = fileOf(child, from);
        if (path !== undefined) paths.add(path);
      }
    }
  }
  return paths;
}
