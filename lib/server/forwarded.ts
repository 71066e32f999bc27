import { BlockList, isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';

/** Where a request came from and which host it asked for; forwarded headers count only from trusted proxies. */
export interface Forwarded {
  address: string;
  host: string | undefined;
}

/** A reader of `X-Forwarded-For` and `-Host` that believes the proxies in a list of addresses and CIDRs, and no one else. */
export function createForwarded(trustedProxies: readonly string[]): (request: IncomingMessage) => Forwarded {
  const trusted = new BlockList();
  for (const place of trustedProxies) {
    const [address = '', bits] = place.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  const trusts = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return (request) => {
    const direct = plain(request.socket.remoteAddress ?? '');
    const { host } = request.headers;
    if (!trusts(direct)) return { address: direct, host };
    // From the right: each trusted proxy added the address it saw; the first that is not one of ours is the client.
    const chain = header(request, 'x-forwarded-for').map(plain);
    let address = direct;
    for (let at = chain.length - 1; at >= 0 && trusts(address); at -= 1)
      if (isIP(chain[at]!) !== 0) address = chain[at]!;
    return { address, host: header(request, 'x-forwarded-host').at(-1) ?? host };
  };
}

function header(request: IncomingMessage, name: string): string[] {
  return [request.headers[name] ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}

/** An IPv4 address that a dual-stack socket shows as IPv6, as IPv4. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
