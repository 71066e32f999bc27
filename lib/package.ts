import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The absolute folder of this package, with package.json and the examples. It is the same from source and from dist. */
export function packageRoot(): string {
  const fromSource = new URL('../', import.meta.url);
  const root = existsSync(new URL('package.json', fromSource))
    ? fromSource
    : new URL('../..', import.meta.url);
  return fileURLToPath(root);
}

/** The version in package.json. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(`${packageRoot()}package.json`, 'utf8')) as { version: string };
  return version;
}
