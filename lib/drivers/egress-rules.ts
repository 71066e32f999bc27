import { isIP } from 'node:net';
import { createAddressSet, reachedAddresses, type AddressSet } from '../common/addresses.ts';
import { AppError } from '../errors.ts';

/** The egress lists, ready to decide. */
interface EgressRules {
  /** The reason why a connection to `address` (to which `host` was resolved) is refused, with the setting to change; undefined for an allowed one. */
  refusal(host: string, port: number, address: string): string | undefined;
}

/** One entry of a list. It covers a connection when its name or its addresses do, and its port. */
interface Rule {
  /** A host's name, `*` for all, or `*.name` for all below it; undefined for a rule on addresses. */
  name?: string;
  addresses?: AddressSet;
  /** Missing: every port. */
  port?: number;
}

// At these addresses clouds hand out credentials to everybody who asks: AWS, Azure, GCP, Alibaba, Oracle, ECS, EKS.
const METADATA = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
];

// Addresses that are not on the public internet [RFC 6890].
const PRIVATE = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  '64:ff9b:1::/48',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

/** The addresses of the name `localhost` [RFC 6761 6.3]. */
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/** Reads the lists. Throws an AppError `invalid_request` that names a bad entry. */
export function createEgressRules(options: {
  allow: readonly string[];
  deny: readonly string[];
  allowPrivate: boolean;
}): EgressRules {
  const metadata = createAddressSet(METADATA);
  const closed = createAddressSet(PRIVATE);
  const allow = options.allow.map((entry) => parseRule(entry, 'EGRESS_ALLOW'));
  const deny = options.deny.map((entry) => parseRule(entry, 'EGRESS_DENY'));

  return {
    refusal(host, port, address) {
      // A dot at the end makes a name absolute; it is the same host [RFC 1034 3.1].
      const name = host.toLowerCase().replace(/\.$/, '');
      const to = name === address ? address : `${name} (${address})`;
      // No list opens these: an operator who allows a private network does not mean the credentials of the machine.
      const reached = reachedAddresses(address);
      if (reached.length === 0) return `${to} is refused: this is no address that can be checked.`;
      if (reached.some((one) => metadata.has(one))) {
        return `${to} is refused: cloud metadata addresses are never called.`;
      }
      if (reached.some((one) => deny.some((rule) => matches(rule, name, port, one)))) {
        return `${to}, port ${port}, is refused by EGRESS_DENY.`;
      }
      if (options.allowPrivate) return undefined;
      // An IPv6 address may lead to an IPv4 address inside it: each closed one needs a line.
      const isOpen = (one: string): boolean =>
        !closed.has(one) || allow.some((rule) => matches(rule, name, port, one));
      if (reached.every(isOpen)) return undefined;
      return `${to} is a loopback or private address; add ${name}:${port}, the host or its CIDR to EGRESS_ALLOW to call it.`;
    },
  };
}

/** Reads one entry of a list: a host, `*`, `*.name`, host:port, an address or a CIDR range. */
function parseRule(entry: string, setting: string): Rule {
  const text = entry.trim().toLowerCase();
  const bad = () => new AppError('invalid_request', `${setting}: "${entry}" is no host, host:port or CIDR.`);
  if (text.includes('/')) {
    try {
      return { addresses: createAddressSet([text]) };
    } catch {
      // The library's error does not name the setting.
      throw bad();
    }
  }
  const literal = isIP(text) === 6 ? `[${text}]` : text;
  const [, hostText = '', portText] = /^(\[[^\]]+\]|[^:\s@?#]+)(?::(\d{1,5}))?$/.exec(literal) ?? [];
  const port = portText === undefined ? {} : { port: Number(portText) };
  if (hostText === '*') return { name: '*', ...port };
  let host: string;
  try {
    // The URL parser knows every spelling of an address: 127.1, 0x7f000001, 2130706433.
    host = new URL(`http://${hostText}/`).hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  } catch {
    throw bad();
  }
  if (host === '' || (port.port ?? 0) > 65_535) throw bad();
  if (host === 'localhost') return { name: host, addresses: createAddressSet(LOOPBACK), ...port };
  if (isIP(host) === 0) return { name: host, ...port };
  return { addresses: createAddressSet([host]), ...port };
}

/** Whether a rule covers a host, a port and an address. */
function matches(rule: Rule, name: string, port: number, address: string): boolean {
  if (rule.port !== undefined && rule.port !== port) return false;
  if (rule.addresses?.has(address) === true) return true;
  if (rule.name === undefined) return false;
  return (
    rule.name === '*' ||
    rule.name === name ||
    // `*.name` covers every host below the name, and not the name itself.
    (rule.name.startsWith('*.') && name.endsWith(rule.name.slice(1)))
  );
}
