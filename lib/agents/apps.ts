import { v4 as uuid, v7 as nextUuid, validate as isUuid } from 'uuid';
import { mayUse } from '../core/principal.ts';
import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import { lockRow } from '../store/lock-row.ts';
import type { AgentConfig } from './agent-config.ts';
import { appOf, versionColumns } from './app-rows.ts';
import type { AgentsDb, AppVersionsTable } from './schema.ts';
import type { Vault } from '../store/vault.ts';
import { withKeptSecrets } from './secrets.ts';

/** An agent that somebody builds: changed as a draft, used by others as published. */
export interface AgentApp extends NewApp {
  id: string;
  owner: string;
  draft: AppVersion | undefined;
  published: AppVersion | undefined;
  /** The session in which it is tried out; undefined before it was needed. */
  conversationId: string | undefined;
  /** Ms since the epoch. */
  createdAt: number;
  updatedAt: number;
}

export interface NewApp {
  name: string;
  icon: string;
  description: string;
}

/** What an app is at a time; its keys are in clear. */
export interface AppVersion extends NewDraft {
  id: string;
  createdAt: number;
  updatedAt: number;
}

export interface NewDraft {
  readonly config: AgentConfig;
  /** Whether a running summary of its conversation is kept. */
  remembers: boolean;
}

/** Which apps of an owner: the newest that were made before a time (ms, not included). */
export interface AppPage {
  before: number;
  offset: number;
  limit: number;
}

/**
 * Apps.
 *
 * Contract: rejects with an AppError: `not_found` for an unknown or removed app, `forbidden` for somebody else's.
 */
export interface Apps {
  create(app: NewApp, owner: Principal): Promise<string>;
  find(id: string, caller: Principal): Promise<AgentApp>;
  list(owner: Principal, page: AppPage): Promise<{ apps: AgentApp[]; total: number }>;
  /** Changes the draft, or makes one. Masked keys are kept (secrets.ts). */
  saveDraft(id: string, caller: Principal, draft: NewDraft): Promise<void>;
  /** Copies the draft; `conflict` when there is none. */
  publish(id: string, caller: Principal): Promise<void>;
  unpublish(id: string, caller: Principal): Promise<void>;
  /** The app is gone for everybody; its rows stay. */
  remove(id: string, caller: Principal): Promise<void>;
  /** The id of the app's conversation, the same for whoever asks: it may have to be opened yet. */
  conversationOf(id: string): Promise<string>;
}

/** The version that a try-out works with: the draft, else the published one; `conflict` when there is neither. */
export function versionInUse(app: Pick<AgentApp, 'draft' | 'published'>): AppVersion {
  const version = app.draft ?? app.published;
  if (!version)
    throw new AppError('conflict', 'The app has no configuration yet: send one to /apps/:app_id/config.');
  return version;
}

export interface AppsOptions {
  db: AgentsDb;
  vault: Vault;
  /** Ms since the epoch. */
  now: () => number;
}

