import { anonymous } from '../../accounts/access.ts';
import { requirePermission } from '../../accounts/permissions.ts';
import { formatProblem } from '../../server/problem.ts';
import type { Session } from '../../core/session.ts';
import type { SocketRoute } from '../../server/socket.ts';
import type { Mount } from '../../server/mount.ts';
import { createRoutes } from './routes.ts';
import type { LiteAgentParts } from './parts.ts';
import { createEncoder } from './encoder.ts';
import { positionOf } from './envelope.ts';
import { envelopeSchema, noticeSchemas } from './envelope-schema.ts';
import { frameSchemas, loadFrameParser } from './frames.ts';
import { Watcher } from './watcher.ts';

/** Contract 1: agent sessions under `/api`, with the WebSocket `/api/chat`. Its calls are open to all where AUTH is `none`. */
export const liteagent = {
  name: 'liteagent',
  mount(parts: LiteAgentParts): Mount {
    return {
      name: 'liteagent',
      prefixes: ['/api'],
      routes: createRoutes(parts),
      sockets: [createChat(parts)],
      contentType: contentTypes[parts.config.liteagentContentType],
      anonymous: parts.config.auth === 'none' ? anonymous : undefined,
      formatError: (error) => formatProblem(error),
    };
  },
};

/** The header for each value of LITEAGENT_CONTENT_TYPE. */
const contentTypes = { 'application/json': 'application/json', 'text/plain': 'text/plain; charset=utf-8' };

/**
 * The WebSocket of a session. An upgrade is refused with the status that `/api/history` has for the same id. All sockets of the node
 * share one encoder: those of a session are served one after the other.
 */
function createChat({
  sessions,
  approvals,
  log,
}: Pick<LiteAgentParts, 'sessions' | 'approvals' | 'log'>): SocketRoute {
  const encoder = createEncoder();
  return {
    path: '/api/chat',
    protocol: 'liteagent',
    summary:
      'The messages of a session, live; with since= the missed ones first. The token is a bearer, a subprotocol or a ticket.',
    receives: frameSchemas,
    sends: { envelope: envelopeSchema, ...noticeSchemas },
    query: {
      type: 'object',
      required: ['id'],
      properties: {
        id: { type: 'string', minLength: 1 },
        since: { type: 'string', pattern: '^\\d{1,15}$', description: 'a seq: a whole number' },
      },
    },
    async admit({ id = '', since: text }, caller) {
      requirePermission(caller, 'look');
      const session = await sessions.find(id, caller);
      const parse = await loadFrameParser();
      // A seq of at most 15 digits is exact as a number.
      const since = text === undefined ? undefined : Number(text);
      const isUnknown = since !== undefined && (await isBeyondEnd(session, since));
      return (peer) =>
        new Watcher({
          session,
          caller,
          peer,
          encoder,
          parse,
          approvals,
          log,
          since,
          isUnknown,
        });
    },
  };
}

/** Whether a position is beyond the end of the log. The store is asked, because another node may have written the last lines. */
async function isBeyondEnd(session: Session, since: number): Promise<boolean> {
  const { line } = positionOf(since);
  // A position before the first line asks for all lines.
  if (line === 0) return false;
  return (await session.read({ after: line - 1 }, 1)).length === 0;
}
