import { join } from 'node:path';
import { buildConsole } from '../../.ci/console.mjs';
import { createConsole } from '../../lib/dialects/console/console.ts';
import { dialects } from '../../lib/dialects/index.ts';
import { openTestApp, type TestApp } from './app.ts';
import { builtFilesFolder } from './bundle.ts';

let built: Promise<string> | undefined;

/** The folder with the console, which is built once in a process. */
export function builtFolder(): Promise<string> {
  const folder = join(builtFilesFolder(), 'console');
  built ??= buildConsole(folder).then(() => folder);
  return built;
}

/** A whole server whose `/` is the console as the sources have it. */
export async function openConsoleApp(env: Record<string, string> = {}): Promise<TestApp> {
  const folder = await builtFolder();
  const others = dialects.filter(({ name }) => name !== 'console');
  return openTestApp(env, { dialects: [...others, createConsole(folder)] });
}
