import type { Kysely } from 'kysely';

/** The tables of registered devices, the same on SQLite and PostgreSQL. Times are ms since the epoch. */
export interface DeviceTables {
  devices: DevicesTable;
  device_versions: DeviceVersionsTable;
}

/** The database, or a transaction on it. */
export type DevicesDb = Kysely<DeviceTables>;

/** The devices, removed ones too. */
export interface DevicesTable {
  name: string;
  /** The current version, or the last one of a removed device; 0 before the first one. */
  version: number;
  /** `file`: a file of DEVICES_DIR, which alone may change the device. */
  origin: 'api' | 'file';
  /** Why the file cannot be used; null for none. */
  fault: string | null;
  removed_at: number | null;
}

/** The versions of devices. A row never changes. */
export interface DeviceVersionsTable {
  name: string;
  version: number;
  /** The DeviceFacts, as JSON. */
  facts: string;
  /** The DeviceDefinition, sealed. */
  definition: string;
  made_at: number;
}
