import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../errors.ts';

/** What one secret is used for; every use but the tokens' own signature has a key derived from it [RFC 5869]. */
export interface SigningKey {
  /** Names the key in a token's header; tells nothing of the secret that a signature does not. */
  readonly kid: string;
  /** Signs access tokens: the secret itself, so that others who know it can check them. */
  readonly secret: string;
  /** A keyed digest for one purpose, base64url. */
  digest(purpose: 'refresh' | 'code' | 'state' | 'verifier' | 'nonce' | 'failure', text: string): string;
}

/** The keys of this server: the first signs, all are accepted, so that a new one in front signs nobody out. */
export interface SigningKeys {
  readonly current: SigningKey;
  readonly all: readonly SigningKey[];
}

export interface KeyPlace {
  /** JWT_SECRET, split at its commas. */
  secrets: readonly string[];
  dataDir: string;
  /** Nothing outlives the process: the key need not either. */
  inMemory: boolean;
}

const FILE = 'jwt.keys';

/**
 * The keys of JWT_SECRET, or of the file `jwt.keys` (one a line) that is made at first start, readable by its owner only.
 * Throws an AppError when the file cannot be used.
 */
export function openSigningKeys({ secrets, dataDir, inMemory }: KeyPlace): SigningKeys {
  const all = (secrets.length > 0 ? secrets : inMemory ? [newSecret()] : readFile(dataDir)).map(keyOf);
  return { current: all[0]!, all };
}

function newSecret(): string {
  return randomBytes(48).toString('base64url');
}

function readFile(dataDir: string): string[] {
  const file = join(dataDir, FILE);
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    mkdirSync(dataDir, { recursive: true });
    // Written whole, then named: of several processes that start at once all read the same key, and none half of it.
    writeFileSync(draft, `${newSecret()}\n`, { mode: 0o600, flag: 'wx' });
    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    chmodSync(file, 0o600);
    const found = readFileSync(file, 'utf8').split(/\s+/).filter(Boolean);
    if (found.length > 0 && found.every((secret) => secret.length >= 32)) return found;
  } catch (error) {
    throw new AppError('invalid_request', `The signing keys in ${file} cannot be read or made.`, {
      cause: error,
    });
  }
  throw new AppError(
    'invalid_request',
    `${file} holds no key, or one of less than 32 characters: remove it (everybody is signed out then), or mend it.`,
  );
}

function keyOf(secret: string): SigningKey {
  const derived = new Map<string, Buffer>();
  const derive = (purpose: string): Buffer => {
    let key = derived.get(purpose);
    if (!key) {
      key = Buffer.from(hkdfSync('sha256', secret, '', `lite-agent accounts ${purpose} 1`, 32));
      derived.set(purpose, key);
    }
    return key;
  };
  return {
    kid: derive('kid').toString('base64url').slice(0, 12),
    secret,
    digest: (purpose, text) => createHmac('sha256', derive(purpose)).update(text).digest('base64url'),
  };
}
