// Builds the package into dist: one bundle for the program and the library, the console, then the type declarations.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions } from './bundle.mjs';
import { buildConsole } from './console.mjs';

rmSync('dist', { recursive: true, force: true });
await build({
  ...bundleOptions,
  entryPoints: ['bin/lite-agent.ts', 'lib/index.ts', 'bin/yaml-worker.ts'],
  outdir: 'dist',
});
await buildConsole(resolve('dist/console'));
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', 'tsconfig.json'], { stdio: 'inherit' });
