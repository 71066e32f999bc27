/*
 * Writers do not lock: each reads a document with its version, changes it, and writes it back under the next version. A
 * writer that finds another version has lost the race, and reads again.
 */

import { systemClock, type Clock } from '../common/clock.ts';
import { formatExactly, parseFormatted } from '../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { applyObjectPatch } from '../common/merge-patch.ts';
import { AppError } from '../errors.ts';
import type { MemoryDb } from './schema.ts';

/** A document of a user as it is now. */
export interface MemoryDocument<Data> {
  data: Data;
  /** 0 before it was first written; raised by every change, also by deleting. */
  version: number;
  /** Ms since the epoch; null before it was first written. */
  updatedAt: number | null;
}

/** A thing to do or to remember (contract 2, Memory); the client chooses the id, or the server makes one. */
export interface TodoItem extends JsonObject {
  id: string | number;
}

/**
 * The documents that an agent keeps about each user: a configuration and a list of things to do.
 *
 * Contract: rejects with an AppError: `precondition_failed` when the document's version is not `version`,
 * `not_found` for an unknown item, `invalid_request` for a document that grows too large. Writers never lose each other's
 * changes.
 */
export interface Memory {
  /** The configuration. */
  config(owner: string): Promise<MemoryDocument<JsonObject>>;
  /** Applies a merge patch. */
  patchConfig(owner: string, patch: JsonObject, version?: number): Promise<MemoryDocument<JsonObject>>;
  /** Empties the document. The row stays, so that the version goes on rising. */
  clearConfig(owner: string, version?: number): Promise<void>;
  /** The list of things to do. */
  todo(owner: string): Promise<MemoryDocument<TodoItem[]>>;
  /** Changes the named fields of the item with this id; appends the item when there is none. */
  putTodo(owner: string, item: JsonObject, version?: number): Promise<MemoryDocument<TodoItem[]>>;
  /** Puts a list in the place of the whole one. Rejects with `invalid_request` where two items have one id. */
  replaceTodo(owner: string, items: JsonObject[], version?: number): Promise<MemoryDocument<TodoItem[]>>;
  /** Removes one item. `id` is a text also where the item has a number. */
  removeTodo(owner: string, id: string, version?: number): Promise<MemoryDocument<TodoItem[]>>;
  clearTodo(owner: string, version?: number): Promise<void>;
  /** Removes both documents of an owner. */
  removeOwner(owner: string): Promise<void>;
}

/** What memory is opened with. */
export interface MemoryOptions {
  db: MemoryDb;
  /** The clock also makes the ids of new items. */
  clock?: Clock;
}

/** The model gets a document as a whole. */
const DOCUMENT_MAX_BYTES = 256 * 1024;
/** How often a change is tried when other writers are faster. */
const TRIES_MAX_COUNT = 20;

/** The documents that exist for each owner. */
type Kind = 'config' | 'todo';

/** Memory in the database. */
export function openMemory({ db, clock = systemClock }: MemoryOptions): Memory {
  return new StoredMemory(db, clock);
}

/** Documents over their table; the version is the lock. */
class StoredMemory implements Memory {
  readonly #db: MemoryDb;
  readonly #clock: Clock;

