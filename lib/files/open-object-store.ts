import { join } from 'node:path';
import { systemClock } from '../common/clock.ts';
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
  const { filesPerOwnerMaxBytes } = limits;
  return s3
    ? createCountedStore(openS3Store(s3), { db, filesPerOwnerMaxBytes, awaited: { clock: systemClock } })
    : createCountedStore(openDiskStore(join(dataDir, 'files'), signer), { db, filesPerOwnerMaxBytes });
}
