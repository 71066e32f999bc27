import type { JsonObject, JsonValue } from '../../../common/json.ts';
import { isSerialLine, type Endpoint } from '../../../drivers/modbus/endpoint.ts';
import { AppError } from '../../../errors.ts';
import type { Simulated } from '../../../simulate/simulated.ts';
import { readDocument } from '../read-document.ts';
import { listenTcp, listenUdp, type WireRequest } from './listen.ts';
import { ModbusDevice } from './modbus-device.ts';
import { listenPty } from './pty.ts';

/** How an OpenModbus document is served. */
interface SimulateModbusOptions {
  /** 127.0.0.1 by default. */
  host?: string;
  /** Any free port by default. */
  port?: number;
  /** Values at the start, by the name of a function. */
  values?: Record<string, JsonValue>;
  /** On a pseudo terminal instead, for a document of type rtu or ascii: at this path, or (`true`) at one of its own. */
  pty?: boolean | string;
  /** Lets the values that can only be read wander inside their range; `true`: once a second. */
  drift?: boolean | { everyMs: number; random: () => number };
}

/** A simulated Modbus device. A value has the name of the function that reads it, or that writes it where none reads it. */
export interface SimulatedModbus extends Simulated {
  /** Its TCP or UDP port; 0 on a pseudo terminal, whose path is `server`. */
  url: { host: string; port: number };
  state(): Record<string, JsonValue>;
}

const DRIFT_EVERY_MS = 1000;
/** The Modbus exception codes that a fault may have. */
const EXCEPTION_CODES = [1, 255] as const;

/**
 * Serves an OpenModbus document as a device on Modbus TCP (on UDP or as RTU over TCP, where the document says so). The
 * device has exactly the places of the document, keeps written values, and refuses values outside their ranges. Rejects
 * with a SpecError for a document that cannot be used, and when the port is taken. With `pty` the device is at the end of a
 * serial line (socat makes one), where nobody answers for a unit that does not exist.
 */
export async function simulateModbus(
  document: JsonObject,
  { host = '127.0.0.1', port = 0, values = {}, drift = false, pty = false }: SimulateModbusOptions = {},
): Promise<SimulatedModbus> {
  const { functions, server } = readDocument(document);
  const { endpoint } = server;
  const isSilent = pty !== false || (endpoint.type === 'tcp' && isSerialLine(endpoint));
  const device = new ModbusDevice(functions, values, isSilent);
  const listener = await listen(endpoint, { host, port, pty }, (request) => device.receive(request));
  if (drift !== false)
    device.startDrift(drift === true ? { everyMs: DRIFT_EVERY_MS, random: Math.random } : drift);
  return {
    url: { host, port: listener.port },
    server: listener.server,
    exceptionCodes: EXCEPTION_CODES,
    usedAt: () => device.usedAt,
    state: () => device.state(),
    value: (name) => device.value(name),
    set: (name, value) => device.set(name, value),
    fault: (next) => device.fault(next),
    async close() {
      device.stopTimers();
      await listener.close();
    },
  };
}

/** Opens the port or the pseudo terminal that the document asks for. */
async function listen(
  { type, framing }: Endpoint,
  { host, port, pty }: { host: string; port: number; pty: boolean | string },
  receive: (request: WireRequest) => void,
): Promise<{ server: string; port: number; close(): Promise<void> }> {
  if (pty !== false) {
    if (type !== 'serial')
      throw new AppError('invalid_request', 'a pty is for a document of type rtu or ascii');
    const line = await listenPty(framing, receive, pty === true ? undefined : pty);
    return { server: line.path, port: 0, close: () => line.close() };
  }
  const listener =
    type === 'udp'
      ? await listenUdp(host, port, receive)
      : await listenTcp(host, port, type === 'tcp' ? framing : 'mbap', receive);
  const server = `${host.includes(':') ? `[${host}]` : host}:${listener.port}`;
  return { server, port: listener.port, close: () => listener.close() };
}
