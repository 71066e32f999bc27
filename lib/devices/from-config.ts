import type { Config } from '../config.ts';
import { Devices, type DevicesOptions } from './devices.ts';

/** The devices of the settings. Where access control is off, there is nobody else who could approve a call. */
export function devicesFromConfig(
  { auth, devicesDir, rulesFile }: Pick<Config, 'auth' | 'devicesDir' | 'rulesFile'>,
  parts: Omit<DevicesOptions, 'isAlone' | 'devicesDir' | 'rulesFile'>,
): Devices {
  return new Devices({ ...parts, isAlone: auth === 'none', devicesDir, rulesFile });
}
