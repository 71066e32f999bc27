// Builds the package into dist: one bundle for the program and the library, then the type declarations.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

// Packages that stay outside the bundle: native ones, and ones that are loaded only when they are needed.
const external = [
  'better-sqlite3',
  'serialport',
  'modbus-serial',
  'pg-native',
  '@node-rs/argon2',
  'pino',
  'pino-pretty',
  'yaml',
  'sharp',
  '@aws-sdk/*',
  '@apidevtools/swagger-parser',
];

// CommonJS packages in the bundle call `require`, which an ES module does not have.
const banner = `import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);`;

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: ['bin/lite-agent.ts', 'lib/index.ts'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  legalComments: 'none',
  logLevel: 'warning',
  external,
  // Its CommonJS entry loads its parts in a way that a bundler cannot follow.
  alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
  banner: { js: banner },
});
const tsc = createRequire(import.meta.url)
  .resolve('typescript/package.json')
  .replace('package.json', 'bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { stdio: 'inherit' });
