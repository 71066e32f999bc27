import type { Generated, Kysely, Selectable } from 'kysely';
import { systemClock, type Clock } from '../common/clock.ts';
import { formatExactly, parseExactly } from '../common/exact-numbers.ts';
import type { JsonObject } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { allOrNone, NotAllFound } from '../store/all-or-none.ts';
import { lockRow } from '../store/lock-row.ts';
import type { Vault } from '../store/vault.ts';
import { asMask, isMask, masked } from '../common/masked-secrets.ts';
import { isSameUrl } from '../common/same-url.ts';

/** A model that an owner uses, at an endpoint of its own choice. A text is empty where the owner has given none. */
export interface NewModelConfig {
  name: string;
  baseUrl: string;
  modelName: string;
  /** In clear. */
  apiKey: string;
  /** More fields of a request, as the endpoint names them. A whole number beyond 2^53 is a bigint. */
  params: JsonObject;
}

/** A configuration that replaces a stored one. */
export type ModelConfigChange = Omit<NewModelConfig, 'apiKey'> & { apiKey: string | undefined };

/** A stored configuration. */
export interface StoredModelConfig extends NewModelConfig {
  id: number;
}

/**
 * Configurations of models, by owner (a user's uuid). Keys are sealed at rest.
 *
 * Contract: clients see keys as masks (masked-secrets.ts), and send masks back. A mask stands for the key of a stored configuration of the
 * owner with the same base URL and the same model name or none, so that a key goes to the endpoint that it was given for and to no other. Any
 * other mask is `invalid_request`.
 */
export interface ModelConfigs {
  list(owner: string): Promise<StoredModelConfig[]>;
  count(owner: string): Promise<number>;
  find(owner: string, id: number): Promise<StoredModelConfig | undefined>;
  /** Undefined when the owner has `maxCount` already; that holds for many calls at the same time too. */
  create(owner: string, config: NewModelConfig, maxCount: number): Promise<StoredModelConfig | undefined>;
  /** The key that a client means at an endpoint: the given text, or the stored key behind a mask. */
  keyFor(owner: string, config: Pick<NewModelConfig, 'baseUrl' | 'modelName' | 'apiKey'>): Promise<string>;
  /** False when the owner has no configuration of this id. Without `apiKey` the key stays, at the same base URL only. */
  update(owner: string, id: number, config: ModelConfigChange): Promise<boolean>;
  /** False, and none is removed, unless all of them belong to the owner. */
  remove(owner: string, ids: readonly number[]): Promise<boolean>;
  /** Removes all configurations of an owner. */
  removeOwner(owner: string): Promise<void>;
}

/** The configurations. */
interface ModelConfigsTable {
  id: Generated<number>;
  owner: string;
  name: string;
  base_url: string;
  model_name: string;
  /** Sealed. */
  api_key: string;
  /** JSON; whole numbers have all their digits. */
  params: string;
  created_at: number;
  updated_at: number;
}

/** The tables that this file works on. Of chats and users it knows only these columns. */
interface Tables {
  model_configs: ModelConfigsTable;
  chats: { model_config_id: number | null };
  users: { uuid: string; updated_at: number };
}

/** Configurations over their table. */
export function createModelConfigs(
  db: Kysely<unknown>,
  vault: Vault,
  clock: Clock = systemClock,
): ModelConfigs {
  return new StoredModelConfigs(db, vault, clock);
}

/** Configurations over their table. */
class StoredModelConfigs implements ModelConfigs {
  readonly #db: Kysely<Tables>;
  readonly #vault: Vault;
  readonly #clock: Clock;

  constructor(db: Kysely<Tables>, vault: Vault, clock: Clock) {
    this.#db = db;
    this.#vault = vault;
    this.#clock = clock;
  }

