import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError } from '../errors.ts';
import { bearerOf, identify, readQuery, targetOf } from './intake.ts';
import { mountAt } from './mount.ts';
import { refuse } from './refuse.ts';
import type { Peer, Receiver, SocketRoute } from './socket.ts';
import type { Sockets } from './sockets.ts';
import { statusOf, toAppError } from './status.ts';
import type { WebOptions } from './web.ts';

const BEARER = 'bearer.';

/**
 * The way of every upgrade: the same guard, caller and refusals as on HTTP, told by HTTP status before the handshake.
 * A caller is known by a bearer header, by the subprotocols `<name>, bearer.<token>`, or by `?ticket=`. Never rejects.
 */
export function createUpgrade(
  { mounts, guard, forwarded, access, log, draining }: WebOptions,
  sockets: Sockets,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const ends = new Map(
    mounts.flatMap((mount) => mount.sockets.map((end) => [end.path, { end, mount }] as const)),
  );

  async function admit(
    request: IncomingMessage,
  ): Promise<{ end: SocketRoute; receive: (peer: Peer) => Receiver }> {
    const { path, search } = targetOf(request);
    guard.check(request, forwarded(request).host);
    const found = ends.get(path);
    if (!found || request.headers.upgrade?.toLowerCase() !== 'websocket')
      throw new AppError('not_found', `There is no WebSocket at ${path}.`);
    if (draining()) throw new AppError('unavailable', 'The server is going down; try again.');
    const { end, mount } = found;
    const token = bearerOf(request) ?? offeredToken(request);
    const caller = await identify(access, mount, { token, ticket: search.get('ticket') ?? undefined });
    const query = await readQuery(search, end.query);
    return { end, receive: await end.admit(query, caller) };
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const onError = (err: Error) => log.debug({ err }, 'a client left during its upgrade');
    socket.on('error', onError);
    try {
      const { end, receive } = await admit(request);
      socket.off('error', onError);
      sockets.open(request, socket, head, end.protocol, receive);
    } catch (error) {
      const known = toAppError(error);
      const path = (request.url ?? '').split('?', 1)[0] ?? '';
      if (known.code === 'internal') log.error({ err: known, path }, known.message);
      else log.info({ path, status: statusOf(known.code) }, 'upgrade refused');
      refuse(socket, known, statusOf(known.code), mountAt(mounts, path)?.formatError(known));
    }
  }

  return (request, socket, head) => void upgrade(request, socket, head);
}

function offeredToken(request: IncomingMessage): string | undefined {
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
  return offered?.find((name) => name.startsWith(BEARER))?.slice(BEARER.length);
}
