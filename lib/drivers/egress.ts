import { lookup } from 'node:dns/promises';
import { posix } from 'node:path';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { ORIGIN_CONNECTIONS_MAX_COUNT } from '../common/origin-turns.ts';
import { AppError, toError } from '../errors.ts';
import { createEgressRules } from './egress-rules.ts';

/** Where outgoing calls may go; lists of host, host:port and CIDR. Deny wins; metadata addresses are always denied. */
export interface EgressOptions {
  allow: readonly string[];
  deny: readonly string[];
  /** Loopback and private addresses, where no list says otherwise. */
  allowPrivate: boolean;
  /** Serial devices documents may open: paths, or `*`. */
  serialAllow: readonly string[];
  /** Headers for each HTTP request beside its own: those of the trace that it belongs to. */
  headers?: (() => Record<string, string>) | undefined;
  /** The text that callers get for a refusal; the whole reason when missing. */
  tellRefusal?: (reason: string, setting: 'EGRESS_ALLOW, EGRESS_DENY' | 'SERIAL_ALLOW') => string;
}

/**
 * A document comes from a client, so a document must not decide where this server connects to. The door decides: by lists
 * of the operator, and by a ban on the addresses at which clouds hand out credentials.
 *
 * The one door out: every HTTP, JSON-RPC, Modbus and model connection goes through it.
 *
 * Contract: a refusal is an AppError `forbidden` that names the setting to change; it comes before a byte leaves.
 */
export interface Egress {
  /** An address to connect to, checked. Names are resolved here, so that the checked address is the one that is used. */
  resolve(host: string, port: number): Promise<{ address: string; family: 4 | 6 }>;
  /** Throws unless a serial device may be opened. */
  checkSerial(path: string): void;
  /** An undici dispatcher (pooled by origin) whose connections are checked at connect time; literals too. */
  readonly dispatcher: Dispatcher;
  close(): Promise<void>;
}

interface Address {
  address: string;
  family: 4 | 6;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Opens the door. Throws an AppError `invalid_request` for a list entry that is no host, host:port or CIDR. */
export function openEgress(options: EgressOptions): Egress {
  const rules = createEgressRules(options);
  const { tellRefusal = (reason) => reason } = options;
  const refused = (reason: string): AppError =>
    new AppError('forbidden', tellRefusal(reason, 'EGRESS_ALLOW, EGRESS_DENY'));

  // Every address behind a name is checked, and only the permitted ones are used: a name cannot lead to a denied
  // address, and a name with both kinds still works. Node resolves `127.1`, `0x7f000001` and the like as names.
  async function permitted(rawHost: string, port: number): Promise<Address[]> {
    const host = rawHost.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
    const family = isIP(host);
    const found = family === 0 ? await lookup(host, { all: true }) : [{ address: host, family }];
    const refusals = found.map(({ address }) => rules.refusal(host, port, address));
    const addresses = found.filter((_, at) => refusals[at] === undefined);
    const refusal = refusals.find((one) => one !== undefined);
    if (addresses.length === 0 && refusal !== undefined) throw refused(refusal);
    return addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  }

  function connectorTo(origin: URL): buildConnector.connector {
    const port = Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80);
    const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: lookupThrough(permitted, port) });
    return (to, callback) => {
      // Sockets never look up a literal, so it is checked here.
      const refusal = isIP(to.hostname) === 0 ? undefined : rules.refusal(to.hostname, port, to.hostname);
      if (refusal === undefined) connect(to, callback);
      else callback(refused(refusal), null);
    };
  }

  const agent = new Agent({
    factory: (origin) =>
      new Pool(origin, {
        connections: ORIGIN_CONNECTIONS_MAX_COUNT,
        connect: connectorTo(new URL(origin)),
      }),
  });

  return {
    dispatcher: options.headers ? agent.compose(addHeaders(options.headers)) : agent,
    async resolve(host, port) {
      const addresses = await permitted(host, port);
      const first = addresses.find(({ family }) => family === 4) ?? addresses[0];
      if (first === undefined) throw new AppError('unavailable', `${host} has no address`);
      return first;
    },
    checkSerial(path) {
      const plain = posix.normalize(path);
      if (options.serialAllow.includes('*') || options.serialAllow.includes(plain)) return;
      const reason = `The serial device ${plain} is not allowed; add it to SERIAL_ALLOW.`;
      throw new AppError('forbidden', tellRefusal(reason, 'SERIAL_ALLOW'));
    },
    close: () => agent.destroy(),
  };
}

/** Adds headers, with names in lower case, to each request; those of the request itself win. */
function addHeaders(more: () => Record<string, string>): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const own = (options.headers ?? {}) as Record<string, string>;
    const names = new Set(Object.keys(own).map((name) => name.toLowerCase()));
    const added = Object.entries(more()).filter(([name]) => !names.has(name));
    return dispatch({ ...options, headers: { ...own, ...Object.fromEntries(added) } }, handler);
  };
}

/** A lookup for sockets that gives only permitted addresses. */
function lookupThrough(
  permitted: (host: string, port: number) => Promise<Address[]>,
  port: number,
): LookupFunction {
  async function answer(host: string, all: boolean, callback: Parameters<LookupFunction>[2]): Promise<void> {
    try {
      const addresses = await permitted(host, port);
      const [first] = addresses;
      if (first === undefined) callback(new Error(`${host} has no address`), '');
      else if (all) callback(null, addresses);
      else callback(null, first.address, first.family);
    } catch (error) {
      callback(toError(error), '');
    }
  }
  return (host, { all }, callback) => void answer(host, all === true, callback);
}
