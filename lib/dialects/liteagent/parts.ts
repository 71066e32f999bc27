import type { Config } from '../../config.ts';
import type { Approvals } from '../../devices/approvals.ts';
import type { Devices } from '../../devices/devices.ts';
import type { Parts } from '../dialect.ts';

/** The parts that this dialect takes, and of the settings no more than these four. */
export type LiteAgentParts = Pick<Parts, 'sessions' | 'access' | 'version' | 'log' | 'entryWarnings'> & {
  approvals: Pick<Approvals, 'decide'>;
  devices: Pick<Devices, 'requireAll'>;
  config: Pick<Config, 'auditDays' | 'auth' | 'documents' | 'limits' | 'liteagentContentType'>;
};
