import type { Route } from '../../server/mount.ts';
import type { Dialect } from '../dialect.ts';
import { formatDetail } from '../refusal.ts';
import { createChatRoutes } from './chat-routes.ts';
import { createConversationRoutes } from './conversation-routes.ts';
import { createModelRoutes } from './model-routes.ts';
import { createAccountRoutes } from './user-routes.ts';

const prefixes = ['/user', '/model_config', '/conversation', '/chat'];
const places = ['/api/v1', ''];

/** The parts that this dialect takes. */
type Needs = 'accounts' | 'chats' | 'config' | 'modelConfigs' | 'models' | 'objects' | 'replies';

/** Contract 4: a chat backend; its clients lead the conversation; under `/api/v1`, and under `/` for the seed's own paths. */
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
      anonymous: undefined,
      formatError: formatDetail,
    };
  },
};
