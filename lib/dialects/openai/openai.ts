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

/** Contract 2: threads, messages, completions, files and memory under `/v1`, signing in under `/auth`; always with a token. */
export const openai: Dialect = {
  name: 'openai',
  mount(context) {
    return {
      name: 'openai',
      prefixes: ['/v1', '/auth'],
      routes: [
        ...threadRoutes(context),
        ...messageRoutes(context),
        ...chatRoutes(context),
        ...uploadRoutes(context),
        ...fileRoutes(context),
        ...memoryRoutes(context),
        ...authRoutes(context),
        ...pageRoutes(context),
      ],
      sockets: [],
      anonymous: undefined,
      formatError: formatOpenAiError,
    };
  },
};
