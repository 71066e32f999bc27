import { LRUCache } from 'lru-cache';
import type { CompiledQuery, Kysely } from 'kysely';
import { codedFault } from '../common/coded-fault.ts';
import { systemClock, type Clock } from '../common/clock.ts';
import { stringifyInSlices } from '../common/write-json-slices.ts';
import { AppError } from '../errors.ts';
import { lockOrCreateRow } from '../store/lock-row.ts';
import type { Vault } from '../store/vault.ts';
import type { Device, DeviceFacts, ListedDevice } from './device.ts';
import type { DeviceDefinition } from './device-schema.ts';
import type { DevicesDb, DevicesTable, DeviceTables } from './schema.ts';

/** A device before it is stored: checked, with its keys in clear. */
export interface NewDevice {
  definition: DeviceDefinition;
  facts: DeviceFacts;
}

/**
 * The devices that the server knows, over their tables; several nodes may share them.
 *
 * Contract: a change makes a new version, and old ones stay readable. Keys are sealed at rest. The caller has checked the
 * rights and the definition. Rejects with an AppError: `not_found` for a device that is not there, `conflict` for a name that is
 * taken, and for a change of a device that a file describes.
 */
export interface DeviceRegistry {
  /** The devices that are there, by name. */
  list(): Promise<ListedDevice[]>;
  /** As `find`, without the definition: for each call, and cheap however large the document is. */
  look(name: string): Promise<ListedDevice | undefined>;
  /** The current version of a device, also of a removed one; undefined when no device had this name. */
  find(name: string): Promise<Device | undefined>;
  /** A version of a device, old ones and those of removed devices too. */
  version(name: string, version: number): Promise<Device | undefined>;
  /** The name of a removed device may be taken: its versions go on. */
  create(device: NewDevice): Promise<Device>;
  replace(device: NewDevice): Promise<Device>;
  /** Marks a device as removed. Its versions stay. */
  remove(name: string): Promise<void>;
  /** Takes over a file: a new version when it differs from the current one. `conflict` when the name is that of another device. */
  putFile(device: NewDevice): Promise<Device>;
  /** Notes that the file of a device cannot be used. */
  breakFile(name: string, fault: string): Promise<void>;
  /** Removes the devices of files that are not among these. */
  keepFiles(names: readonly string[]): Promise<void>;
}

/** What a registry is opened with. */
export interface RegistryOptions {
  db: Kysely<unknown>;
  vault: Vault;
  clock?: Clock;
}

/** The text of opened versions that are kept, in characters: each task of a session asks for one. */
const OPENED_MAX_CHARS = 64 * 1024 * 1024;
const noFacts: DeviceFacts = { title: '', kind: '', tools: 0, tags: [], users: ['*'], enabled: true };

/** The registry over its tables. */
export function createDeviceRegistry({ db, vault, clock = systemClock }: RegistryOptions): DeviceRegistry {
  return new StoredDevices(db, vault, clock);
}

/** `file` makes a device, or a new version of one that a file has described before. */
type Change = 'create' | 'replace' | 'file';
class StoredDevices implements DeviceRegistry {
  readonly #db: DevicesDb;
  readonly #vault: Vault;
  readonly #clock: Clock;
  /** Definitions by name and version, which never change. */
  readonly #opened = new LRUCache<string, DeviceDefinition>({ maxSize: OPENED_MAX_CHARS });

  /** The statement of `look`, compiled once: each call asks it. */
  readonly #looked: CompiledQuery<DeviceRow>;

  constructor(db: DevicesDb, vault: Vault, clock: Clock) {
    this.#db = db;
    this.#vault = vault;
    this.#clock = clock;
    this.#looked = this.#rows().where('d.name', '=', '').compile();
  }

