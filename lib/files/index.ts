import { openFiles, type Files } from './files.ts';
import type { ObjectStore } from './object-store.ts';
import type { FilesDb } from './schema.ts';
import { sweepFiles } from './sweep.ts';
import { openUploads, type Uploads, type UploadsGround } from './uploads.ts';

/** Everything that holds files. */
export interface FileRoom {
  readonly files: Files;
  readonly uploads: Uploads;
  /** Takes away what has expired, and what nothing refers to. */
  sweep(): Promise<void>;
  /** Stops what runs by itself; the database is the caller's. */
  close(): Promise<void>;
}

export interface FileRoomOptions {
  db: FilesDb;
  objects: ObjectStore;
  limits: UploadsGround['limits'];
  onError(error: unknown): void;
  /** Ms since the epoch. */
  now?: () => number;
}

const SWEEP_EVERY_MS = 10 * 60_000;

/** Files and uploads over a migrated database and an object store, swept from time to time. */
export function openFileRoom({ onError, now = Date.now, ...given }: FileRoomOptions): FileRoom {
  const ground = { ...given, now };
  let sweeping: Promise<void> | undefined;
  /** One at a time. */
  const sweep = (): Promise<void> =>
    (sweeping ??= sweepFiles(ground).finally(() => {
      sweeping = undefined;
    }));
  const timer = setInterval(() => void sweep().catch(onError), SWEEP_EVERY_MS).unref();
  return {
    files: openFiles(ground),
    uploads: openUploads(ground),
    sweep,
    async close() {
      clearInterval(timer);
      await sweeping?.catch(() => undefined); // `onError` has been told
    },
  };
}
