import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../common/json.ts';
import type { DeviceDefinition } from './device-schema.ts';
import { shownDefinition } from './shown-definition.ts';

/**
 * The stored program of a device, if the client sends it back unchanged. A client may change everything else about such a device, but
 * not its program. Undefined: the device has no program, or the client sends another one.
 */
export function keptProgram(
  { command, env }: JsonObject,
  stored: DeviceDefinition | undefined,
): Pick<DeviceDefinition, 'command' | 'env'> | undefined {
  if (stored?.command === undefined) return undefined;
  const shown = shownDefinition(stored);
  const isKept = isDeepStrictEqual([command, env], [shown.command, shown.env]);
  return isKept ? { command: stored.command, ...(stored.env && { env: stored.env }) } : undefined;
}
