import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { chmodSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPrivateFolder } from '../common/private-files.ts';
import { AppError } from '../errors.ts';

/** One secret and its uses. Every use has a key derived from the secret [RFC 5869], except the signature of tokens. */
export interface SigningKey {
  /** The name of the key in a token's header. It reveals no more of the secret than a signature does. */
  readonly kid: string;
  /** The secret itself signs access tokens, so that other programs that know it can check them. */
  readonly secret: string;
  /** A keyed digest for one purpose, base64url. */
  digest(purpose: 'refresh' | 'code' | 'state' | 'verifier' | 'nonce' | 'failure', text: string): string;
}

/** The keys of this server: the first signs, all are accepted. So a new key in front signs nobody out. */
export interface SigningKeys {
  /** The key that signs. */
  readonly current: SigningKey;
  /** The keys that are accepted. */
  readonly all: readonly SigningKey[];
}

/** Where the keys come from. */
export interface KeyPlace {
  /** JWT_SECRET, split at its commas. */
  secrets: readonly string[];
  dataDir: string;
  /** True: the database is in memory, and the key is too. */
  inMemory: boolean;
}

/** Shorter secrets can be guessed from one signature [RFC 7518 3.2]. */
const SECRET_MIN_LENGTH = 32;
const FILE = 'jwt.keys';

/**
 * The keys of JWT_SECRET, or of the file `jwt.keys` (one a line) that is made at first start, readable by its owner only.
 * Throws an AppError when the file cannot be used.
 */
export function loadSigningKeys({ secrets, dataDir, inMemory }: KeyPlace): SigningKeys {
  const all = (secrets.length > 0 ? secrets : inMemory ? [newSecret()] : readFile(dataDir)).map(signingKeyOf);
  return { current: all[0]!, all };
}

function newSecret(): string {
  return randomBytes(48).toString('base64url');
}

/** The secrets of the file, which is made when it does not exist. */
function readFile(dataDir: string): string[] {
  const file = join(dataDir, FILE);
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    createPrivateFolder(dataDir);
    // Written whole, then named: several processes that start at once all read the same key, and none reads half of it.
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
    if (found.length > 0 && found.every((secret) => secret.length >= SECRET_MIN_LENGTH)) return found;
  } catch (error) {
    throw new AppError('invalid_request', `The signing keys in ${file} cannot be read or made.`, {
      cause: error,
    });
  }
  throw new AppError(
    'invalid_request',
    `${file} holds no key, or a key of less than ${SECRET_MIN_LENGTH} characters: remove the file (everybody is signed out then), or correct it.`,
  );
}

/** The key of a secret; derived keys are made at their first use. */
function signingKeyOf(secret: string): SigningKey {
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
