import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { mergePatch } from './merge-patch.ts';
import type { MemoryDb } from './schema.ts';

/** A document of a user as it is now. */
export interface MemoryDocument<Data> {
  data: Data;
  /** 0 before it was first written; raised by every change, also by deleting. */
  version: number;
  /** Ms since the epoch; null before it was first written. */
  updatedAt: number | null;
}

/** Something to do or to remember (contract 2, Memory); the id is the client's, or made here. */
export interface TodoItem extends JsonObject {
  id: string | number;
}

/**
 * What an agent knows of each user: a configuration and a list of things to do.
 *
 * Contract: rejects with an AppError: `precondition_failed` when the document has another version than `version` says,
 * `not_found` for an unknown item, `invalid_request` for a document that grows too large. Writers never lose each other's
 * changes.
 */
export interface Memory {
  config(owner: string): Promise<MemoryDocument<JsonObject>>;
  /** Applies a merge patch. */
  patchConfig(owner: string, patch: JsonObject, version?: number): Promise<MemoryDocument<JsonObject>>;
  clearConfig(owner: string, version?: number): Promise<void>;
  todo(owner: string): Promise<MemoryDocument<TodoItem[]>>;
  /** Updates the item with the id that `item` has, with what it names; appends it when there is none. */
  putTodo(owner: string, item: JsonObject, version?: number): Promise<MemoryDocument<TodoItem[]>>;
  replaceTodo(owner: string, items: JsonObject[], version?: number): Promise<MemoryDocument<TodoItem[]>>;
  removeTodo(owner: string, id: string, version?: number): Promise<MemoryDocument<TodoItem[]>>;
  clearTodo(owner: string, version?: number): Promise<void>;
}

export interface MemoryOptions {
  db: MemoryDb;
  /** A new id for an item. */
  newId: () => string;
  /** Ms since the epoch. */
  now?: () => number;
}

const DOCUMENT_MAX_BYTES = 256 * 1024;
const TRIES = 20;

/** Memory in the database. */
export function openMemory({ db, newId, now = Date.now }: MemoryOptions): Memory {
  async function read(owner: string, kind: 'config' | 'todo') {
    const row = await db
      .selectFrom('memory')
      .select(['body', 'version', 'updated_at'])
      .where('owner', '=', owner)
      .where('kind', '=', kind)
      .executeTakeFirst();
    if (!row) return { data: undefined, version: 0, updatedAt: null };
    return { data: JSON.parse(row.body) as JsonValue, version: row.version, updatedAt: row.updated_at };
  }

  async function config(owner: string): Promise<MemoryDocument<JsonObject>> {
    const document = await read(owner, 'config');
    return { ...document, data: isObject(document.data) ? document.data : {} };
  }

  async function todo(owner: string): Promise<MemoryDocument<TodoItem[]>> {
    const document = await read(owner, 'todo');
    return { ...document, data: Array.isArray(document.data) ? (document.data as TodoItem[]) : [] };
  }

  /** Changes what is there, and looks again when somebody else was faster. */
  async function change<Data extends JsonValue>(
    [owner, kind]: readonly [string, 'config' | 'todo'],
    load: (owner: string) => Promise<MemoryDocument<Data>>,
    wanted: number | undefined,
    edit: (data: Data) => Data,
  ): Promise<MemoryDocument<Data>> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const before = await load(owner);
      if (wanted !== undefined && wanted !== before.version) throw changed(before.version);
      const data = edit(before.data);
      const body = JSON.stringify(data);
      if (Buffer.byteLength(body) > DOCUMENT_MAX_BYTES)
        throw new AppError(
          'invalid_request',
          `The document would be larger than ${DOCUMENT_MAX_BYTES} bytes.`,
        );
      const after = { data, version: before.version + 1, updatedAt: now() };
      if (await write(owner, kind, body, after)) return after;
    }
    throw new AppError('conflict', 'The document is being changed all the time; try again.');
  }

  /** False when the version before is not there any more. */
  async function write(
    owner: string,
    kind: 'config' | 'todo',
    body: string,
    { version, updatedAt }: { version: number; updatedAt: number },
  ): Promise<boolean> {
    const row = { owner, kind, body, version, updated_at: updatedAt };
    if (version === 1) {
      const made = await db
        .insertInto('memory')
        .values(row)
        .onConflict((conflict) => conflict.columns(['owner', 'kind']).doNothing())
        .executeTakeFirst();
      return made.numInsertedOrUpdatedRows === 1n;
    }
    const updated = await db
      .updateTable('memory')
      .set(row)
      .where('owner', '=', owner)
      .where('kind', '=', kind)
      .where('version', '=', version - 1)
      .executeTakeFirst();
    return updated.numUpdatedRows === 1n;
  }

  /** A new item has all fields, so that clients need not ask which are there. */
  function newItem(item: JsonObject): TodoItem {
    const { id, ...given } = item;
    return {
      id: isId(id) ? id : newId(),
      task: '',
      trigger: null,
      completed: false,
      createdat: new Date(now()).toISOString(),
      subtasks: [],
      ...given,
    };
  }

  function edited(items: TodoItem[], item: JsonObject): TodoItem[] {
    const wanted = item['id'];
    const at = isId(wanted) ? items.findIndex(({ id }) => String(id) === String(wanted)) : -1;
    if (at < 0) return [...items, newItem(item)];
    return items.with(at, { ...items[at]!, ...item, id: items[at]!.id });
  }

  return {
    config,
    todo,
    patchConfig: (owner, patch, version) =>
      change([owner, 'config'], config, version, (data) => mergePatch(data, patch)),
    async clearConfig(owner, version) {
      await change([owner, 'config'], config, version, () => ({}));
    },
    putTodo: (owner, item, version) => change([owner, 'todo'], todo, version, (items) => edited(items, item)),
    replaceTodo: (owner, items, version) =>
      change([owner, 'todo'], todo, version, () => items.reduce<TodoItem[]>(edited, [])),
    removeTodo: (owner, id, version) =>
      change([owner, 'todo'], todo, version, (items) => {
        const left = items.filter((item) => String(item.id) !== id);
        if (left.length === items.length)
          throw new AppError('not_found', `There is no item "${id.slice(0, 100)}".`);
        return left;
      }),
    async clearTodo(owner, version) {
      await change([owner, 'todo'], todo, version, () => []);
    },
  };
}

function isId(value: JsonValue | undefined): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

function changed(version: number): AppError {
  return new AppError('precondition_failed', `The document has changed: it has version ${version} now.`);
}
