import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { messageOf } from '../errors.ts';
import { parseText } from './parse.ts';

/** The other files of a multi-file document, by their absolute path; what could not be read is told. */
export interface SpecFiles {
  files: Map<string, JsonObject>;
  warnings: string[];
}

/** No real document has more. */
const FILES_MAX_COUNT = 1000;

/**
 * Reads the files that a document at the path `source` refers to, and those that they refer to: only files in its own
 * folder or below. Nothing is read for a document that came from elsewhere.
 */
export async function readFilesBeside(document: JsonObject, source: string | undefined): Promise<SpecFiles> {
  const files = new Map<string, JsonObject>();
  const warnings: string[] = [];
  if (source === undefined || isUrl(source)) return { files, warnings };
  const root = resolve(source);
  const folder = dirname(root);
  const seen = new Set([root]);
  const waiting = refsOf(document).map((ref) => fileOf(ref, root));
  for (const path of waiting) {
    if (path === undefined || seen.has(path)) continue;
    seen.add(path);
    const shown = relative(folder, path);
    if (shown.startsWith('..') || isAbsolute(shown)) {
      warnings.push(`The file ${shown} is not read: it is not in the document's folder.`);
    } else if (files.size >= FILES_MAX_COUNT) {
      warnings.push(`The file ${shown} is not read: the document has over ${FILES_MAX_COUNT}.`);
    } else {
      try {
        const parsed = await parseText(await readFile(path, 'utf8'));
        files.set(path, parsed.document);
        warnings.push(...parsed.warnings.map((warning) => `${shown}: ${warning}`));
        waiting.push(...refsOf(parsed.document).map((ref) => fileOf(ref, path)));
      } catch (error) {
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        warnings.push(
          `The file ${shown} cannot be read: ${missing ? 'there is no such file' : messageOf(error)}.`,
        );
      }
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
    // Not percent-encoded after all.
    return resolve(dirname(from), file);
  }
}

function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(text);
}

function refsOf(document: JsonObject): string[] {
  const refs = new Set<string>();
  const visit = (node: JsonValue | undefined): void => {
    if (typeof node !== 'object' || node === null) return;
    if (!Array.isArray(node) && typeof node['$ref'] === 'string' && !node['$ref'].startsWith('#'))
      refs.add(node['$ref']);
    for (const inner of Object.values(node)) visit(inner);
  };
  visit(document);
  return [...refs];
}
