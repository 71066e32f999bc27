import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** One import of a source file: of ours by its path from the root (`lib/core/json.ts`), else a package by its name. */
export interface Import {
  target: string;
  ours: boolean;
  /** Nothing is left of it at run time. */
  typeOnly: boolean;
  /** `await import(…)`: loaded when it is needed. */
  lazy: boolean;
}

export interface Source {
  path: string;
  text: string;
  imports: Import[];
}

/** Every TypeScript file below `folders`, as a path from the root. */
export function readSources(root: string, folders: readonly string[]): Source[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.tsx?$/.test(name))
        .sort((a, b) => a.localeCompare(b))
        .map((name) => parseSource(join(folder, name), readFileSync(join(root, folder, name), 'utf8'))),
    );
}

/** A file's imports, as the formatter writes them: single quotes, statements at the line's start. */
export function parseSource(path: string, text: string): Source {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  const imports: Import[] = [];
  const add = (specifier: string, typeOnly: boolean, lazy: boolean) => {
    const ours = specifier.startsWith('.');
    const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1);
    imports.push({
      target: ours ? normalize(join(dirname(path), specifier)) : name.join('/'),
      ours,
      typeOnly,
      lazy,
    });
  };
  for (const [, clause = '', specifier = ''] of code.matchAll(
    /^(?:import|export)\b([^;'"]*?)\bfrom '([^']+)'/gm,
  )) {
    const named = /^\s*\{([^}]*)\}\s*$/
      .exec(clause)?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '');
    add(
      specifier,
      /^\s*type\b/.test(clause) || (named?.every((name) => /^\s*type\s/.test(name)) ?? false),
      false,
    );
  }
  for (const [, specifier = ''] of code.matchAll(/^import '([^']+)'/gm)) add(specifier, false, false);
  for (const [, type, specifier = ''] of code.matchAll(/(typeof )?\bimport\(\s*'([^']+)'\s*\)/g)) {
    add(specifier, type !== undefined, type === undefined);
  }
  return { path, text, imports };
}

/** The imports that lead from a file back to itself, one chain a cycle; types alone make none. */
export function cyclesOf(sources: readonly Source[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (trail.includes(path) || done.has(path)) return;
    for (const { target, ours, typeOnly } of byPath.get(path)?.imports ?? []) {
      if (ours && !typeOnly) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const { path } of sources) visit(path, []);
  return cycles;
}

/** The files that are loaded together with `roots`: what they import at run time, but for what is imported when needed. */
export function loadedWith(sources: readonly Source[], roots: readonly string[]): Source[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const loaded = new Set<string>();
  const load = (path: string) => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { target, ours, typeOnly, lazy } of byPath.get(path)?.imports ?? []) {
      if (ours && !typeOnly && !lazy) load(target);
    }
  };
  for (const root of roots) load(root);
  return sources.filter(({ path }) => loaded.has(path));
}
