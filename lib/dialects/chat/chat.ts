import type { Route } from '../../server/mount.ts';
import type { Dialect } from '../dialect.ts';
import { formatDetail } from '../refusal.ts';
import { createChatRoutes } from './chat-routes.ts';
import { createConversationRoutes } from './conversation-routes.ts';
import { createModelRoutes } from './model-routes.ts';
import { createAccountRoutes } from './user-routes.ts';

/** Other paths below `/api/v1` are AIDeer's (contract 5). */
const prefixes = ['/user', '/model_config', '/conversation', '/chat'];
const places = ['/api/v1', ''];

/** The parts that this dialect takes. */
type Needs = 'accounts' | 'chats' | 'config' | 'modelConfigs' | 'models' | 'objects' | 'replies';

/**
 * Contract 4, for clients of a chat page: it keeps the conversation itself, sends all of it with every question, and gets the answer
 * as a stream. The server stores the last message and the answer.
 *
 * - Users bring their own models (`/model_config`); the keys are sealed and shown masked.
 * - Another user's object is 404, the same as none, so that ids reveal nothing. Errors are `{"detail"}`.
 * - Every path is there twice: under `/api/v1`, and under `/` for clients with the seed's literal paths.
 */
export const chat: Dialect<Needs> = {
  name: 'chat',
  mount(parts) {
    const routes: Route[] = [
      ...createAccountRoutes(parts),
      ...createModelRoutes(parts),
      ...createConversationRoutes(parts),
      ...createChatRoutes(parts),
    ];
    return {
      name: 'chat',
      prefixes: places.flatMap((place) => prefixes.map((prefix) => `${place}${prefix}`)),
      routes: places.flatMap((place) => routes.map((route) => ({ ...route, path: `${place}${route.path}` }))),
      sockets: [],
      // Everything here belongs to a user, also where AUTH is `none`.
      anonymous: undefined,
      formatError: formatDetail,
    };
  },
};
