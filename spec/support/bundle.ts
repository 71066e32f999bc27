import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildSync } from 'esbuild';
import { packageRoot } from '../../lib/package.ts';
import { bundleOptions } from '../../.ci/bundle.mjs';

/** The files that were built for all runs. Coverage is read after a run has ended, so that the next run removes its files. */
const folder = join(packageRoot(), '.spec');
const built = new Map<string, string>();

/**
 * The folder for the files that this process builds. Its name is the number of the process: another process removes the
 * folders of processes that have ended, and every folder with another name.
 */
export function builtFilesFolder(): string {
  return join(folder, String(process.pid));
}

/**
 * The path of a bundle of a program, given by its path from the root. It is built once in a run: a process that runs a
 * bundle starts several times faster than one that compiles its sources file by file.
 */
export function bundleOf(entry: string): string {
  const known = built.get(entry);
  if (known !== undefined) return known;
  if (built.size === 0) removeOldBundles();
  const outdir = builtFilesFolder();
  mkdirSync(outdir, { recursive: true });
  buildSync({
    ...bundleOptions,
    absWorkingDir: packageRoot(),
    entryPoints: [entry, 'bin/yaml-worker.ts'],
    outdir,
    entryNames: '[name]',
    sourcemap: 'linked',
  });
  const bundle = join(outdir, basename(entry).replace(/\.ts$/, '.js'));
  built.set(entry, bundle);
  return bundle;
}

function removeOldBundles(): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder))
    if (!isRunning(Number(name))) rmSync(join(folder, name), { recursive: true, force: true });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // there is no such process
  }
}
