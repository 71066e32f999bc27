import type { Connection } from '../../core/tool.ts';
import type { McpPlace } from '../../drivers/mcp/place.ts';
import { authorization } from '../authorization.ts';

/** Where a session's server is, with its key; or the reason why it cannot be called. */
export function mcpPlaceOf(connection: Connection): McpPlace | { fault: string } {
  const { server, command, env = {} } = connection;
  if (command !== undefined) return server === undefined ? { command, env } : { fault: BOTH };
  if (server === undefined) return { fault: 'The server has no address: give its URL as "server"' };
  // An address without a scheme is on HTTP.
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `http://${server}`;
  if (!URL.canParse(text)) return { fault: `The server "${server}" is no URL` };
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { fault: `${url.protocol} is refused: only http and https are called` };
  if (url.username !== '' || url.password !== '')
    return { fault: 'A server URL with a user name or password is refused: give the key as "apiKey"' };
  const header = authorization(connection);
  if ('fault' in header) return header;
  const { href } = url;
  return { url: href, headers: header.value === undefined ? {} : { authorization: header.value } };
}

const BOTH = 'A server has either a URL ("server") or a program ("command"), and this one has both';

/** The name of a server as a device: calls to one device keep their order. */
export function deviceOf(connection: Connection): string | undefined {
  const place = mcpPlaceOf(connection);
  if ('fault' in place) return undefined;
  return 'url' in place ? new URL(place.url).origin : `process ${place.command.join(' ')}`;
}
