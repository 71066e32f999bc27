import { may, requirePermission } from '../accounts/permissions.ts';
import type { Config } from '../config.ts';
import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';

/** Throws `forbidden` unless the caller may bring documents of its own. Without documents nothing is asked. */
export function checkDocuments(
  caller: Principal,
  documents: readonly unknown[] | undefined,
  setting: Config['documents'],
): void {
  if (documents === undefined || documents.length === 0) return;
  requirePermission(caller, 'bring a document');
  if (setting === 'registered' && !may(caller, 'manage devices'))
    throw new AppError(
      'forbidden',
      'This server takes documents of admins only (DOCUMENTS=registered): name its devices in "devices" instead of openSpecList.',
    );
}
