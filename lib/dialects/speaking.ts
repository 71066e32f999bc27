import { requirePermission } from '../accounts/permissions.ts';
import { appIdOf } from '../agents/agents.ts';
import type { Principal } from '../core/principal.ts';
import type { KeptConfig } from '../core/session-config.ts';

/**
 * Throws `forbidden` unless the caller may say something to a session. Words to a session with documents, devices, other
 * sessions as tools or with the agent of an app can move a device.
 */
export function checkSpeaking(
  caller: Principal,
  { hasDocuments, devices = [], children, agent }: KeptConfig,
): void {
  requirePermission(caller, 'chat');
  // A key may be for one app (the scope `app:<id>`), so the check names the app.
  if (hasDocuments || devices.length > 0 || children.length > 0 || agent !== undefined)
    requirePermission(caller, 'use a device', agent && appIdOf(agent));
}
