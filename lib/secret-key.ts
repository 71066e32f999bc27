import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { knowLastingSecrets } from './secrets.ts';

const KEY_BYTES = 32;

/** SECRET_KEY, or a key that is made at the first start and kept in the data folder, readable by its owner only. */
export function loadSecretKey({ secretKey, dataDir, databaseUrl }: Config): string {
  if (secretKey !== undefined) return secretKey;
  if (databaseUrl === 'sqlite::memory:') return newKey();
  const file = join(dataDir, 'secret.key');
  mkdirSync(dataDir, { recursive: true });
  try {
    writeFileSync(file, newKey(), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // the key of an earlier start
  }
  const key = readFileSync(file, 'utf8').trim();
  knowLastingSecrets([key]); // SECRET_KEY is known already (config.ts)
  return key;
}

function newKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}
