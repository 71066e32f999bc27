import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { createAddressSet, plainAddress } from '../common/addresses.ts';

/** Where a request came from, and which host it asked for. */
export interface Forwarded {
  /** The client's IP address. */
  address: string;
  host: string | undefined;
}

/**
 * Reads `X-Forwarded-For` and `X-Forwarded-Host` of requests that come through a trusted proxy; `trustedProxies` are
 * addresses and CIDR ranges. From any other peer the two headers do not count. (`proxy-addr` is not used, because it
 * returns an entry of the header that is no address.)
 */
export function createForwarded(trustedProxies: readonly string[]): (request: IncomingMessage) => Forwarded {
  const trusted = createAddressSet(trustedProxies);
  return (request) => {
    const direct = plainAddress(request.socket.remoteAddress ?? '');
    const { host } = request.headers;
    if (!trusted.has(direct)) return { address: direct, host };
    // Each proxy appends the address that it saw. So the last address that is not a proxy of ours is the client's. A client may have written
    // everything before an entry that is not an address, so the search ends there.
    let address = direct;
    for (const next of listIn(request, 'x-forwarded-for').map(addressIn).toReversed()) {
      if (!trusted.has(address) || isIP(next) === 0) break;
      address = next;
    }
    return { address, host: listIn(request, 'x-forwarded-host').at(-1) ?? host };
  };
}

/** The address of an entry, which some proxies write with the port. */
function addressIn(entry: string): string {
  const [, six, four] = /^(?:\[([^\]]+)\]|(\d+(?:\.\d+){3}))(?::\d{1,5})?$/.exec(entry) ?? [];
  return plainAddress(six ?? four ?? entry);
}

/** The entries of a header that is a comma list [RFC 9110 5.6.1]. */
function listIn(request: IncomingMessage, name: string): string[] {
  return [request.headers[name] ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}