  async list(): Promise<ListedDevice[]> {
    return (await this.#rows().where('d.removed_at', 'is', null).orderBy('d.name').execute()).map(listedOf);
  }

  async look(name: string): Promise<ListedDevice | undefined> {
    const { rows } = await this.#db.executeQuery<DeviceRow>({ ...this.#looked, parameters: [name] });
    return rows[0] && listedOf(rows[0]);
  }

  async find(name: string): Promise<Device | undefined> {
    const listed = await this.look(name);
    return listed && { ...listed, definition: await this.#definitionOf(listed) };
  }

  async version(name: string, version: number): Promise<Device | undefined> {
    const row = await this.#db
      .selectFrom('devices as d')
      .innerJoin('device_versions as v', 'v.name', 'd.name')
      .select(['d.name', 'd.origin', 'd.fault', 'd.removed_at'])
      .select(['v.version', 'v.facts', 'v.made_at'])
      .where('d.name', '=', name)
      .where('v.version', '=', version)
      .executeTakeFirst();
    return row && { ...listedOf(row), definition: await this.#definitionOf(row) };
  }

  create(device: NewDevice): Promise<Device> {
    return this.#write(device, 'create');
  }

  replace(device: NewDevice): Promise<Device> {
    return this.#write(device, 'replace');
  }

  putFile(device: NewDevice): Promise<Device> {
    return this.#write(device, 'file');
  }

  async remove(name: string): Promise<void> {
    const { numUpdatedRows } = await this.#db
      .updateTable('devices')
      .set({ removed_at: this.#clock.now() })
      .where('name', '=', name)
      .where('removed_at', 'is', null)
      .where('origin', '=', 'api')
      .executeTakeFirst();
    // The statement has decided. The device is read only for the words of the refusal.
    if (numUpdatedRows > 0n) return;
    const device = await this.find(name);
    throw device === undefined || device.isRemoved ? noSuchDevice(name) : readOnly(name);
  }

  async breakFile(name: string, fault: string): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      const row = await this.#lock(trx, name, 'file');
      // A file never takes over a device of the API. A new name gets a row without a version, which is listed with its fault.
      if (row.removed_at === null && row.origin === 'api') throw taken(name);
      await trx
        .updateTable('devices')
        .set({ fault, origin: 'file', removed_at: null })
        .where('name', '=', name)
        .execute();
    });
  }

  async keepFiles(names: readonly string[]): Promise<void> {
    let gone = this.#db
      .updateTable('devices')
      .set({ removed_at: this.#clock.now(), fault: null })
      .where('origin', '=', 'file')
      .where('removed_at', 'is', null);
    if (names.length > 0) gone = gone.where('name', 'not in', names);
    await gone.execute();
  }

  async #write(device: NewDevice, change: Change): Promise<Device> {
    const { name } = device.definition;
    const made_at = this.#clock.now();
    // Before the transaction, which locks the row: a large definition takes its time.
    const { sealed } = await this.#vault.sealValue(device.definition);
    const facts = JSON.stringify(device.facts);
    await this.#db.transaction().execute(async (trx) => {
      const row = await this.#lock(trx, name, change === 'file' ? 'file' : 'api');
      checkChange(row, change);
      const isThere = row.removed_at === null;
      if (change === 'file' && isThere && (await this.#isSame(trx, row, device.definition))) {
        await trx.updateTable('devices').set({ fault: null }).where('name', '=', name).execute();
        return;
      }
      const version = row.version + 1;
      const changed = {
        version,
        origin: change === 'file' ? 'file' : 'api',
        fault: null,
        removed_at: null,
      } as const;
      await trx.updateTable('devices').set(changed).where('name', '=', name).execute();
      const made = { name, version, facts, definition: sealed, made_at };
      await trx.insertInto('device_versions').values(made).execute();
    });
    return (await this.find(name))!;
  }

  /** The row of a name, locked; one of no device when the name is new. */
  #lock(trx: DevicesDb, name: string, origin: DevicesTable['origin']): Promise<DevicesTable> {
    // A new name begins as a removed device, so that `checkChange` finds none.
    const row = { name, version: 0, origin, fault: null, removed_at: this.#clock.now() };
    return lockOrCreateRow<DeviceTables, 'devices'>(trx, 'devices', { key: 'name', column: 'version', row });
  }

  /** A definition as it was stored, and the length of its JSON text. */
  async #read(
    db: DevicesDb,
    { name, version }: Pick<DevicesTable, 'name' | 'version'>,
  ): Promise<{ value: unknown; length: number } | undefined> {
    const row = await db
      .selectFrom('device_versions')
      .select('definition')
      .where('name', '=', name)
      .where('version', '=', version)
      .executeTakeFirst();
    return row && this.#vault.openValue(row.definition);
  }

  /** Whether a file describes the stored version: a restart with unchanged files makes no new versions. */
  async #isSame(db: DevicesDb, row: DevicesTable, definition: DeviceDefinition): Promise<boolean> {
    const stored = await this.#read(db, row);
    return (
      stored !== undefined &&
      (await stringifyInSlices(stored.value)) === (await stringifyInSlices(definition))
    );
  }

  /** The definition of a version; undefined for version 0, of a file that never could be used. */
  async #definitionOf(device: Pick<DevicesTable, 'name' | 'version'>): Promise<DeviceDefinition | undefined> {
    const key = `${device.name}@${device.version}`;
    const known = this.#opened.get(key);
    if (known) return known;
    const stored = await this.#read(this.#db, device);
    if (stored === undefined) return undefined;
    const opened = stored.value as DeviceDefinition;
    this.#opened.set(key, opened, { size: stored.length });
    return opened;
  }

  /** Devices with their current versions. The join is a left one, because version 0 has no row. */
  #rows() {
    return this.#db
      .selectFrom('devices as d')
      .leftJoin('device_versions as v', (join) =>
        join.onRef('v.name', '=', 'd.name').onRef('v.version', '=', 'd.version'),
      )
      .select(['d.name', 'd.version', 'd.origin', 'd.fault', 'd.removed_at'])
      .select(['v.facts', 'v.made_at']);
  }
}

/** The rows of a device and of its current version. */
type DeviceRow = DevicesTable & { facts: string | null; made_at: number | null };

/** The device of its rows. */
function listedOf(row: DeviceRow): ListedDevice {
  return {
    name: row.name,
    version: row.version,
    origin: row.origin,
    fault: row.fault ?? undefined,
    isRemoved: row.removed_at !== null,
    facts: row.facts === null ? { ...noFacts, title: row.name } : (JSON.parse(row.facts) as DeviceFacts),
    madeAt: row.made_at ?? 0,
  };
}

/** Throws unless a device in this state may be changed so. */
function checkChange({ name, origin, removed_at }: DevicesTable, change: Change): void {
  const isThere = removed_at === null;
  if (change === 'replace') {
    if (!isThere) throw noSuchDevice(name);
    if (origin === 'file') throw readOnly(name);
  } else if (isThere && !(change === 'file' && origin === 'file')) throw taken(name);
}

/** The error for a device that is not there, or that the caller may not use. */
export function noSuchDevice(name: string): AppError {
  return new AppError('not_found', `There is no device "${name.slice(0, 100)}".`);
}

function readOnly(name: string): AppError {
  return new AppError(
    'conflict',
    `The device "${name}" is described by a file of DEVICES_DIR: change the file, and send SIGHUP to the server.`,
  );
}

function taken(name: string): AppError {
  const fault = codedFault('/name', 'name_taken');
  return new AppError('conflict', `The name "${name}" ${fault.detail}.`, { faults: [fault] });
}
