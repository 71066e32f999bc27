import type { Devices } from '../../lib/devices/devices.ts';

/** The devices of a server that knows none. */
export const noDevices: Pick<Devices, 'requireAll'> = {
  requireAll: () => Promise.resolve(),
};
