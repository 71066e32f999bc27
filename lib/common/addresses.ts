import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A set of IP addresses and CIDR ranges. */
export interface AddressSet {
  /** Whether the set holds the address, in whichever of its spellings. False for a text that is no address. */
  has(address: string): boolean;
}

/** The set of these addresses and CIDR ranges; throws a RangeError that names an entry which is neither. */
export function createAddressSet(entries: readonly string[]): AddressSet {
  const ranges = entries.map(parseRange);
  return {
    has: (address) =>
      spellingsOf(address).some((spelling) =>
        ranges.some(([base, bits]) => spelling.kind() === base.kind() && spelling.match(base, bits)),
      ),
  };
}

/** Whether a text is an IP address, or a CIDR range whose prefix fits its family. */
export function isAddressRange(text: string): boolean {
  try {
    parseRange(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether a host can only be this machine: `localhost`, a name below it, or a loopback address [RFC 6761 6.3, RFC 1122 3.2.1.3]. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  return /^(localhost|.+\.localhost)$/i.test(name) || spellingsOf(name)[0]?.range() === 'loopback';
}

/** An IPv4 address that a dual-stack socket shows as IPv6, as IPv4; any other text as it is. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/**
 * The network of an address: one customer has 256 IPv4 addresses, written as `192.0.2.0/24`, or 2^64 IPv6 addresses, written as
 * `2001:db8:0:0::/64`. Any other text as it is.
 */
export function networkOf(address: string): string {
  const text = address.replace(/%.*$/, '');
  if (!ipaddr.isValid(text)) return address;
  const parsed = ipaddr.process(text); // an IPv4 address inside of ::ffff:0:0/96 as IPv4
  if (!(parsed instanceof ipaddr.IPv6)) return `${parsed.octets.slice(0, 3).join('.')}.0/24`;
  const network = parsed.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(':')}::/64`;
}

function parseRange(entry: string): [Address, number] {
  const [address = '', bits] = entry.split('/');
  const parsed = parseAddress(address);
  const most = parsed?.kind() === 'ipv6' ? 128 : 32;
  if (!parsed || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)))
    throw new RangeError(`"${entry}" is neither an address nor a CIDR range`);
  return [parsed, bits === undefined ? most : Number(bits)];
}

function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : undefined;
}

/**
 * An address and the IPv4 address inside it, if any: a translator on the way would deliver to the inner one. Mapped
 * ::ffff:a.b.c.d, compatible ::a.b.c.d [RFC 4291 2.5.5], NAT64 64:ff9b::/96 [RFC 6052 2.1], 6to4 2002::/16 [RFC 3056 2].
 */
function spellingsOf(text: string): Address[] {
  const address = parseAddress(text.replace(/%.*$/, ''));
  if (!address) return [];
  if (!(address instanceof ipaddr.IPv6)) return [address];
  const bytes = address.toByteArray();
  const inner = innerBytes(address.parts, bytes);
  return inner ? [address, new ipaddr.IPv4(inner)] : [address];
}

function innerBytes(parts: readonly number[], bytes: readonly number[]): number[] | undefined {
  const head = parts
    .slice(0, 6)
    .map((part) => part.toString(16))
    .join(':');
  const embeds = head === '0:0:0:0:0:ffff' || head === '64:ff9b:0:0:0:0';
  const compatible = head === '0:0:0:0:0:0' && parts[6] !== 0;
  if (embeds || compatible) return bytes.slice(12);
  return parts[0] === 0x2002 ? bytes.slice(2, 6) : undefined;
}
