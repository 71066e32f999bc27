import type { Generated, Kysely, Selectable } from 'kysely';
import { systemClock, type Clock } from '../common/clock.ts';
import type { JsonObject } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { allOrNone, NotAllFound } from '../store/all-or-none.ts';
import { lockRow } from '../store/lock-row.ts';
import type { Vault } from '../store/vault.ts';
import { masked } from './secrets.ts';

/** A model that an owner uses, at an endpoint of its own choice. */
export interface NewModelConfig {
  name: string;
  baseUrl: string;
  modelName: string;
  /** In clear. The mask of the stored key (secrets.ts) stands for that key. */
  apiKey: string;
  /** More fields of a request, as the endpoint names them. */
  params: JsonObject;
}

/** A stored configuration. */
export interface StoredModelConfig extends NewModelConfig {
  id: number;
}

/** Configurations of models, by owner (a user's uuid). Keys are sealed at rest. */
export interface ModelConfigs {
  list(owner: string): Promise<StoredModelConfig[]>;
  count(owner: string): Promise<number>;
  find(owner: string, id: number): Promise<StoredModelConfig | undefined>;
  /** Undefined when the owner has `maxCount` already; that holds for many calls at the same time too. */
  create(owner: string, config: NewModelConfig, maxCount: number): Promise<StoredModelConfig | undefined>;
  /** False when the owner has no configuration of this id. */
  update(owner: string, id: number, config: NewModelConfig): Promise<boolean>;
  /** False, and none is removed, unless all of them belong to the owner. */
  remove(owner: string, ids: readonly number[]): Promise<boolean>;
  /** Removes all configurations of an owner. */
  removeOwner(owner: string): Promise<void>;
}

interface ModelConfigsTable {
  id: Generated<number>;
  owner: string;
  name: string;
  base_url: string;
  model_name: string;
  /** Sealed. */
  api_key: string;
  params: string;
  created_at: number;
  updated_at: number;
}

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
  const tables = db as unknown as Kysely<Tables>;

  const configOf = (row: Selectable<ModelConfigsTable>): StoredModelConfig => ({
    id: row.id,
    name: row.name,
    baseUrl: row.base_url,
    modelName: row.model_name,
    apiKey: vault.open(row.api_key),
    params: JSON.parse(row.params) as JsonObject,
  });
  const columnsOf = ({ name, baseUrl, modelName, apiKey, params }: NewModelConfig) => ({
    name,
    base_url: baseUrl,
    model_name: modelName,
    api_key: vault.seal(apiKey),
    params: JSON.stringify(params),
    updated_at: clock.now(),
  });

  async function count(owner: string, on: Kysely<Tables> = tables): Promise<number> {
    const { total } = await on
      .selectFrom('model_configs')
      .select(({ fn }) => fn.countAll<number>().as('total'))
      .where('owner', '=', owner)
      .executeTakeFirstOrThrow();
    return total;
  }

  async function find(owner: string, id: number): Promise<StoredModelConfig | undefined> {
    const row = await tables
      .selectFrom('model_configs')
      .selectAll()
      .where('id', '=', id)
      .where('owner', '=', owner)
      .executeTakeFirst();
    return row && configOf(row);
  }

  return {
    async list(owner) {
      const rows = await tables
        .selectFrom('model_configs')
        .selectAll()
        .where('owner', '=', owner)
        .orderBy('id')
        .execute();
      return rows.map(configOf);
    },

    count: (owner) => count(owner),
    find,

    create: (owner, config, maxCount) =>
      tables.transaction().execute(async (trx) => {
        // Of many that count at the same time each waits for the one before.
        await lockRow(trx, 'users', 'updated_at').where('uuid', '=', owner).execute();
        if ((await count(owner, trx)) >= maxCount) return undefined;
        const row = await trx
          .insertInto('model_configs')
          .values({ owner, ...columnsOf(config), created_at: clock.now() })
          .returningAll()
          .executeTakeFirstOrThrow();
        return configOf(row);
      }),

    async update(owner, id, config) {
      const stored = await find(owner, id);
      if (!stored) return false;
      const apiKey = config.apiKey === masked(stored.apiKey) ? stored.apiKey : config.apiKey;
      // A stored key goes to the endpoint that it was given for, and to no other.
      if (apiKey === stored.apiKey && config.apiKey !== apiKey && config.baseUrl !== stored.baseUrl)
        throw new AppError('invalid_request', 'With another base_url the api_key must be sent again.', {
          faults: [{ pointer: '/api_key', detail: 'must be sent again for another base_url' }],
        });
      const row = await tables
        .updateTable('model_configs')
        .set(columnsOf({ ...config, apiKey }))
        .where('id', '=', id)
        .where('owner', '=', owner)
        .returning('id')
        .executeTakeFirst();
      return row !== undefined;
    },

    async removeOwner(owner) {
      await tables.deleteFrom('model_configs').where('owner', '=', owner).execute();
    },

    async remove(owner, ids) {
      const wanted = [...new Set(ids)];
      if (wanted.length === 0) return true;
      return allOrNone(tables, async (trx) => {
        const gone = await trx
          .deleteFrom('model_configs')
          .where('id', 'in', wanted)
          .where('owner', '=', owner)
          .returning('id')
          .execute();
        if (gone.length < wanted.length) throw new NotAllFound();
        await trx
          .updateTable('chats')
          .set({ model_config_id: null })
          .where('model_config_id', 'in', wanted)
          .execute();
      });
    },
  };
}
