import type { Kysely } from 'kysely';

/** The tables of files, the same on SQLite and PostgreSQL. Times are ms since the epoch. */
export interface FileTables {
  files: FilesTable;
  file_objects: FileObjectsTable;
  uploads: UploadsTable;
  upload_parts: UploadPartsTable;
  file_usage: FileUsageTable;
  named_objects: NamedObjectsTable;
  awaited_uploads: AwaitedUploadsTable;
}

/** The names for which clients have URLs to upload to, where this server does not see the bytes. */
interface AwaitedUploadsTable {
  key: string;
  /** The time at which the object is looked at: one that no client has named by then is removed. */
  due_at: number;
}

/** The database, or a transaction on it. */
export type FilesDb = Kysely<FileTables>;

/** The files. */
export interface FilesTable {
  id: string;
  owner: string;
  filename: string;
  purpose: string;
  mime_type: string;
  bytes: number;
  /** Rises with every file, so that a list has an order. */
  position: number;
  created_at: number;
  expires_at: number | null;
}

/** The objects of a file, in order. */
interface FileObjectsTable {
  file_id: string;
  position: number;
  object: string;
  bytes: number;
}

/** The uploads. */
export interface UploadsTable {
  id: string;
  owner: string;
  /** The session in which it was made. */
  session_id: string | null;
  filename: string;
  purpose: string;
  mime_type: string;
  bytes: number;
  status: 'pending' | 'completed' | 'cancelled' | 'expired';
  created_at: number;
  expires_at: number;
  /** How long its file is kept, in ms. */
  file_life_ms: number | null;
  file_id: string | null;
}

/** The parts of uploads that are not finished. */
export interface UploadPartsTable {
  id: string;
  upload_id: string;
  object: string;
  bytes: number;
  md5: string;
  created_at: number;
}

/** The room that an owner's files and open uploads take, in bytes. */
interface FileUsageTable {
  owner: string;
  bytes: number;
}

/** The objects with a name, such as pictures in conversations, that count against their owner. */
interface NamedObjectsTable {
  key: string;
  owner: string;
  bytes: number;
}
