import type { Selectable } from 'kysely';
import type { AgentConfig } from './agent-config.ts';
import type { AgentApp, AppVersion, NewDraft } from './apps.ts';
import type { AgentsDb, AppsTable, AppVersionsTable } from './schema.ts';
import type { Vault } from '../store/vault.ts';

/** The app of its rows. */
export function appOf(
  row: Selectable<AppsTable>,
  versions: readonly Selectable<AppVersionsTable>[],
  vault: Vault,
): AgentApp {
  // An app may have a draft, a published version, both, or none.
  const version = (status: AppVersionsTable['status']): AppVersion | undefined => {
    const found = versions.find((one) => one.status === status);
    return found && versionOf(found, vault);
  };
  return {
    id: row.id,
    owner: row.owner,
    name: row.name,
    icon: row.icon,
    description: row.description,
    draft: version('drafted'),
    published: version('published'),
    conversationId: row.conversation_id ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** A version whose configuration is still sealed. `open` rejects as `Vault.openValue` does. */
function versionOf(row: Selectable<AppVersionsTable>, vault: Vault): AppVersion {
  // Opened once for all who ask, and not at all for a list of apps.
  let opened: Promise<AgentConfig> | undefined;
  return {
    id: row.id,
    open: () => (opened ??= vault.openValue(row.config).then(({ value }) => value as AgentConfig)),
    remembers: row.remembers === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** A configuration from its columns. */
export async function draftOf(
  { config, remembers }: Pick<AppVersionsTable, 'config' | 'remembers'>,
  vault: Vault,
): Promise<NewDraft> {
  const { value } = await vault.openValue(config);
  return { config: value as AgentConfig, remembers: remembers === 1 };
}

/** The columns of a version. */
export async function versionColumns(
  { config, remembers }: NewDraft,
  vault: Vault,
): Promise<Pick<AppVersionsTable, 'config' | 'remembers'>> {
  const { sealed } = await vault.sealValue(config);
  return { config: sealed, remembers: remembers ? 1 : 0 };
}

/** Writes a version in the place of the version with the same status. */
export async function putVersion(trx: AgentsDb, version: AppVersionsTable): Promise<void> {
  // The two are the key of the row.
  const { app_id: _app, status: _status, ...changes } = version;
  await trx
    .insertInto('app_versions')
    .values(version)
    .onConflict((conflict) => conflict.columns(['app_id', 'status']).doUpdateSet(changes))
    .execute();
}
