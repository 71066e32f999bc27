import { TokenKindError } from '../../accounts/access.ts';
import type { Route } from '../../server/mount.ts';
import type { Dialect } from '../dialect.ts';
import { formatDetail } from '../refusal.ts';
import { createAvatarRoutes } from './avatars.ts';
import { createSceneChatRoutes } from './chat-routes.ts';
import { createCreditRoutes } from './credit-routes.ts';
import { createKeyRoutes } from './key-routes.ts';
import { createPresetRoutes } from './preset-routes.ts';
import { createSessionRoutes } from './session-routes.ts';
import { createTaskRoutes } from './task-routes.ts';
import { createUserRoutes } from './user-routes.ts';

/** The chat dialect has longer prefixes below this one. The longest prefix of a path decides whose errors it has. */
const PREFIX = '/api/v1';

/** The parts that this dialect takes. */
type Needs =
  | 'accounts'
  | 'chats'
  | 'config'
  | 'ledger'
  | 'modelConfigs'
  | 'models'
  | 'objects'
  | 'pictures'
  | 'presets'
  | 'redeemCodes'
  | 'tasks'
  | 'wechat';

/**
 * Contract 5, for clients of AIDeer: a WeChat mini program and a web page where users chat in the scene of a preset.
 *
 * - A user begins a chat with a preset, puts a message into it, and makes a task that answers it (tasks).
 * - A task costs credits: its tokens times the rate of its model. Codes add credits (codes, users/me/credits).
 * - Errors are `{"detail"}`, plain successes `{"message"}`, times ISO 8601. Lists take offset, limit, order_by and order.
 */
export const aideer: Dialect<Needs> = {
  name: 'aideer',
  mount(parts) {
    const routes: Route[] = [
      ...createSessionRoutes(parts),
      ...createUserRoutes(parts),
      ...createKeyRoutes(parts),
      ...createAvatarRoutes(parts),
      ...createCreditRoutes(parts),
      ...createPresetRoutes(parts),
      ...createSceneChatRoutes(parts),
      ...createTaskRoutes(parts),
    ];
    return {
      name: 'aideer',
      prefixes: [PREFIX],
      routes: routes.map((route) => ({ ...route, path: `${PREFIX}${route.path}` })),
      sockets: [],
      // Everything here belongs to a user, also where AUTH is `none`.
      anonymous: undefined,
      // A token of the wrong kind is a bad request here.
      formatError: (error) =>
        error instanceof TokenKindError ? { ...formatDetail(error), status: 400 } : formatDetail(error),
    };
  },
};
