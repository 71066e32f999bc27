import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { AppError } from '../errors.ts';

/** Seals texts before they are stored: AES-256-GCM [NIST SP 800-38D] under a key derived from the server's secret [RFC 5869]. */
export interface Vault {
  /** The text as it may be stored; the same text gives another result each time. */
  seal(text: string): string;
  /** Throws an AppError `internal` when the text was sealed under another secret or was changed. */
  open(sealed: string): string;
}

/** In front of every sealed text, so that another cipher can be told apart. */
const VERSION = 'v1.';
/** The recommended length of a nonce [NIST SP 800-38D 5.2.1.1]. */
const NONCE_BYTES = 12;
/** The longest tag [NIST SP 800-38D 5.2.1.2]. */
const TAG_BYTES = 16;

/** A vault whose key is derived from `secret`. */
export function createVault(secret: string): Vault {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'lite-agent vault 1', 32));
  return {
    seal(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${VERSION}${sealed.toString('base64')}`;
    },
    open(sealed) {
      try {
        const bytes = Buffer.from(sealed.slice(VERSION.length), 'base64');
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
        decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
        return (
          decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
        );
      } catch (error) {
        throw new AppError('internal', 'A stored configuration was sealed under another SECRET_KEY.', {
          cause: error,
        });
      }
    },
  };
}
