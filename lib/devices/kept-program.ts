import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../common/json.ts';
import type { DeviceDefinition } from './device-schema.ts';
import { shownDefinition } from './shown-definition.ts';

/**
 * The program of a device that the operator registered, where a client sends it back as it was shown: a client may change everything
 * else about such a device, and no part of its program. Undefined where the device has no program, or the client sends another.
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
