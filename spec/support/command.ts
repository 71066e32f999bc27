import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { bundleOf } from './bundle.ts';

/** The loader that lets `node --import` run TypeScript, in whichever folder it is started. */
export const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

export interface CommandRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts the command line. It sees none of the settings of the person who runs the specs. */
export function startCommand(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.Dict<string> } = {},
) {
  const { PATH, NODE_V8_COVERAGE } = process.env;
  const env = { PATH, ...(NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE }), ...options.env };
  return spawn(process.execPath, [bundleOf('bin/lite-agent.ts'), ...args], {
    env,
    cwd: options.cwd,
    stdio: 'pipe',
  });
}

/** Starts the command line on a terminal of its own. Its output has the signs of a terminal, and what is typed. */
export function startOnTerminal(args: readonly string[], { cwd }: { cwd?: string } = {}) {
  const command = [process.execPath, bundleOf('bin/lite-agent.ts'), ...args]
    .map((word) => `'${word}'`)
    .join(' ');
  const { PATH } = process.env;
  return spawn('script', ['-qec', command, '/dev/null'], { env: { PATH, TERM: 'dumb' }, cwd, stdio: 'pipe' });
}

/** Runs a command line to its end; `input` is its standard input. */
export async function runCommand(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.Dict<string>; input?: string } = {},
): Promise<CommandRun> {
  const child = startCommand(args, options);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  child.stdin.on('error', () => {}); // a command that does not read its input may end before all of it is written
  child.stdin.end(options.input ?? '');
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}
