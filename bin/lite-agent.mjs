#!/usr/bin/env node
// Starts the program that `npm run build` makes. It is there before the build: npx keeps a missing program for missing, also after
// the build.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = new URL('../dist/bin/lite-agent.js', import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  process.stderr.write(
    `lite-agent: the program is not built yet. Run \`npm ci\` and \`npm run build\` in ${folder}, then this again.\n`,
  );
  process.exitCode = 1;
}
