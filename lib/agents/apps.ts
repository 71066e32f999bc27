import { v7 as risingUuid, validate as isUuid } from 'uuid';
import { systemClock, type Clock } from '../common/clock.ts';
import { mayUse } from '../core/principal.ts';
import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import { lockRow } from '../store/lock-row.ts';
import { requireRecordRoom } from '../store/record-room.ts';
import type { AgentConfig } from './agent-config.ts';
import { appOf, draftOf, putVersion, versionColumns } from './app-rows.ts';
import { findPublication, listPublications, notePublication, type Publication } from './publications.ts';
import type { AgentsDb } from './schema.ts';
import type { Vault } from '../store/vault.ts';
import { withKeptKeys } from './kept-keys.ts';

/** An agent that an owner builds: the owner changes the draft, others use the published version. */
export interface AgentApp extends NewApp {
  id: string;
  owner: string;
  draft: AppVersion | undefined;
  published: AppVersion | undefined;
  /** The session in which the owner tries the app; undefined before the first try. */
  conversationId: string | undefined;
  /** Ms since the epoch. */
  createdAt: number;
  updatedAt: number;
}

/** An app before it is made. */
export interface NewApp {
  name: string;
  icon: string;
  description: string;
}

/** A version of an app. */
export interface AppVersion {
  id: string;
  /** Whether a running summary of its conversation is kept. */
  remembers: boolean;
  /** Its configuration, with the keys in clear. It may hold documents of megabytes, so it is opened once it is asked for. */
  open(): Promise<AgentConfig>;
  createdAt: number;
  updatedAt: number;
}

/** A version before it is stored. */
export interface NewDraft {
  readonly config: AgentConfig;
  /** Whether a running summary of its conversation is kept. */
  remembers: boolean;
}

/** A part of an owner's apps: the newest that were made before a time (ms since the epoch, not included). */
export interface AppPage {
  before: number;
  offset: number;
  limit: number;
}

/**
 * Apps.
 *
 * Contract: rejects with an AppError: `not_found` for an unknown or removed app, `forbidden` for an app of another owner.
 */
export interface Apps {
  /** Makes an app; resolves with its id. */
  create(app: NewApp, owner: Principal): Promise<string>;
  find(id: string, caller: Principal): Promise<AgentApp>;
  list(owner: Principal, page: AppPage): Promise<{ apps: AgentApp[]; total: number }>;
  /** Changes the name, the icon and the description; a missing field stays. */
  change(id: string, caller: Principal, changes: Partial<NewApp>): Promise<void>;
  /** Changes the draft, or makes one. Masked keys are kept (masked-secrets.ts). */
  saveDraft(id: string, caller: Principal, draft: NewDraft): Promise<void>;
  /** Publishes a copy of the draft; `conflict` when there is none. */
  publish(id: string, caller: Principal): Promise<void>;
  unpublish(id: string, caller: Principal): Promise<void>;
  /** A page of the configurations that were published, newest first; the newest 50 are kept. */
  publications(
    id: string,
    caller: Principal,
    page: AppPage,
  ): Promise<{ publications: Publication[]; total: number }>;
  /** One of them; `not_found` for an unknown one. */
  publication(id: string, caller: Principal, publicationId: string): Promise<NewDraft>;
  /** Nobody finds the app any more; its rows stay. */
  remove(id: string, caller: Principal): Promise<void>;
  /** The id of the app's conversation, the same for every caller. The session may not exist yet. */
  conversationOf(id: string): Promise<string>;
  /** Removes all apps of an owner with their versions. */
  removeOwner(owner: string): Promise<void>;
}

/** The version that the owner tries: the draft, else the published one. Throws `conflict` when there is neither. */
export function versionInUse(app: Pick<AgentApp, 'draft' | 'published'>): AppVersion {
  const version = app.draft ?? app.published;
  if (!version)
    throw new AppError('conflict', 'The app has no configuration yet: send one to /apps/:app_id/config.');
  return version;
}

/** The version that others use. Throws `conflict` when the app is not published. */
export function publishedVersion({ published }: Pick<AgentApp, 'published'>): AppVersion {
  if (published) return published;
  throw new AppError('conflict', 'The app is not published: send POST /apps/:app_id/publish.');
}

/** The parts that apps are opened with. */
export interface AppsOptions {
  db: AgentsDb;
  vault: Vault;
  /** How many apps an owner may have. */
  limits: { recordsPerOwnerMaxCount: number };
  clock?: Clock;
}

/** The apps in the database. */
export function createApps(options: AppsOptions): Apps {
  return new StoredApps(options);
}

/** Apps over their tables. */
class StoredApps implements Apps {
  readonly #db: AgentsDb;
  readonly #vault: Vault;
  readonly #maxCount: number;
  readonly #clock: Clock;

  constructor({ db, vault, limits, clock = systemClock }: AppsOptions) {
    this.#db = db;
    this.#vault = vault;
    this.#maxCount = limits.recordsPerOwnerMaxCount;
    this.#clock = clock;
  }

  async create({ name, icon, description }: NewApp, owner: Principal): Promise<string> {
    const id = risingUuid(); // so that apps of one millisecond have an order too [RFC 9562 5.7]
    const now = this.#clock.now();
    const unused = { conversation_id: null, memory: '', memory_seq: 0, memory_revision: 0, deleted_at: null };
    const row = { id, owner: owner.id, name, icon, description, ...unused, created_at: now, updated_at: now };
    await this.#db.transaction().execute(async (trx) => {
      const own = trx.selectFrom('apps').where('owner', '=', owner.id).where('deleted_at', 'is', null);
      await requireRecordRoom(trx, { owner: owner.id, kind: 'apps', own, maxCount: this.#maxCount });
      await trx.insertInto('apps').values(row).execute();
    });
    return id;
  }