  constructor(db: MemoryDb, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  async config(owner: string): Promise<MemoryDocument<JsonObject>> {
    const document = await this.#read(owner, 'config');
    return { ...document, data: isObject(document.data) ? document.data : {} };
  }

  patchConfig(owner: string, patch: JsonObject, version?: number): Promise<MemoryDocument<JsonObject>> {
    return this.#changeConfig(owner, version, (data) => applyObjectPatch(data, patch));
  }

  async clearConfig(owner: string, version?: number): Promise<void> {
    await this.#changeConfig(owner, version, () => ({}));
  }

  async todo(owner: string): Promise<MemoryDocument<TodoItem[]>> {
    const document = await this.#read(owner, 'todo');
    return { ...document, data: Array.isArray(document.data) ? (document.data as TodoItem[]) : [] };
  }

  putTodo(owner: string, item: JsonObject, version?: number): Promise<MemoryDocument<TodoItem[]>> {
    return this.#changeTodo(owner, version, (items) => withItem(items, item, this.#clock));
  }

  async replaceTodo(
    owner: string,
    items: JsonObject[],
    version?: number,
  ): Promise<MemoryDocument<TodoItem[]>> {
    checkIds(items);
    return this.#changeTodo(owner, version, () => items.map((item) => newItem(item, this.#clock)));
  }

  removeTodo(owner: string, id: string, version?: number): Promise<MemoryDocument<TodoItem[]>> {
    return this.#changeTodo(owner, version, (items) => {
      const left = items.filter((item) => String(item.id) !== id);
      if (left.length === items.length)
        throw new AppError('not_found', `There is no item "${id.slice(0, 100)}".`);
      return left;
    });
  }

  async clearTodo(owner: string, version?: number): Promise<void> {
    await this.#changeTodo(owner, version, () => []);
  }

  async removeOwner(owner: string): Promise<void> {
    await this.#db.deleteFrom('memory').where('owner', '=', owner).execute();
  }

  /** Changes the configuration; without `version`, whichever version it has. */
  #changeConfig(owner: string, version: number | undefined, edit: (data: JsonObject) => JsonObject) {
    return this.#change([owner, 'config'], () => this.config(owner), version, edit);
  }

  #changeTodo(owner: string, version: number | undefined, edit: (items: TodoItem[]) => TodoItem[]) {
    return this.#change([owner, 'todo'], () => this.todo(owner), version, edit);
  }

  /** Changes a document, and starts again when another writer was faster. */
  async #change<Data extends JsonValue>(
    [owner, kind]: readonly [string, Kind],
    load: () => Promise<MemoryDocument<Data>>,
    wanted: number | undefined,
    edit: (data: Data) => Data,
  ): Promise<MemoryDocument<Data>> {
    for (let tries = 0; tries < TRIES_MAX_COUNT; tries += 1) {
      const before = await load();
      // A client that names a version is refused here, and does not try again: it must see the other change first.
      if (wanted !== undefined && wanted !== before.version) throw changed(before.version);
      const data = edit(before.data);
      const body = formatExactly(data);
      if (Buffer.byteLength(body) > DOCUMENT_MAX_BYTES)
        throw new AppError(
          'invalid_request',
          `The document would be larger than ${DOCUMENT_MAX_BYTES} bytes.`,
        );
      const after = { data, version: before.version + 1, updatedAt: this.#clock.now() };
      if (await this.#write(owner, kind, body, after)) return after;
    }
    throw new AppError('conflict', 'Too many writers change the document; try again.');
  }

  /** A document as it is stored; without data before the first write. */
  async #read(owner: string, kind: Kind) {
    const row = await this.#db
      .selectFrom('memory')
      .select(['body', 'version', 'updated_at'])
      .where('owner', '=', owner)
      .where('kind', '=', kind)
      .executeTakeFirst();
    if (!row) return { data: undefined, version: 0, updatedAt: null };
    return { data: parseFormatted(row.body), version: row.version, updatedAt: row.updated_at };
  }

  /** Writes a document; false when it does not have the version before this one any more. */
  async #write(
    owner: string,
    kind: Kind,
    body: string,
    { version, updatedAt }: { version: number; updatedAt: number },
  ): Promise<boolean> {
    const row = { owner, kind, body, version, updated_at: updatedAt };
    // The first version has no row to be changed. Of two writers that insert it, one finds the key taken.
    if (version === 1) {
      const made = await this.#db
        .insertInto('memory')
        .values(row)
        .onConflict((conflict) => conflict.columns(['owner', 'kind']).doNothing())
        .executeTakeFirst();
      return made.numInsertedOrUpdatedRows === 1n;
    }
    const updated = await this.#db
      .updateTable('memory')
      .set(row)
      .where('owner', '=', owner)
      .where('kind', '=', kind)
      .where('version', '=', version - 1)
      .executeTakeFirst();
    return updated.numUpdatedRows === 1n;
  }
}

/** Throws `invalid_request` for a list in which two items have one id: one of them would be lost. */
function checkIds(items: readonly JsonObject[]): void {
  // 1 and "1" are the same id: a URL has only texts. An item without an id gets a new one later.
  const ids = items.map(({ id }) => (isId(id) ? String(id) : undefined));
  const faults = ids.flatMap((id, index) =>
    id === undefined || ids.indexOf(id) === index
      ? []
      : [{ pointer: `/items/${index}/id`, detail: 'is the id of an item before it' }],
  );
  if (faults.length > 0)
    throw new AppError('invalid_request', 'Two items have one id: give each item an id of its own.', {
      faults,
    });
}

/** The list with the item changed, or appended when it is new. */
function withItem(items: TodoItem[], item: JsonObject, clock: Clock): TodoItem[] {
  const wanted = item['id'];
  const at = isId(wanted) ? items.findIndex(({ id }) => String(id) === String(wanted)) : -1;
  if (at < 0) return [...items, newItem(item, clock)];
  // The id keeps its type: a client that made it a number gets a number.
  return items.with(at, { ...items[at]!, ...item, id: items[at]!.id });
}

/** A new item has all fields, so that clients need not ask for them. */
function newItem(item: JsonObject, clock: Clock): TodoItem {
  const { id, ...given } = item;
  return {
    id: isId(id) ? id : clock.newId(),
    task: '',
    trigger: null,
    completed: false,
    createdat: new Date(clock.now()).toISOString(),
    subtasks: [],
    ...given,
  };
}

/** Whether a value can be the id of an item. */
function isId(value: JsonValue | undefined): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

/** The error for a document that another writer changed. */
function changed(version: number): AppError {
  return new AppError('precondition_failed', `The document has changed: it has version ${version} now.`);
}
