import { createHash, randomBytes } from 'node:crypto';

/** A new secret of 256 bits, safe in a URL or header. */
export function newSecretText(): string {
  return randomBytes(32).toString('base64url');
}

/** The stored form of a secret that nobody can guess: its SHA-256, base64url. Not for passwords or short codes. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
