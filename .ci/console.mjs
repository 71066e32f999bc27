// Builds the page of the console (lib/console) into a folder: for the published package, and for the specs.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = fileURLToPath(new URL('../lib/console', import.meta.url));

/** Builds the page. The names of its files hold a digest of their content, so that browsers may keep them. */
export async function buildConsole(outdir) {
  const { metafile } = await build({
    entryPoints: [join(source, 'main.tsx'), join(source, 'style.css')],
    absWorkingDir: source,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome107', 'firefox104', 'safari16'],
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    tsconfigRaw: '{}',
    minify: true,
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
  let page = readFileSync(join(source, 'index.html'), 'utf8');
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs))
    if (entryPoint !== undefined) page = page.replace(entryPoint, basename(path));
  mkdirSync(outdir, { recursive: true });
  writeFileSync(join(outdir, 'index.html'), page);
  copyFileSync(join(source, 'mark.svg'), join(outdir, 'mark.svg'));
}
