import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Values, and the type that each of them is said to have: its module and its name there. */
export interface DeclaredValues {
  module: string;
  type: string;
  values: readonly object[];
}

const HEAD_LINES = 2;
const OPTIONS = ['--strict', '--skipLibCheck', '--noEmit', '--ignoreConfig', '--pretty', 'false'];
const TARGET = ['--target', 'es2022', '--module', 'nodenext', '--types', 'node'];
const TIMEOUT_MS = 60_000;
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

const compiler = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin',
  'tsc',
);

/**
 * Checks values against a type that a package declares, with the compiler of TypeScript. Resolves with the faults, each with the
 * value at fault, as one text; a field that the type does not have is one.
 */
export async function declaredTypeFaults({ module, type, values }: DeclaredValues): Promise<string> {
  // Inside of the repository, where the compiler finds the package.
  const folder = await mkdtemp(join(import.meta.dirname, '.declared-'));
  try {
    const file = join(folder, 'values.ts');
    const head = [`import type * as declared from '${module}';`, `type Value = declared.${type};`];
    const lines = values.map((value, index) => `export const v${index}: Value = ${JSON.stringify(value)};`);
    await writeFile(file, [...head, ...lines].join('\n'));
    const output = await outputOf([compiler, ...OPTIONS, ...TARGET, file]);
    const faults = output.split(/\n(?=\S)/).flatMap((fault) => {
      const at = /values\.ts\((\d+),\d+\): error/.exec(fault)?.[1];
      const value = at === undefined ? undefined : values[Number(at) - 1 - HEAD_LINES];
      return fault.trim() === '' ? [] : [`${fault.trim()} in ${JSON.stringify(value)}`];
    });
    return faults.join('\n');
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The output of a program of Node, also of one that ends with a fault. */
function outputOf(args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_MAX_BYTES };
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      resolve(`${stdout}${stderr}` || (error?.message ?? '')),
    );
  });
}
