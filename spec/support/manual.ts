import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { packageRoot } from '../../lib/package.ts';
import { bundleOf } from './bundle.ts';
import type { CommandRun } from './command.ts';

/** A page of the manual: the README, or a file of lib/docs. */
export interface ManualPage {
  /** The path from the root of the project. */
  path: string;
  text: string;
}

/** A fenced block of a page [CommonMark 4.5]. */
export interface CodeBlock {
  language: string;
  code: string;
}

/** Every page of the manual, the README first. */
export function manualPages(): ManualPage[] {
  const docs = readdirSync(join(packageRoot(), 'lib/docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...docs.map((name) => `lib/docs/${name}`)].map((path) => ({
    path,
    text: readFileSync(join(packageRoot(), path), 'utf8'),
  }));
}

/** The blocks of a page with a language. */
export function codeBlocks({ text }: Pick<ManualPage, 'text'>, language: string): CodeBlock[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .map(([, found = '', code = '']) => ({ language: found, code }))
    .filter((block) => block.language === language);
}

/**
 * Runs lines of a page in a shell, in a folder, without the settings of the person who runs the specs. `npx lite-agent` is the
 * program of the sources; `input` is the standard input.
 */
export async function runLines(lines: string, folder: string, input = ''): Promise<CommandRun> {
  const npx = `npx() { shift; '${process.execPath}' '${bundleOf('bin/lite-agent.ts')}' "$@"; }`;
  // A shell whose input is a socket reads the files of its user, so that the lines have a pipe of their own.
  const script = `${npx}\nexec < <(cat <<'INPUT'\n${input}\nINPUT\n)\n${lines}`;
  const child = spawn('bash', ['-euc', script], {
    cwd: folder,
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}
