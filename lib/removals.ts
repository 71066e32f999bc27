import type { Parts } from './dialects/dialect.ts';

/** Removing a user removes what every part keeps about it. */
export function joinRemovals(parts: Parts): void {
  const { accounts, sessions, tasks, chats, agents, presets, modelConfigs } = parts;
  const { files, memory, storedCompletions, ledger, redeemCodes } = parts;
  accounts.joinRemovals([
    (user) => sessions.removeAll(user),
    (user) => tasks.removeOwner(user),
    (user) => chats.removeOwner(user),
    (user) => agents.apps.removeOwner(user),
    (user) => presets.removeOwner(user),
    (user) => modelConfigs.removeOwner(user),
    (user) => files.removeOwner(user),
    (user) => memory.removeOwner(user),
    (user) => storedCompletions.removeOwner(user),
    (user) => ledger.removeOwner(user),
    (user) => redeemCodes.forgetOwner(user),
  ]);
}
