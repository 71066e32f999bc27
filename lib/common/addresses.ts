import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A set of IP addresses and CIDR ranges. */
export interface AddressSet {
  /** Whether the set holds the address; an IPv4 address may be written as a mapped IPv6 one. False for a text that is no address. */
  has(address: string): boolean;
}

/** The set of these addresses and CIDR ranges; throws a RangeError that names an entry which is neither. */
export function createAddressSet(entries: readonly string[]): AddressSet {
  const ranges = entries.map(parseRange);
  return {
    has(address) {
      const parsed = parseAddress(withoutZone(address));
      const plain =
        parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()
          ? [parsed, parsed.toIPv4Address()]
          : [parsed];
      return plain.some((one) =>
        ranges.some(([base, bits]) => one?.kind() === base.kind() && one.match(base, bits)),
      );
    },
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
  return /^(?:[\w-]+\.)*localhost$/i.test(name) || parseAddress(name)?.range() === 'loopback';
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
  const parsed = parseAddress(withoutZone(address));
  if (parsed === undefined) return address;
  const plain =
    parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
  if (!(plain instanceof ipaddr.IPv6)) return `${plain.octets.slice(0, 3).join('.')}.0/24`;
  const network = plain.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(':')}::/64`;
}

/**
 * The place whose budget a client uses: an IPv4 address, or the network of an IPv6 address, because each client of a network has 2^64
 * addresses for itself [RFC 4291 2.5.1].
 */
export function clientPlaceOf(address: string): string {
  return plainAddress(address).includes(':') ? networkOf(address) : plainAddress(address);
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

/** An address without its zone [RFC 4007 11], such as `%eth0`. */
function withoutZone(address: string): string {
  return address.replace(/%.*$/, '');
}

/**
 * An address and every IPv4 address inside it, because a translator or a tunnel on the way would deliver to the inner one.
 * Empty for a text that is no address.
 */
export function reachedAddresses(text: string): string[] {
  const address = parseAddress(withoutZone(text));
  if (!address) return [];
  if (!(address instanceof ipaddr.IPv6)) return [address.toString()];
  const bytes = address.toByteArray();
  return [address.toString(), ...innerBytes(bytes).map((inner) => new ipaddr.IPv4(inner).toString())];
}

/** The first bits of addresses that hold IPv4 addresses, and where those are. */
const EMBEDDINGS: readonly (readonly [prefix: string, inner: (bytes: number[]) => number[][]])[] = [
  // Compatible ::a.b.c.d and mapped ::ffff:a.b.c.d [RFC 4291 2.5.5], translated ::ffff:0:a.b.c.d [RFC 2765 2.1].
  ['::/96', (bytes) => (bytes[12] === 0 && bytes[13] === 0 ? [] : [bytes.slice(12)])], // ::1 is no embedding
  ['::ffff:0:0/96', (bytes) => [bytes.slice(12)]],
  ['::ffff:0:0:0/96', (bytes) => [bytes.slice(12)]],
  ['64:ff9b::/96', (bytes) => [bytes.slice(12)]], // NAT64 [RFC 6052 2.1]
  ['64:ff9b:1::/48', (bytes) => localNat64(bytes)], // NAT64 of a network [RFC 8215]
  ['2002::/16', (bytes) => [bytes.slice(2, 6)]], // 6to4 [RFC 3056 2]
  // Teredo: the server, and the client with each bit turned [RFC 4380 4].
  ['2001::/32', (bytes) => [bytes.slice(4, 8), bytes.slice(12).map((byte) => byte ^ 0xff)]],
];

/** The bytes before the IPv4 address in an interface identifier of ISATAP, in any network [RFC 5214 6.1]. */
const ISATAP = new Set(['0,0,94,254', '2,0,94,254']);

function innerBytes(bytes: number[]): number[][] {
  const address = new ipaddr.IPv6(bytes);
  const inner = EMBEDDINGS.flatMap(([prefix, read]) =>
    address.match(ipaddr.IPv6.parseCIDR(prefix)) ? read(bytes) : [],
  );
  return ISATAP.has(bytes.slice(8, 12).join()) ? [...inner, bytes.slice(12)] : inner;
}

/** The network chooses the length of its prefix (48, 56, 64 or 96 bits), so each place is read; byte 8 is skipped [RFC 6052 2.2]. */
function localNat64(bytes: readonly number[]): number[][] {
  const rest = [...bytes.slice(0, 8), ...bytes.slice(9)];
  const places = [rest.slice(6, 10), rest.slice(7, 11), rest.slice(8, 12), bytes.slice(12)];
  return places.filter(([first]) => first !== 0); // a place without an address
}