  async list(owner: string): Promise<StoredModelConfig[]> {
    const rows = await this.#db
      .selectFrom('model_configs')
      .selectAll()
      .where('owner', '=', owner)
      .orderBy('id')
      .execute();
    return rows.map((row) => configOf(row, this.#vault));
  }

  count(owner: string): Promise<number> {
    return countOf(this.#db, owner);
  }

  async find(owner: string, id: number): Promise<StoredModelConfig | undefined> {
    const row = await this.#db
      .selectFrom('model_configs')
      .selectAll()
      .where('id', '=', id)
      .where('owner', '=', owner)
      .executeTakeFirst();
    return row && configOf(row, this.#vault);
  }

  async create(
    owner: string,
    config: NewModelConfig,
    maxCount: number,
  ): Promise<StoredModelConfig | undefined> {
    // Before the transaction: the key is looked up and sealed without a lock.
    const columns = this.#columnsOf({ ...config, apiKey: await this.keyFor(owner, config) });
    return this.#db.transaction().execute(async (trx) => {
      // Of many that count at the same time each waits for the one before.
      await lockRow(trx, 'users', 'updated_at').where('uuid', '=', owner).execute();
      if ((await countOf(trx, owner)) >= maxCount) return undefined;
      const row = await trx
        .insertInto('model_configs')
        .values({ owner, ...columns, created_at: this.#clock.now() })
        .returningAll()
        .executeTakeFirstOrThrow();
      return configOf(row, this.#vault);
    });
  }

  async keyFor(
    owner: string,
    { baseUrl, modelName, apiKey }: Pick<NewModelConfig, 'baseUrl' | 'modelName' | 'apiKey'>,
  ): Promise<string> {
    if (!isMask(apiKey)) return apiKey;
    const meant = (await this.list(owner)).filter(
      (stored) =>
        isSameUrl(stored.baseUrl, baseUrl) &&
        (stored.modelName === modelName || stored.modelName === '') &&
        masked(stored.apiKey) === asMask(apiKey),
    );
    // Two keys may have the same mask. Where both fit, nobody can say which one is meant.
    const [key, ...others] = new Set(meant.map((stored) => stored.apiKey));
    if (key !== undefined && others.length === 0) return key;
    throw maskOfNoKey();
  }

  async update(owner: string, id: number, config: ModelConfigChange): Promise<boolean> {
    const stored = await this.find(owner, id);
    if (!stored) return false;
    const apiKey =
      keptKey(stored, config) ?? (await this.keyFor(owner, { ...config, apiKey: config.apiKey ?? '' }));
    const row = await this.#db
      .updateTable('model_configs')
      .set(this.#columnsOf({ ...config, apiKey }))
      .where('id', '=', id)
      .where('owner', '=', owner)
      .returning('id')
      .executeTakeFirst();
    return row !== undefined;
  }

  async remove(owner: string, ids: readonly number[]): Promise<boolean> {
    const wanted = [...new Set(ids)];
    if (wanted.length === 0) return true;
    return allOrNone(this.#db, async (trx) => {
      const gone = await trx
        .deleteFrom('model_configs')
        .where('id', 'in', wanted)
        .where('owner', '=', owner)
        .returning('id')
        .execute();
      // One of them is unknown, or somebody else's: the transaction is rolled back.
      if (gone.length < wanted.length) throw new NotAllFound();
      await trx
        .updateTable('chats')
        // No chat names a configuration that is gone.
        .set({ model_config_id: null })
        .where('model_config_id', 'in', wanted)
        .execute();
    });
  }

  async removeOwner(owner: string): Promise<void> {
    await this.#db.deleteFrom('model_configs').where('owner', '=', owner).execute();
  }

  /** The columns of a configuration; the key is sealed. */
  #columnsOf({ name, baseUrl, modelName, apiKey, params }: NewModelConfig) {
    return {
      name,
      base_url: baseUrl,
      model_name: modelName,
      api_key: this.#vault.seal(apiKey),
      params: formatExactly(params),
      updated_at: this.#clock.now(),
    };
  }
}

/** The configuration of a row, its key in clear. */
function configOf(row: Selectable<ModelConfigsTable>, vault: Vault): StoredModelConfig {
  return {
    id: row.id,
    name: row.name,
    baseUrl: row.base_url,
    modelName: row.model_name,
    apiKey: vault.open(row.api_key),
    params: parseExactly(row.params) as JsonObject,
  };
}

/** How many configurations an owner has. */
async function countOf(on: Kysely<Tables>, owner: string): Promise<number> {
  const { total } = await on
    .selectFrom('model_configs')
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .where('owner', '=', owner)
    .executeTakeFirstOrThrow();
  return total;
}

/** The stored key, where a change leaves the key out or sends its mask; undefined where it brings another one. */
function keptKey(stored: StoredModelConfig, { baseUrl, apiKey }: ModelConfigChange): string | undefined {
  if (apiKey !== undefined && (asMask(apiKey) !== masked(stored.apiKey) || !isMask(apiKey))) return undefined;
  if (stored.apiKey === '' || isSameUrl(stored.baseUrl, baseUrl)) return stored.apiKey;
  throw maskOfNoKey();
}

/** The refusal of a mask whose key may not go to this endpoint. */
function maskOfNoKey(): AppError {
  const detail = 'must be the key itself: no key with this mask is stored for this base_url and model_name';
  return new AppError('invalid_request', `The body is not valid: /api_key ${detail}.`, {
    faults: [{ pointer: '/api_key', detail }],
  });
}
