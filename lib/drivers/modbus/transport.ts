import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { sleep, unlessAborted, withDeadline } from '../../common/deadline.ts';
import type { Egress } from '../egress.ts';
import { messageOf, toError } from '../../errors.ts';
import { endpointName, type Endpoint, type SerialSettings } from './endpoint.ts';

/** An open way to a device. It never throws: a failure is reported by `closed`, once. */
export interface Transport {
  /** Sends bytes. A failure is reported by `closed`. */
  write(bytes: Buffer): void;
  /** Closes, politely when `gently`; resolves when the device can accept the next connection. No event follows. */
  close(gently: boolean): Promise<void>;
}

/** The events of an open way to a device. */
interface TransportEvents {
  /** Bytes arrived. */
  data(chunk: Buffer): void;
  /** The other side is gone. `unsent`: bytes of a request may not have left. */
  closed(reason: string, unsent: boolean): void;
}

/** The part of the package `serialport` that the driver uses. The package is optional, so the build must not need its types. */
interface SerialPortPackage {
  SerialPort: new (options: SerialSettings & { path: string; autoOpen: boolean }) => Duplex & {
    readonly isOpen: boolean;
    open(callback: (error: Error | null) => void): void;
    close(callback: (error: Error | null) => void): void;
  };
}

/** Loads the optional package `serialport`; rejects when it is not installed. */
export type LoadSerialPort = () => Promise<SerialPortPackage>;

/** The things that opening a way needs. */
export interface TransportOptions {
  egress: Egress;
  loadSerialPort: LoadSerialPort;
  /** Gives up opening. */
  signal: AbortSignal;
}

/** How long a device may take to answer the end of a connection. */
const GENTLE_CLOSE_MS = 250;
/** How long a serial driver may take to close: the one of an unplugged adapter may never report it. */
const SERIAL_CLOSE_MS = 1000;

/** Opens the way to an endpoint within a time; rejects with an Error that says why it cannot. */
export async function openTransport(
  endpoint: Endpoint,
  options: TransportOptions,
  events: TransportEvents,
  timeoutMs: number,
): Promise<Transport> {
  const within = createLimit(timeoutMs, options.signal);
  if (endpoint.type === 'serial') return openSerial(endpoint, options, events, within);
  // The door resolves the name, so that the address that it checked is the one that is used.
  const resolved = options.egress.resolve(endpoint.host, endpoint.port);
  const { address, family } = await within(resolved, `${endpoint.host} was not resolved`);
  const open = endpoint.type === 'tcp' ? openTcp : openUdp;
  return open(address, family, endpoint.port, events, within);
}

/** The promise's outcome, or an Error when the time for all of them is over, or the signal is given. */
type Limit = <T>(promise: Promise<T>, what: string) => Promise<T>;

/** The time-out for all steps of opening together. */
function createLimit(timeoutMs: number, signal: AbortSignal): Limit {
  const end = performance.now() + timeoutMs;
  return (promise, what) => {
    const leftMs = Math.max(1, end - performance.now());
    const late = (): Error => new Error(`${what} within ${timeoutMs} ms`);
    return withDeadline(unlessAborted(promise, signal), leftMs, late);
  };
}

/** Opens a TCP connection. An error after the start is reported once, by `closed`. */
async function openTcp(
  address: string,
  family: 4 | 6,
  port: number,
  events: TransportEvents,
  within: Limit,
): Promise<Transport> {
  const socket = connect({ host: address, port, family, noDelay: true, keepAlive: true });
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let live = true;
  /** Reports the end of the connection, once: several events follow each other. */
  const lost = (reason: string): void => {
    if (!live) return;
    live = false;
    const unsent = socket.writableLength > 0;
    socket.destroy();
    events.closed(reason, unsent);
  };
  try {
    await within(
      new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject)),
      'no connection',
    );
  } catch (error) {
    // The caller gets the first error. A later one of the same socket must not end the process.
    socket.on('error', () => undefined).destroy();
    throw error;
  }
  socket.on('data', (chunk) => live && events.data(chunk));
  // A device that ends its side answers no more. To write to the other half would lose the request.
  socket.on('end', () => lost('connection closed by the device'));
  socket.on('error', (error) => lost(error.message));
  socket.on('close', () => lost('connection closed'));
  return {
    write: (bytes) => void socket.write(bytes),
    async close(gently) {
      live = false;
      if (!gently) socket.destroy();
      else {
        socket.end();
        const timer = setTimeout(() => socket.destroy(), GENTLE_CLOSE_MS);
        void gone.then(() => clearTimeout(timer));
      }
      await gone;
    },
  };
}

/** Opens a connected UDP socket, so that only the device's datagrams arrive. */
async function openUdp(
  address: string,
  family: 4 | 6,
  port: number,
  events: TransportEvents,
  within: Limit,
): Promise<Transport> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  const gone = new Promise<void>((resolve) => socket.once('close', resolve));
  let live = true;
  const lost = (reason: string): void => {
    if (!live) return;
    live = false;
    socket.close();
    events.closed(reason, false);
  };
  const ready = new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    // The system drops the datagrams of other hosts, and reports a port where nobody listens.
    socket.connect(port, address, resolve);
  });
  try {
    await within(ready, 'no connection');
  } catch (error) {
    socket.on('error', () => undefined).close();
    throw error;
  }
  socket.on('message', (chunk) => live && events.data(chunk));
  socket.on('error', (error) => lost(error.message));
  return {
    write: (bytes) => socket.send(bytes, (error) => void (error === null || lost(error.message))),
    async close() {
      if (live) socket.close();
      live = false;
      await gone;
    },
  };
}

/** Opens a serial device through the optional package `serialport`. */
async function openSerial(
  endpoint: Endpoint & { type: 'serial' },
  { loadSerialPort }: TransportOptions,
  events: TransportEvents,
  within: Limit,
): Promise<Transport> {
  const { SerialPort } = await loadSerialPort();
  const port = new SerialPort({ path: endpoint.path, ...endpoint.serial, autoOpen: false });
  const gone = new Promise<void>((resolve) => port.once('close', () => resolve()));
  let live = false;
  const lost = (reason: string): void => {
    if (!live) return;
    live = false;
    if (port.isOpen) port.close(() => undefined);
    events.closed(reason, port.writableLength > 0);
  };
  port.on('data', (chunk: Buffer) => live && events.data(chunk));
  port.on('error', (error) => lost(error.message));
  port.on('close', (error: unknown) => lost(error instanceof Error ? messageOf(error) : 'port closed'));
  const opened = new Promise<void>((resolve, reject) =>
    port.open((error) => (error ? reject(toError(error)) : resolve())),
  );
  try {
    await within(opened, `${endpointName(endpoint)} did not open`);
  } catch (error) {
    // A port that opens after all must not stay open: no line uses it.
    void opened.then(() => port.close(() => undefined)).catch(() => undefined);
    throw error;
  }
  live = true;
  return {
    write: (bytes) => void port.write(bytes),
    async close() {
      live = false;
      if (!port.isOpen) return;
      port.close(() => undefined);
      await Promise.race([gone, sleep(SERIAL_CLOSE_MS)]);
    },
  };
}
