import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { Context } from 'mocha';

const run = promisify(execFile);
const SCRIPT = new URL('openai-python-client.py', import.meta.url).pathname;
/** A program of Python loads its modules for seconds on a busy machine. */
const TIMEOUT_MS = 60_000;

/** The server, the caller and the conversation of a program of OpenAI's Python client. */
export interface PythonAccount {
  baseUrl: string;
  token: string;
  conversation: string;
  /** The words of the user, for the step `say`. */
  input?: string;
}

/**
 * Skips a test, with the reason in its title, where OpenAI's Python client is missing: `.ci/run` installs it in the folder
 * OPENAI_PYTHON, where an index of Python's packages can be reached.
 */
export function needOpenAiPython(context: Context): void {
  const folder = process.env['OPENAI_PYTHON'];
  const reason =
    'openai for Python is not installed: .ci/run installs it in the folder OPENAI_PYTHON where it can';
  if (folder !== undefined) {
    if (spawnSync('python3', ['-c', 'import openai'], { env: environment() }).status === 0) return;
    throw new Error(`There is no openai for Python in OPENAI_PYTHON (${folder}).`);
  }
  if (context.test !== undefined) context.test.title += ` (${reason})`;
  context.skip();
}

/** Runs one step of `openai-python-client.py`; resolves with its result. Rejects with the words of the program when it fails. */
export async function runOpenAiPython(step: string, account: PythonAccount): Promise<unknown> {
  const env = { ...environment(), OPENAI_BASE_URL: account.baseUrl, OPENAI_API_KEY: account.token };
  const { conversation, input = '' } = account;
  const { stdout } = await run('python3', ['-W', 'ignore', SCRIPT, step, conversation, input], {
    env,
    timeout: TIMEOUT_MS,
  });
  return JSON.parse(stdout);
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONPATH: process.env['OPENAI_PYTHON'], PYTHONDONTWRITEBYTECODE: '1' };
}
