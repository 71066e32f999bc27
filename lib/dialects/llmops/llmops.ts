import type { Dialect } from '../dialect.ts';
import { formatFailure } from './answer.ts';
import { createAppRoutes } from './apps.ts';
import { createDebugRoute } from './debug.ts';
import { createMemoryRoutes } from './memory.ts';
import { createMessageRoutes } from './messages.ts';

/** Contract 3: apps under `/apps`, each an agent that users build, try out in a conversation, and publish. */
export const llmops: Dialect<'agents' | 'sessions' | 'config'> = {
  name: 'llmops',
  mount(parts) {
    return {
      name: 'llmops',
      prefixes: ['/apps'],
      routes: [
        ...createAppRoutes(parts),
        ...createMemoryRoutes(parts),
        createDebugRoute(parts),
        ...createMessageRoutes(parts),
      ],
      sockets: [],
      anonymous: undefined,
      formatError: (error) => formatFailure(error, parts.config.llmopsHttpStatus),
    };
  },
};
