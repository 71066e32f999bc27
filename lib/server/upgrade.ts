import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import { budgetKeyOf, spend, type Budget } from './budget.ts';
import { bearerOf, identify, readQuery, targetOf } from './intake.ts';
import { mountAt } from './mount.ts';
import { refuse } from './refuse.ts';
import type { Peer, Receiver, SocketRoute } from './socket.ts';
import type { Sockets } from './sockets.ts';
import { statusOf, toAppError } from './status.ts';
import type { ObservedRequest } from './traffic.ts';
import type { WebOptions } from './web.ts';

/** The prefix of a token among the subprotocols: browsers cannot set a header for a WebSocket. */
const BEARER = 'bearer.';
/** The close code of an ended token: 4000 and the HTTP status (contract 1). */
const TOKEN_ENDED = 4401;
/** The close code of a caller that breaks a rule [RFC 6455 7.4.1]. */
const TOO_MANY = 1008;

/** Opens the receiver of a socket. */
type Receive = (peer: Peer) => Receiver;

/**
 * Answers every upgrade. Guard, caller and refusals are the same as on HTTP, and a refusal has an HTTP status, before the
 * handshake. A caller shows a bearer header, the subprotocols `<name>, bearer.<token>`, or `?ticket=`. Never rejects.
 */
export function createUpgrade(
  { mounts, guard, forwarded, access, log, draining, budget, socketTally, traffic }: WebOptions,
  sockets: Sockets,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const ends = new Map(
    mounts.flatMap((mount) => mount.sockets.map((end) => [end.path, { end, mount }] as const)),
  );

  async function admit(
    request: IncomingMessage,
  ): Promise<{ end: SocketRoute; receive: Receive; party: string }> {
    const { path, search } = targetOf(request);
    const { address, host } = forwarded(request);
    guard.check(request, host);
    const found = ends.get(path);
    if (!found) throw new AppError('not_found', `There is no WebSocket at ${path}.`);
    if (draining()) throw new AppError('unavailable', 'The server is going down; try again.');
    const { end, mount } = found;
    const token = bearerOf(request) ?? offeredToken(request);
    const ticket = search.get('ticket') ?? undefined;
    const caller = await identify({ access, budget }, mount, { token, ticket, address });
    const party = budgetKeyOf(caller, address);
    spend(budget, party);
    const query = await readQuery(search, end.query);
    const receive = untilEnd(await end.admit(query, caller), caller);
    return { end, receive: runWithinBudget(budget, party, receive), party };
  }

  /** Closes the socket when the credential of its caller is revoked or has expired. */
  function untilEnd(receive: Receive, caller: Principal): Receive {
    if (!caller.account) return receive;
    return (peer) => {
      const receiver = receive(peer);
      const stop = access.onEnd(caller, () => peer.close(TOKEN_ENDED, 'the token has ended: sign in again'));
      return {
        text: (text) => receiver.text(text),
        refused: (reason) => receiver.refused(reason),
        closed() {
          stop();
          receiver.closed();
        },
      };
    };
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const onError = (err: Error) => log.debug({ err }, 'a client left during its upgrade');
    socket.on('error', onError);
    try {
      const { end, receive, party } = await admit(request);
      const leave = socketTally(party);
      if (!leave)
        throw new AppError(
          'too_many_requests',
          'You have too many WebSockets open (SOCKETS_PER_CALLER_MAX_COUNT).',
        );
      socket.once('close', leave);
      if (socket.destroyed) leave(); // it may have closed before
      socket.off('error', onError);
      sockets.open(request, socket, head, end.protocol, runWithin(traffic.socket(request), receive));
    } catch (error) {
      const known = toAppError(error);
      const path = (request.url ?? '').split('?', 1)[0] ?? '';
      if (known.code === 'internal') log.error({ err: known, path }, known.message);
      else log.info({ path, status: statusOf(known.code) }, 'upgrade refused');
      refuse(socket, known, statusOf(known.code), mountAt(mounts, path)?.formatError(known, ''));
    }
  }

  return (request, socket, head) => void upgrade(request, socket, head);
}

/** Closes the socket when its caller sends more messages than its budget has. */
function runWithinBudget(budget: Budget, key: string, receive: Receive): Receive {
  return hearing(receive, (text, receiver, peer) => {
    if (budget(key) === undefined) return receiver.text(text);
    peer.close(TOO_MANY, 'too many messages (REQUESTS_PER_MINUTE_MAX_COUNT): connect again later');
  });
}

/** Runs the work of each message within the span of the handshake. */
function runWithin(within: ObservedRequest['within'] | undefined, receive: Receive): Receive {
  return within ? hearing(receive, (text, receiver) => within(() => receiver.text(text))) : receive;
}

/** A receiver whose messages go through `hear` first. */
function hearing(
  receive: Receive,
  hear: (text: string, receiver: Receiver, peer: Peer) => ReturnType<Receiver['text']>,
): Receive {
  return (peer) => {
    const receiver = receive(peer);
    return {
      text: (text) => hear(text, receiver, peer),
      refused: (reason) => receiver.refused(reason),
      closed: () => receiver.closed(),
    };
  };
}

function offeredToken(request: IncomingMessage): string | undefined {
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
  return offered?.find((name) => name.startsWith(BEARER))?.slice(BEARER.length);
}
