import { AppError } from '../../lib/errors.ts';
import type { Devices } from '../../lib/devices/devices.ts';

/** The devices of a server that knows none. */
export const noDevices: Pick<Devices, 'requireAll'> = {
  requireAll: () => Promise.resolve(),
};

/** No approvals: a decision about a call is refused. */
export const noApprovals = {
  decide: () => Promise.reject(new AppError('not_found', 'There is no such approval.')),
};
