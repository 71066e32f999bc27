import type { Dialect } from '../dialect.ts';
import { formatFailure } from './answer.ts';
import { createAppChatRoutes } from './app-chat.ts';
import { createAppRoutes } from './apps.ts';
import { createDebugRoute } from './debug.ts';
import { createMemoryRoutes } from './memory.ts';
import { createMessageRoutes } from './messages.ts';
import { createPublishHistoryRoutes } from './publish-history.ts';

/**
 * Contract 3, for clients of an LLMOps course: a web page where users build an agent (an "app"), try it out, and publish it.
 *
 * - An app has a draft and a published configuration; the draft counts where there is one.
 * - Its debug conversation is a session, made with the first question. Its messages are a view of that session's log.
 * - Every answer, an error too, is `{code, data, message}`. Times are unix seconds.
 */
export const llmops: Dialect<'agents' | 'sessions' | 'config' | 'checkAgent'> = {
  name: 'llmops',
  mount(parts) {
    return {
      name: 'llmops',
      prefixes: ['/apps'],
      routes: [
        ...createAppRoutes(parts),
        ...createPublishHistoryRoutes(parts),
        ...createMemoryRoutes(parts),
        createDebugRoute(parts),
        ...createAppChatRoutes(parts),
        ...createMessageRoutes(parts),
      ],
      sockets: [],
      // An app belongs to a user, also where AUTH is `none`.
      anonymous: undefined,
      formatError: (error) => formatFailure(error, parts.config.llmopsHttpStatus),
    };
  },
};
