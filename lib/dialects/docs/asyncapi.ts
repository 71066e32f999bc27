import type { JsonObject } from '../../common/json.ts';
import type { Mount, RouteSchema } from '../../server/mount.ts';

/** All WebSockets of some mounts as an AsyncAPI document, from the tables that serve them [AsyncAPI 3.0.0]. */
export function describeSockets(mounts: readonly Mount[], version: string): JsonObject {
  const channels: Record<string, unknown> = {};
  const operations: Record<string, unknown> = {};
  for (const { sockets } of mounts)
    for (const { path, summary, query, receives, sends } of sockets) {
      // `/api/chat` → `api_chat`
      const name = path.slice(1).replaceAll(/\W+/g, '_');
      channels[name] = {
        address: path,
        description: summary,
        messages: { ...messagesOf('receive', receives), ...messagesOf('send', sends) },
        bindings: { ws: { method: 'GET', query } },
      };
      // The actions are the server's: it receives the frames of clients [AsyncAPI 3.0.0, Operation Object].
      for (const [action, messages] of [
        ['receive', receives],
        ['send', sends],
      ] as const)
        operations[`${name}_${action}`] = {
          action,
          channel: { $ref: `#/channels/${name}` },
          messages: Object.keys(messages).map((key) => ({
            $ref: `#/channels/${name}/messages/${action}_${key}`,
          })),
        };
    }
  return {
    asyncapi: '3.0.0',
    info: { title: 'LiteAgent Server', version, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    channels,
    operations,
  } as unknown as JsonObject;
}

/** The messages of one direction. The direction is a part of the key: a name may be in both. */
function messagesOf(action: string, messages: Readonly<Record<string, RouteSchema>>): object {
  return Object.fromEntries(
    Object.entries(messages).map(([name, payload]) => [
      `${action}_${name}`,
      {
        name,
        payload,
        ...(Array.isArray(payload.examples) && {
          examples: payload.examples.map((frame) => ({ payload: frame as unknown })),
        }),
      },
    ]),
  );
}
