import { anonymous } from '../../accounts/access.ts';
import { formatProblem } from '../../server/problem.ts';
import type { Dialect } from '../dialect.ts';
import { createDeviceRoutes } from './device-routes.ts';

/** Contract 6: the devices that the server knows, under `/api/devices`. Its calls are open to all where AUTH is `none`. */
export const devices: Dialect<'devices' | 'config'> = {
  name: 'devices',
  mount(parts) {
    return {
      name: 'devices',
      prefixes: ['/api/devices'],
      routes: createDeviceRoutes(parts),
      sockets: [],
      anonymous: parts.config.auth === 'none' ? anonymous : undefined,
      formatError: (error) => formatProblem(error),
    };
  },
};
