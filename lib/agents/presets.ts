import type { Kysely, Selectable } from 'kysely';
import { formatExactly, parseExactly } from '../common/exact-numbers.ts';
import { systemClock, type Clock } from '../common/clock.ts';
import type { JsonObject } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { requireRecordRoom } from '../store/record-room.ts';

/** A message in front of every chat of a preset. */
export interface PresetMessage {
  role: 'user' | 'assistant' | 'system';
  type: 'text' | 'image';
  /** A text; for a picture the text by which its dialect finds it. */
  content: string;
  visible: boolean;
  /** Ms since the epoch. */
  createdAt: number;
}

/** A preset before it is made. */
export interface NewPreset {
  title: string;
  description: string | null;
  type: 'chat_generation' | 'image_generation';
  /** `unlisted`: every user who knows the id may use it. */
  visibility: 'private' | 'unlisted' | 'public';
  messages: PresetMessage[];
  /** The model and the fields of a request to it, as its endpoint names them. A seed beyond 2^53 is a bigint. */
  parameters: JsonObject & { model: string; max_tokens: number };
}

/** A scene to chat in. Times in ms since the epoch. */
export interface Preset extends NewPreset {
  id: string;
  owner: string;
  createdAt: number;
  updatedAt: number;
  /** True: no new chat may use it; chats that have it go on. */
  removed: boolean;
}

/** A part of the list of presets. */
export interface PresetPage {
  offset: number;
  limit: number;
  orderBy: 'id' | 'title' | 'created_at' | 'updated_at';
  order: 'asc' | 'desc';
}

/** Presets. Contract: the caller has checked the rights; `not_found` for a preset that was removed meanwhile. */
export interface Presets {
  /** Rejects with `too_many_requests` where the owner has as many presets as it may have. Removed ones do not count. */
  create(owner: string, preset: NewPreset): Promise<Preset>;
  /** Also a removed preset. */
  find(id: string): Promise<Preset | undefined>;
  /** The owner's presets and the public ones. */
  list(owner: string, page: PresetPage): Promise<Preset[]>;
  change(id: string, changes: Partial<NewPreset>): Promise<Preset>;
  /** Removes a preset for new chats. */
  remove(id: string): Promise<void>;
  /** Removes all presets of an owner. A preset that chats of other owners have stays for them, without its owner. */
  removeOwner(owner: string): Promise<void>;
}

/** The presets; a removed one keeps its row, as chats may have it. */
interface PresetsTable {
  id: string;
  owner: string;
  title: string;
  description: string | null;
  type: NewPreset['type'];
  visibility: NewPreset['visibility'];
  /** JSON. */
  messages: string;
  /** JSON; whole numbers have all their digits. */
  parameters: string;
  created_at: number;
  updated_at: number;
  /** null: new chats may use it. */
  deleted_at: number | null;
}

/** The tables that this file works on. Of chats it knows only these columns. */
interface Tables {
  presets: PresetsTable;
  chats: { owner: string; preset_id: string | null };
}

/** The owner of a preset whose owner was removed. */
const NO_OWNER = '';

/** Presets over their table; an owner may have `maxCount`. */
export function createPresets(db: Kysely<unknown>, maxCount: number, clock: Clock = systemClock): Presets {
  return new StoredPresets(db, maxCount, clock);
}

/** Presets in the database; a chat of another owner may keep one alive. */
class StoredPresets implements Presets {
  readonly #db: Kysely<Tables>;
  readonly #maxCount: number;
  readonly #clock: Clock;

  constructor(db: Kysely<Tables>, maxCount: number, clock: Clock) {
    this.#db = db;
    this.#maxCount = maxCount;
    this.#clock = clock;
  }

  async create(owner: string, preset: NewPreset): Promise<Preset> {
    const now = this.#clock.now();
    const row: PresetsTable = {
      id: this.#clock.newId(),
      owner,
      title: preset.title,
      description: preset.description,
      type: preset.type,
      visibility: preset.visibility,
      messages: JSON.stringify(preset.messages),
      parameters: formatExactly(preset.parameters),
      created_at: now,
      updated_at: now,
      deleted_at: null,
    };
    await this.#db.transaction().execute(async (trx) => {
      const own = trx.selectFrom('presets').where('owner', '=', owner).where('deleted_at', 'is', null);
      await requireRecordRoom(trx, { owner, kind: 'presets', own, maxCount: this.#maxCount });
      await trx.insertInto('presets').values(row).execute();
    });
    return presetOf(row);
  }

  async find(id: string): Promise<Preset | undefined> {
    const row = await this.#db.selectFrom('presets').selectAll().where('id', '=', id).executeTakeFirst();
    return row && presetOf(row);
  }

  async list(owner: string, { offset, limit, orderBy, order }: PresetPage): Promise<Preset[]> {
    let query = this.#db
      .selectFrom('presets')
      .selectAll()
      .where('deleted_at', 'is', null)
      .where(({ or, eb }) => or([eb('owner', '=', owner), eb('visibility', '=', 'public')]))
      .orderBy(orderBy, order);
    // The id settles the order of equal values, so that no page repeats a preset or leaves one out.
    if (orderBy !== 'id') query = query.orderBy('id', order);
    return (await query.limit(limit).offset(offset).execute()).map(presetOf);
  }

  async change(id: string, { messages, parameters, ...changes }: Partial<NewPreset>): Promise<Preset> {
    const row = await this.#db
      .updateTable('presets')
      .set({
        ...changes,
        ...(messages && { messages: JSON.stringify(messages) }),
        ...(parameters && { parameters: formatExactly(parameters) }),
        updated_at: this.#clock.now(),
      })
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
    if (!row) throw new AppError('not_found', 'There is no such preset.');
    return presetOf(row);
  }

  async remove(id: string): Promise<void> {
    const change = { deleted_at: this.#clock.now() };
    await this.#db.updateTable('presets').set(change).where('id', '=', id).execute();
  }

  async removeOwner(owner: string): Promise<void> {
    const ofOthers = this.#db
      .selectFrom('chats')
      .select('preset_id')
      .where('owner', '!=', owner)
      .where('preset_id', 'is not', null)
      .$castTo<{ preset_id: string }>();
    // The chats of the owner itself keep nothing: they are removed, too.
    await this.#db.deleteFrom('presets').where('owner', '=', owner).where('id', 'not in', ofOthers).execute();
    // Chats of other owners go on with a preset that has no owner.
    await this.#db
      .updateTable('presets')
      .set({ owner: NO_OWNER, deleted_at: this.#clock.now() })
      .where('owner', '=', owner)
      .execute();
  }
}

/** The preset of a row. */
function presetOf(row: Selectable<PresetsTable>): Preset {
  return {
    id: row.id,
    owner: row.owner,
    title: row.title,
    description: row.description,
    type: row.type,
    visibility: row.visibility,
    messages: JSON.parse(row.messages) as PresetMessage[],
    parameters: parseExactly(row.parameters) as Preset['parameters'],
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    removed: row.deleted_at !== null,
  };
}
