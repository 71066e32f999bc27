import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';

const bin = fileURLToPath(new URL('../../bin/lite-agent.ts', import.meta.url));
/** What `node --import` takes to run TypeScript, wherever it is started. */
export const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

export interface CommandRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts the command line from source; nothing of the tester's own settings is seen by it. */
export function startCommand(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.Dict<string> } = {},
) {
  const { PATH, NODE_V8_COVERAGE } = process.env;
  const env = { PATH, ...(NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE }), ...options.env };
  return spawn(process.execPath, ['--import', tsx, bin, ...args], { env, cwd: options.cwd, stdio: 'pipe' });
}

/** Runs a command line to its end, `input` being its standard input. */
export async function runCommand(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.Dict<string>; input?: string } = {},
): Promise<CommandRun> {
  const child = startCommand(args, options);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  child.stdin.on('error', () => {}); // a command that does not read ends before it is told everything
  child.stdin.end(options.input ?? '');
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}
