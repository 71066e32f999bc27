import type { BusSettings, Endpoint } from '../../drivers/modbus/endpoint.ts';
import type { Fields } from './fields.ts';

/** The settings of a document for its device as a whole. Times in ms. */
export interface ServerSettings {
  /** The address in the document. A session may use another one. */
  readonly endpoint: Endpoint;
  /** For one reply; a function may have its own. */
  readonly timeout: number;
  readonly connectTimeout: number;
  /** Further attempts of a read that got no usable answer. A write has none. */
  readonly retries: number;
  /** Writes are refused before anything is sent. */
  readonly readOnly: boolean;
  /** Reads that are asked for together and touch go in one request. */
  readonly coalesce: boolean;
}

const DAY_MS = 86_400_000;
/** A pause, which may be none. */
const time = { min: 0, max: DAY_MS };
/** A time-out: 0 would end every call. */
const timeLimit = { min: 1, max: DAY_MS };

/** The longest time that a call may take, waiting included, in ms [contract OpenModbus: The bus]. */
export const callDeadlineMs = 10_000;

/** Reads `server`; undefined when it has faults (they are noted). */
export function readServer(document: Fields): ServerSettings | undefined {
  const server = document.object('server');
  if (server === undefined) {
    if (!document.has('server')) document.coded('server', 'missing');
    return undefined;
  }
  const type = server.choice('type', ['tcp', 'udp', 'rtu', 'ascii']);
  if (!server.has('type')) server.coded('type', 'missing_wanted', { wanted: 'tcp, udp, rtu or ascii' });
  const config = server.object('config');
  if (!server.has('config')) server.coded('config', 'missing');
  server.finish();
  if (type === undefined || config === undefined) return undefined;

  const serial = type === 'rtu' || type === 'ascii';
  const framing = config.choice('framing', ['rtu']);
  if (framing !== undefined && type !== 'tcp') config.fault('framing', 'is for type tcp (RTU over TCP)');
  const timeout = config.integer('timeout', timeLimit) ?? 3000;
  if (timeout > callDeadlineMs) config.warn(`timeout: a call ends after ${callDeadlineMs} ms in any case`);
  const connectTimeout = config.integer('connectTimeout', timeLimit) ?? 3000;
  const retries = config.integer('retries', { min: 0, max: 10 }) ?? 1;
  // A slave may need 3.5 characters of silence and time to turn its driver around [Modbus over Serial Line 1.02, 2.5.1.1].
  const bus: BusSettings = {
    requestDelay: config.integer('requestDelay', time) ?? (serial ? 30 : 0),
    idleTimeout: config.integer('idleTimeout', time) ?? 60_000,
    maxInFlight: config.integer('maxInFlight', { min: 1, max: 16 }) ?? 1,
    delayAfterConnect: config.integer('delayAfterConnect', time) ?? 0,
  };
  if ((bus.delayAfterConnect ?? 0) >= callDeadlineMs)
    config.warn(`delayAfterConnect: a call ends after ${callDeadlineMs} ms in any case, waiting included`);
  if (bus.maxInFlight > 1 && (type !== 'tcp' || framing === 'rtu')) {
    config.fault('maxInFlight', 'more than 1 is for Modbus TCP: other replies carry no transaction id');
  }
  const readOnly = config.flag('readOnly');
  const coalesce = config.flag('coalesce');
  const endpoint = serial ? readSerial(config, type, bus) : readSocket(config, type, framing ?? 'mbap', bus);
  config.finish();
  if (endpoint === undefined) return undefined;
  return { endpoint, timeout, connectTimeout, retries, readOnly, coalesce };
}

/** Reads the endpoint of type tcp or udp; undefined when its host has a fault. */
function readSocket(
  config: Fields,
  type: 'tcp' | 'udp',
  framing: 'mbap' | 'rtu',
  bus: BusSettings,
): Endpoint | undefined {
  const url = config.text('url');
  const port = config.integer('port', { min: 1, max: 65535 }) ?? 502;
  // Published examples write the host as a bare name, as a URL, and in brackets.
  const host =
    url
      ?.trim()
      .replace(/^(tcp|udp|modbus):\/\//, '')
      .replace(/^\[(.*)\]$/, '$1') ?? '';
  if (host === '' || /[\s/?#@]/.test(host)) {
    const code = config.has('url') ? 'must_be' : 'missing_wanted';
    config.coded('url', code, { wanted: 'a host name or an IP address' });
    return undefined;
  }
  if (type === 'tcp') return { type, host, port, framing, bus };
  return { type, host, port, framing: 'mbap', bus };
}

/** Reads the endpoint of type rtu or ascii; undefined when its path is missing. */
function readSerial(config: Fields, framing: 'rtu' | 'ascii', bus: BusSettings): Endpoint | undefined {
  const path = config.text('port') ?? '';
  if (path === '')
    config.coded('port', 'must_be', {
      wanted: 'the path or name of a serial device, as /dev/ttyUSB0 or COM3',
    });
  const serial = {
    baudRate: config.integer('baudRate', { min: 50, max: 4_000_000 }) ?? 9600,
    parity: config.choice('parity', ['none', 'even', 'odd', 'mark', 'space']) ?? 'none',
    dataBits: config.choice('dataBits', [5, 6, 7, 8]) ?? 8,
    stopBits: config.choice('stopBits', [1, 1.5, 2]) ?? 1,
  } as const;
  // Eight data bits carry a byte of RTU; ASCII sends hexadecimal digits, so seven are enough [Modbus over Serial Line 1.02, 2.5.1, 2.5.2].
  if (framing === 'rtu' && serial.dataBits !== 8)
    config.coded('dataBits', 'must_be', { wanted: '8 for RTU' });
  return path === '' ? undefined : { type: 'serial', path, framing, serial, bus };
}
