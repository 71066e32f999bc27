import type { Dialect } from '../dialect.ts';
import { authRoutes } from './auth-routes.ts';
import { chatRoutes } from './chat-routes.ts';
import { formatOpenAiError } from './errors.ts';
import { fileRoutes } from './file-routes.ts';
import { memoryRoutes } from './memory-routes.ts';
import { messageRoutes } from './message-routes.ts';
import { modelRoutes } from './model-routes.ts';
import { pageRoutes } from './page-routes.ts';
import { assistantRoutes } from './assistant-routes.ts';
import { runRoutes } from './run-routes.ts';
import { responseRoutes } from './response-routes.ts';
import { conversationRoutes } from './conversation-routes.ts';
import { storedCompletionRoutes } from './stored-completion-routes.ts';
import { threadRoutes } from './thread-routes.ts';
import { uploadRoutes } from './upload-routes.ts';

/** The parts that this dialect takes. */
type Needs =
  | 'accounts'
  | 'access'
  | 'agents'
  | 'completions'
  | 'config'
  | 'files'
  | 'memory'
  | 'sessions'
  | 'storedCompletions';

/**
 * Contract 2, for OpenAI's official clients with `baseURL: …/v1`: threads, messages, completions, files and memory. Signing in is
 * under `/auth`. Every call needs a token, also where AUTH is `none`: a thread belongs to a user.
 *
 * - A thread is an agent session under another name: `thread_` and the session's id without dashes.
 * - OpenAI's own document describes the shapes, and clients check answers by it. So every required field is sent, also when it is null.
 * - A missing object is 404, another user's object is 403 (the seed's rule), and errors are `{"error": {…}}`.
 */
export const openai: Dialect<Needs> = {
  name: 'openai',
  mount(parts) {
    return {
      name: 'openai',
      prefixes: ['/v1', '/auth'],
      routes: [
        ...threadRoutes(parts),
        ...messageRoutes(parts),
        ...runRoutes(parts),
        ...assistantRoutes(parts),
        ...conversationRoutes(parts),
        ...responseRoutes(parts),
        ...chatRoutes(parts),
        ...storedCompletionRoutes(parts),
        ...modelRoutes(parts),
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