/** The apps in the database. */
export function openApps({ db, vault, now }: AppsOptions): Apps {
  async function find(id: string, caller: Principal, on: AgentsDb = db): Promise<AgentApp> {
    if (!isUuid(id)) throw noSuchApp(id); // not every text may be asked of PostgreSQL
    const row = await on
      .selectFrom('apps')
      .selectAll()
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (!row) throw noSuchApp(id);
    if (!mayUse(caller, row.owner)) throw new AppError('forbidden', 'The app belongs to somebody else.');
    const versions = await on.selectFrom('app_versions').selectAll().where('app_id', '=', id).execute();
    return appOf(row, versions, vault);
  }

  /** Alone with the app's row: whoever changes the same app waits. */
  function changing<T>(
    id: string,
    caller: Principal,
    change: (trx: AgentsDb, app: AgentApp) => Promise<T>,
  ): Promise<T> {
    return db.transaction().execute(async (trx) => {
      if (!isUuid(id)) throw noSuchApp(id);
      await lockRow(trx, 'apps', 'updated_at').where('id', '=', id).execute();
      const changed = await change(trx, await find(id, caller, trx));
      await trx.updateTable('apps').set({ updated_at: now() }).where('id', '=', id).execute();
      return changed;
    });
  }

  async function put(trx: AgentsDb, version: AppVersionsTable): Promise<void> {
    const { app_id: _app, status: _status, ...changes } = version;
    await trx
      .insertInto('app_versions')
      .values(version)
      .onConflict((conflict) => conflict.columns(['app_id', 'status']).doUpdateSet(changes))
      .execute();
  }

  return {
    async create({ name, icon, description }, owner) {
      const id = nextUuid(); // so that those of one millisecond have an order, too
      const at = now();
      await db
        .insertInto('apps')
        .values({
          id,
          owner: owner.id,
          name,
          icon,
          description,
          conversation_id: null,
          memory: '',
          memory_seq: 0,
          memory_revision: 0,
          created_at: at,
          updated_at: at,
          deleted_at: null,
        })
        .execute();
      return id;
    },

    find: (id, caller) => find(id, caller),

    async list(owner, { before, offset, limit }) {
      const all = db
        .selectFrom('apps')
        .where('owner', '=', owner.id)
        .where('deleted_at', 'is', null)
        .where('created_at', '<', before);
      const { total } = await all
        .select(({ fn }) => fn.countAll<number>().as('total'))
        .executeTakeFirstOrThrow();
      const rows = await all
        .selectAll()
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .offset(offset)
        .limit(limit)
        .execute();
      if (rows.length === 0) return { apps: [], total };
      const ids = rows.map(({ id }) => id);
      const versions = await db.selectFrom('app_versions').selectAll().where('app_id', 'in', ids).execute();
      const apps = rows.map((row) =>
        appOf(
          row,
          versions.filter(({ app_id: app }) => app === row.id),
          vault,
        ),
      );
      return { apps, total };
    },

    async saveDraft(id, caller, { config, remembers }) {
      await changing(id, caller, async (trx, { draft }) => {
        const kept = withKeptSecrets(config, draft?.config);
        const made = draft ?? { id: uuid(), createdAt: now() };
        const columns = versionColumns({ config: kept, remembers }, vault);
        await put(trx, {
          app_id: id,
          status: 'drafted',
          ...columns,
          id: made.id,
          created_at: made.createdAt,
          updated_at: now(),
        });
      });
    },

    async publish(id, caller) {
      await changing(id, caller, async (trx, { draft }) => {
        if (!draft) throw new AppError('conflict', 'The app has no draft that could be published.');
        const at = now();
        const columns = versionColumns(draft, vault);
        await put(trx, {
          app_id: id,
          status: 'published',
          ...columns,
          id: uuid(),
          created_at: at,
          updated_at: at,
        });
      });
    },

    async unpublish(id, caller) {
      await changing(id, caller, (trx) =>
        trx.deleteFrom('app_versions').where('app_id', '=', id).where('status', '=', 'published').execute(),
      );
    },

    async remove(id, caller) {
      await changing(id, caller, (trx) =>
        trx.updateTable('apps').set({ deleted_at: now() }).where('id', '=', id).execute(),
      );
    },

    async conversationOf(id) {
      const fresh = uuid();
      const row = await db
        .updateTable('apps')
        .set(({ fn, val }) => ({ conversation_id: fn.coalesce('conversation_id', val(fresh)) }))
        .where('id', '=', id)
        .where('deleted_at', 'is', null)
        .returning('conversation_id')
        .executeTakeFirst();
      if (!row?.conversation_id) throw noSuchApp(id);
      return row.conversation_id;
    },
  };
}

function noSuchApp(id: string): AppError {
  return new AppError('not_found', `There is no app "${id.slice(0, 100)}".`);
}
