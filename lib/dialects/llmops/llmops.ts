import type { Dialect } from '../dialect.ts';
import { formatFailure } from './answer.ts';
import { createAppRoutes } from './apps.ts';
import { createDebugRoute } from './debug.ts';
import { createMemoryRoutes } from './memory.ts';
import { createMessageRoutes } from './messages.ts';

/** Contract 3: apps under `/apps`, each an agent that is built, tried out in a conversation, and published. */
export const llmops: Dialect = {
  name: 'llmops',
  mount(context) {
    return {
      name: 'llmops',
      prefixes: ['/apps'],
      routes: [
        ...createAppRoutes(context),
        ...createMemoryRoutes(context),
        createDebugRoute(context),
        ...createMessageRoutes(context),
      ],
      sockets: [],
      anonymous: undefined,
      formatError: (error) => formatFailure(error, context.config.llmopsHttpStatus),
    };
  },
};
