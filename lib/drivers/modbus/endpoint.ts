import { realpathSync } from 'node:fs';
import { AppError } from '../../errors.ts';

/** How a bus is shared; two documents that name one endpoint must agree on it. Times in ms. */
export interface BusSettings {
  /** Silence between two requests. */
  readonly requestDelay: number;
  /** Quiet time after which the connection is closed; 0 closes it after each call. */
  readonly idleTimeout: number;
  /** Requests on the way at once (TCP only). */
  readonly maxInFlight: number;
  /** Silence after each connect, for devices that swallow the requests of their first seconds. Missing: 0. */
  readonly delayAfterConnect?: number;
}

/** The settings of a serial line [Modbus over Serial Line 1.02, 2.5]. */
export interface SerialSettings {
  /** In bits a second. */
  readonly baudRate: number;
  readonly parity: 'none' | 'even' | 'odd' | 'mark' | 'space';
  readonly dataBits: 5 | 6 | 7 | 8;
  readonly stopBits: 1 | 1.5 | 2;
}

/** Where a device is and how its bytes are framed. `rtu` on TCP is RTU over TCP. */
export type Endpoint =
  | {
      readonly type: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly framing: 'mbap' | 'rtu';
      readonly bus: BusSettings;
    }
  | {
      readonly type: 'udp';
      readonly host: string;
      readonly port: number;
      readonly framing: 'mbap';
      readonly bus: BusSettings;
    }
  | {
      readonly type: 'serial';
      readonly path: string;
      readonly framing: 'rtu' | 'ascii';
      readonly serial: SerialSettings;
      readonly bus: BusSettings;
    };

/** The name for people: host:port, or the serial device's path. */
export function endpointName(endpoint: Endpoint): string {
  if (endpoint.type === 'serial') return endpoint.path;
  return endpoint.host.includes(':')
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}

/** The same text for the same endpoint, once it is located: the bus is one per key. */
export function endpointKey(endpoint: Endpoint): string {
  return `${endpoint.type}://${endpoint.type === 'serial' ? endpoint.path : endpointName(endpoint).toLowerCase()}`;
}

/** The endpoint with a serial device's real path: links to it come and go, and several may lead to one device. */
export function locate(endpoint: Endpoint): Endpoint {
  if (endpoint.type !== 'serial') return endpoint;
  try {
    return { ...endpoint, path: realpathSync(endpoint.path) };
  } catch {
    // Not plugged in (or no file at all, as COM3): the path as written is the best name there is.
    return endpoint;
  }
}

/** Whether RTU's rules hold: no ids in replies, unit 0 is everybody. */
export function isSerialLine(endpoint: Endpoint): boolean {
  return endpoint.framing !== 'mbap';
}

/** The first link setting in which two uses of one endpoint differ, in words; undefined when they agree. */
export function settingsDifference(a: Endpoint, b: Endpoint): string | undefined {
  if (a === b) return undefined;
  const left = settingsOf(a);
  const right = settingsOf(b);
  const name = Object.keys(left).find((key) => left[key] !== right[key]);
  return name === undefined ? undefined : `${name} ${left[name]} and ${right[name]}`;
}

function settingsOf(endpoint: Endpoint): Record<string, string | number> {
  const serial = endpoint.type === 'serial' ? endpoint.serial : {};
  return { framing: endpoint.framing, delayAfterConnect: 0, ...endpoint.bus, ...serial };
}

/** The endpoint at another address: `host:port` or `tcp://host:port` (`udp://` for UDP), or a serial device's path. */
export function relocate(endpoint: Endpoint, server: string): Endpoint {
  if (endpoint.type === 'serial') {
    if (server.includes('://')) throw refusal(server, "a serial device's path");
    return { ...endpoint, path: server };
  }
  const match = /^(?:(tcp|udp):\/\/)?(?:\[([^\]]+)\]|([^:/[\]]+))(?::(\d{1,5}))?\/?$/.exec(server);
  const port = match?.[4] === undefined ? endpoint.port : Number(match[4]);
  const host = match?.[2] ?? match?.[3];
  const scheme = match?.[1] ?? endpoint.type;
  if (host === undefined || scheme !== endpoint.type || port < 1 || port > 65535) {
    throw refusal(server, `host:port or ${endpoint.type}://host:port`);
  }
  return { ...endpoint, host, port };
}

function refusal(server: string, expected: string): AppError {
  return new AppError('invalid_request', `server ${JSON.stringify(server)} is not ${expected}`);
}
