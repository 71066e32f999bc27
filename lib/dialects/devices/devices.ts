import { anonymous } from '../../accounts/access.ts';
import { formatProblem } from '../../server/problem.ts';
import type { Dialect } from '../dialect.ts';
import { createApprovalRoutes } from './approval-routes.ts';
import { createAuditRoutes } from './audit-routes.ts';
import { createCallRoutes } from './call-routes.ts';
import { createDeviceRoutes } from './device-routes.ts';
import { createEstopRoutes } from './estop-routes.ts';
import { createRuleRoutes } from './rule-routes.ts';

/** Contract 6: the devices that the server knows, and the people in command of them. Its calls are open to all where AUTH is `none`. */
export const devices: Dialect<
  'accounts' | 'devices' | 'config' | 'sessions' | 'approvals' | 'estops' | 'direct' | 'callAudit'
> = {
  name: 'devices',
  mount(parts) {
    return {
      name: 'devices',
      prefixes: ['/api/devices', '/api/approvals', '/api/estop', '/api/audit'],
      routes: [
        ...createDeviceRoutes(parts),
        ...createCallRoutes(parts),
        ...createRuleRoutes(parts),
        ...createApprovalRoutes(parts),
        ...createEstopRoutes(parts),
        ...createAuditRoutes(parts),
      ],
      sockets: [],
      anonymous: parts.config.auth === 'none' ? anonymous : undefined,
      formatError: (error) => formatProblem(error),
    };
  },
};
