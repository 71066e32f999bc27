import { systemClock, type Clock } from '../common/clock.ts';
import { startPeriodic } from '../common/periodic.ts';
import { createFiles, type Files } from './files.ts';
import { createGivenFiles, type GivenFiles } from './given-files.ts';
import type { ObjectStore } from './object-store.ts';
import { removeFilesOf } from './remove-owner.ts';
import type { FilesDb } from './schema.ts';
import { sweepFiles } from './sweep.ts';
import { createUploads, type Uploads, type UploadsContext } from './uploads.ts';

/** Files and uploads of all owners. */
export interface FileRoom {
  readonly files: Files;
  readonly uploads: Uploads;
  readonly given: GivenFiles;
  /** Removes expired files and uploads, and objects without an owner. Runs every ten minutes. */
  sweep(): Promise<void>;
  /** Removes all files, uploads and named objects of an owner. */
  removeOwner(owner: string): Promise<void>;
  /** Stops the sweep; the database belongs to the caller. */
  close(): Promise<void>;
}

/** The parts that files and uploads are opened with. */
export interface FileRoomOptions {
  db: FilesDb;
  objects: ObjectStore;
  /** Makes the connections to files that a client names by their address. */
  fetch: typeof globalThis.fetch;
  limits: UploadsContext['limits'];
  onError(error: unknown): void;
  clock?: Clock;
}

/** Expired files are hidden in any case; the sweep frees their room. */
const SWEEP_EVERY_MS = 10 * 60_000;

/** Files and uploads over a migrated database and an object store, swept from time to time. */
export function openFileRoom({ onError, fetch, clock = systemClock, ...stored }: FileRoomOptions): FileRoom {
  const context: UploadsContext = { ...stored, clock };
  const sweep = (): Promise<void> => sweepFiles(context);
  const sweeping = startPeriodic({ pauseMs: SWEEP_EVERY_MS, work: sweep, onError, clock });
  return {
    files: createFiles(context),
    uploads: createUploads(context),
    given: createGivenFiles(fetch),
    sweep,
    removeOwner: (owner) => removeFilesOf(context, owner),
    close: () => sweeping.stop(),
  };
}
