import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPrivateFolder, PRIVATE_FILE_MODE } from '../common/private-files.ts';

const AUDIT_KEY_FILE = 'audit.key';

/**
 * The Ed25519 key that signs the audit log: made at the first start and kept in the folder. A server that keeps nothing has a
 * new one each time.
 */
export function loadAuditKey(folder: string | undefined): KeyObject {
  if (folder === undefined) return generateKeyPairSync('ed25519').privateKey;
  const file = join(folder, AUDIT_KEY_FILE);
  createPrivateFolder(folder);
  try {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(file, pem, { mode: PRIVATE_FILE_MODE, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // the key of an earlier start
  }
  return createPrivateKey(readFileSync(file, 'utf8'));
}