  find(id: string, caller: Principal): Promise<AgentApp> {
    return this.#find(this.#db, id, caller);
  }

  async list(owner: Principal, page: AppPage): Promise<{ apps: AgentApp[]; total: number }> {
    const { before, offset, limit } = page;
    const all = this.#db
      .selectFrom('apps')
      .where('owner', '=', owner.id)
      .where('deleted_at', 'is', null)
      .where('created_at', '<', before);
    const { total } = await all
      .select(({ fn }) => fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    const newest = all.selectAll().orderBy('created_at', 'desc').orderBy('id', 'desc');
    const rows = await newest.offset(offset).limit(limit).execute();
    if (rows.length === 0) return { apps: [], total };
    const ids = rows.map(({ id }) => id);
    const versions = await this.#db
      .selectFrom('app_versions')
      .selectAll()
      .where('app_id', 'in', ids)
      .execute();
    const versionsOf = (id: string) => versions.filter(({ app_id: app }) => app === id);
    return { apps: rows.map((row) => appOf(row, versionsOf(row.id), this.#vault)), total };
  }

  async change(id: string, caller: Principal, { name, icon, description }: Partial<NewApp>): Promise<void> {
    await this.#change(id, caller, (trx, app) =>
      trx
        .updateTable('apps')
        .set({
          name: name ?? app.name,
          icon: icon ?? app.icon,
          description: description ?? app.description,
        })
        .where('id', '=', id)
        .execute(),
    );
  }

  async saveDraft(id: string, caller: Principal, { config, remembers }: NewDraft): Promise<void> {
    await this.#change(id, caller, async (trx, { draft }) => {
      const kept = withKeptKeys(config, await draft?.open());
      const now = this.#clock.now();
      await putVersion(trx, {
        app_id: id,
        status: 'drafted',
        ...(await versionColumns({ config: kept, remembers }, this.#vault)),
        id: draft?.id ?? this.#clock.newId(),
        created_at: draft?.createdAt ?? now,
        updated_at: now,
      });
    });
  }

  async publish(id: string, caller: Principal): Promise<void> {
    await this.#change(id, caller, async (trx, { draft }) => {
      if (!draft) throw new AppError('conflict', 'The app has no draft that could be published.');
      const now = this.#clock.now();
      const config = await draft.open();
      const columns = await versionColumns({ config, remembers: draft.remembers }, this.#vault);
      const version = { app_id: id, id: this.#clock.newId(), ...columns, created_at: now };
      await putVersion(trx, { ...version, status: 'published', updated_at: now });
      await notePublication(trx, version);
    });
  }

  async unpublish(id: string, caller: Principal): Promise<void> {
    await this.#change(id, caller, (trx) =>
      trx.deleteFrom('app_versions').where('app_id', '=', id).where('status', '=', 'published').execute(),
    );
  }

  async publications(id: string, caller: Principal, page: AppPage) {
    await this.find(id, caller);
    return listPublications(this.#db, id, page);
  }

  async publication(id: string, caller: Principal, publicationId: string): Promise<NewDraft> {
    await this.find(id, caller);
    return draftOf(await findPublication(this.#db, id, publicationId), this.#vault);
  }

  async remove(id: string, caller: Principal): Promise<void> {
    await this.#change(id, caller, (trx) =>
      trx.updateTable('apps').set({ deleted_at: this.#clock.now() }).where('id', '=', id).execute(),
    );
  }

  async conversationOf(id: string): Promise<string> {
    const fresh = this.#clock.newId();
    const row = await this.#db
      .updateTable('apps')
      .set(({ fn, val }) => ({ conversation_id: fn.coalesce('conversation_id', val(fresh)) }))
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .returning('conversation_id')
      .executeTakeFirst();
    if (!row?.conversation_id) throw noSuchApp(id);
    return row.conversation_id;
  }

  removeOwner(owner: string): Promise<void> {
    return this.#db.transaction().execute(async (trx) => {
      const own = trx.selectFrom('apps').select('id').where('owner', '=', owner);
      await trx.deleteFrom('app_conversations').where('app_id', 'in', own).execute();
      await trx.deleteFrom('app_publications').where('app_id', 'in', own).execute();
      await trx.deleteFrom('app_versions').where('app_id', 'in', own).execute();
      await trx.deleteFrom('apps').where('owner', '=', owner).execute();
    });
  }

  /** An app that the caller may use. */
  async #find(on: AgentsDb, id: string, caller: Principal): Promise<AgentApp> {
    if (!isUuid(id)) throw noSuchApp(id); // PostgreSQL does not take every text
    const row = await on
      .selectFrom('apps')
      .selectAll()
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (!row) throw noSuchApp(id);
    if (!mayUse(caller, row.owner)) throw new AppError('forbidden', 'The app belongs to somebody else.');
    const versions = await on.selectFrom('app_versions').selectAll().where('app_id', '=', id).execute();
    return appOf(row, versions, this.#vault);
  }

  /** Changes an app while its row is locked: other changes of the same app wait. */
  #change(
    id: string,
    caller: Principal,
    change: (trx: AgentsDb, app: AgentApp) => Promise<unknown>,
  ): Promise<void> {
    return this.#db.transaction().execute(async (trx) => {
      if (!isUuid(id)) throw noSuchApp(id);
      await lockRow(trx, 'apps', 'updated_at').where('id', '=', id).execute();
      await change(trx, await this.#find(trx, id, caller));
      await trx.updateTable('apps').set({ updated_at: this.#clock.now() }).where('id', '=', id).execute();
    });
  }
}

/** The error for an unknown or removed app. */
function noSuchApp(id: string): AppError {
  return new AppError('not_found', `There is no app "${id.slice(0, 100)}".`);
}
