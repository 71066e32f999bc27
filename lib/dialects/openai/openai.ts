import type { Dialect } from '../dialect.ts';
import { authRoutes } from './auth-routes.ts';
import { chatRoutes } from './chat-routes.ts';
import { formatOpenAiError } from './errors.ts';
import { fileRoutes } from './file-routes.ts';
import { memoryRoutes } from './memory-routes.ts';
import { messageRoutes } from './message-routes.ts';
import { pageRoutes } from './page-routes.ts';
import { threadRoutes } from './thread-routes.ts';
import { uploadRoutes } from './upload-routes.ts';

/** The parts that this dialect takes. */
type Needs =
  | 'accounts'
  | 'access'
  | 'completions'
  | 'completionNotes'
  | 'config'
  | 'files'
  | 'memory'
  | 'sessions';

/** Contract 2: threads, messages, completions, files and memory under `/v1`, signing in under `/auth`; always with a token. */
export const openai: Dialect<Needs> = {
  name: 'openai',
  mount(parts) {
    return {
      name: 'openai',
      prefixes: ['/v1', '/auth'],
      routes: [
        ...threadRoutes(parts),
        ...messageRoutes(parts),
        ...chatRoutes(parts),
        ...uploadRoutes(parts),
        ...fileRoutes(parts),
        ...memoryRoutes(parts),
        ...authRoutes(parts),
        ...pageRoutes(parts),
      ],
      sockets: [],
      anonymous: undefined,
      formatError: formatOpenAiError,
    };
  },
};
