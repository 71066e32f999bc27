import { join } from 'node:path';
import type { Config } from '../config.ts';
import { createCountedStore } from './counted-store.ts';
import { openDiskStore } from './disk-store.ts';
import type { ObjectStore } from './object-store.ts';
import { openS3Store } from './s3-store.ts';
import type { FilesDb } from './schema.ts';
import type { UrlSigner } from './url-signer.ts';

/** The object store of the settings: the bucket, else a folder in the data folder. Named objects count against their owners. */
export function openObjectStore(
  { s3, dataDir, limits }: Pick<Config, 's3' | 'dataDir' | 'limits'>,
  { db, signer }: { db: FilesDb; signer: UrlSigner },
): ObjectStore {
  const store = s3 ? openS3Store(s3) : openDiskStore(join(dataDir, 'files'), signer);
  return createCountedStore(store, { db, filesPerOwnerMaxBytes: limits.filesPerOwnerMaxBytes });
}
