import { LRUCache } from 'lru-cache';
import { AppError, messageOf } from '../../errors.ts';
import type { Egress } from '../egress.ts';
import { ModbusBus } from './bus.ts';
import { endpointKey, endpointName, locate, settingsDifference, type Endpoint } from './endpoint.ts';
import type { BusCall } from './job.ts';
import type { ModbusLineOptions } from './line.ts';
import { createLineTraits, type LineTraits } from './line-traits.ts';
import type { ModbusClass } from './modbus-serial.ts';
import { ModbusError, type ModbusReply } from './request.ts';
import type { LoadSerialPort } from './transport.ts';
import { ModbusStatus, type StatusCode } from './status.ts';

/**
 * Carries Modbus calls: one bus per endpoint in the process.
 *
 * Contract:
 * - Every call ends by its deadline: with the last reply, or rejected with a ModbusError (or with the error of `nextRequest`).
 * - A write is sent at most once. A reply is given to no call but the one it answers.
 */
export interface ModbusDriver {
  /**
   * Reserves an endpoint for a document in use; throws an AppError `conflict` when another one uses it with other link
   * settings. Returns the way out.
   */
  reserve(endpoint: Endpoint): () => void;
  /** Whether the optional package `serialport` can be loaded. */
  serialInstalled(): Promise<boolean>;
  /** The last reply of a call; rejects with a ModbusError. */
  call(endpoint: Endpoint, call: BusCall): Promise<ModbusReply>;
  /** Closes every connection; calls that wait are rejected. */
  close(): Promise<void>;
}

/** The lines whose habits are remembered. */
const TRAITS_MAX_COUNT = 4096;

/** The things that the driver needs. */
interface ModbusOptions {
  /** Each connection goes through it. */
  egress: Egress;
  /** For specs: how `serialport` is found. */
  loadSerialPort?: LoadSerialPort;
}

/** Opens a driver without connections; modbus-serial and serialport are loaded when they are first needed. */
export function openModbus(options: ModbusOptions): ModbusDriver {
  return new BusDriver(options);
}

class BusDriver implements ModbusDriver {
  readonly #egress: Egress;
  readonly #options: ModbusLineOptions;
  readonly #buses = new Map<string, ModbusBus>();
  /** The endpoints that the loaded documents use, by key. */
  readonly #reserved = new Map<string, { endpoint: Endpoint; count: number }>();
  /** The keys of endpoints whose last document was released. Their buses may be replaced as soon as they rest. */
  readonly #released = new Set<string>();
  /** The buses that were replaced and still close, by key. */
  readonly #closing = new Map<string, Promise<void>>();
  /** The habits of lines. They outlive their buses: a session must not be able to make the driver forget them. */
  readonly #traits = new LRUCache<string, LineTraits>({ max: TRAITS_MAX_COUNT });
  #modbus: Promise<ModbusClass> | undefined;
  #serial: ReturnType<LoadSerialPort> | undefined;
  #closed = false;

  constructor({ egress, loadSerialPort = importSerialPort }: ModbusOptions) {
    this.#egress = egress;
    this.#options = {
      egress,
      loadModbus: () => (this.#modbus ??= importModbus()),
      loadSerialPort: () => (this.#serial ??= loadSerialPort()),
    };
  }

  async serialInstalled(): Promise<boolean> {
    try {
      await this.#options.loadSerialPort();
      return true;
    } catch {
      return false; // The caller says what to install.
    }
  }

  reserve(named: Endpoint): () => void {
    const endpoint = locate(named);
    const key = endpointKey(endpoint);
    const held = this.#reserved.get(key) ?? { endpoint, count: 0 };
    const difference = settingsDifference(held.endpoint, endpoint);
    if (difference !== undefined) {
      const where = endpointName(endpoint);
      throw new AppError(
        'conflict',
        `${where} is used by another document with other link settings: ${difference}`,
      );
    }
    held.count++;
    this.#reserved.set(key, held);
    if (this.#released.delete(key)) this.#replaceReleased(key, endpoint);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      held.count--;
      if (held.count > 0) return;
      this.#reserved.delete(key);
      if (this.#buses.has(key)) this.#released.add(key);
    };
  }

  async call(named: Endpoint, call: BusCall): Promise<ModbusReply> {
    if (this.#closed) throw refusal(named, call, ModbusStatus.CANCELLED, 'is shut down');
    if (named.type === 'serial') {
      await this.#checkSerial(named, call);
      // The driver may have been closed meanwhile. A bus that is opened now would stay open.
      if (this.#closed) throw refusal(named, call, ModbusStatus.CANCELLED, 'is shut down');
    }
    const endpoint = locate(named);
    const key = endpointKey(endpoint);
    const bus = this.#busOf(key, endpoint);
    const difference =
      settingsDifference(this.#reserved.get(key)?.endpoint ?? endpoint, endpoint) ??
      settingsDifference(bus.endpoint, endpoint);
    if (difference === undefined) return bus.call(call);
    const what = `is in use with other link settings: ${difference}`;
    throw refusal(named, call, ModbusStatus.CANNOT_CONNECT, what);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#closing.values(), ...[...this.#buses.values()].map((bus) => bus.close())]);
    this.#buses.clear();
  }

  /** Throws unless a serial device may be opened and the package for it is installed. */
  async #checkSerial(endpoint: Endpoint & { type: 'serial' }, call: BusCall): Promise<void> {
    try {
      this.#egress.checkSerial(endpoint.path);
    } catch (error) {
      throw refusal(endpoint, call, ModbusStatus.CANNOT_CONNECT, `may not be opened: ${messageOf(error)}`);
    }
    if (!(await this.serialInstalled()))
      throw refusal(endpoint, call, ModbusStatus.SERIALPORT_NOT_INSTALLED, serialMissing);
  }

  /** The bus of an endpoint. An unused bus with other settings is replaced. */
  #busOf(key: string, endpoint: Endpoint): ModbusBus {
    const known = this.#buses.get(key);
    const stale = known?.unused === true && settingsDifference(known.endpoint, endpoint) !== undefined;
    if (known !== undefined && !stale) return known;
    // Sessions name endpoints: the buses that nobody uses any more must not pile up.
    for (const [other, bus] of this.#buses) {
      if (!bus.unused || this.#reserved.has(other)) continue;
      this.#buses.delete(other);
      this.#released.delete(other);
    }
    const traits = this.#traits.get(key) ?? createLineTraits();
    this.#traits.set(key, traits);
    const after = this.#closing.get(key);
    const bus = new ModbusBus(endpoint, {
      ...this.#options,
      traits,
      ...(after === undefined ? {} : { after }),
    });
    this.#buses.set(key, bus);
    return bus;
  }

  /** Closes a bus whose documents are gone, when the next document wants other link settings. */
  #replaceReleased(key: string, endpoint: Endpoint): void {
    const bus = this.#buses.get(key);
    if (bus?.resting !== true || settingsDifference(bus.endpoint, endpoint) === undefined) return;
    this.#buses.delete(key);
    // A device that allows one connection must have seen the old one close before it sees the next.
    const closed = bus.close(true).then(() => void this.#closing.delete(key));
    this.#closing.set(key, closed);
  }
}

/** The advice for a machine without `serialport`. */
export const serialMissing =
  'needs the package serialport, which is not installed: run `npm install serialport` (TCP and UDP work without it)';

function refusal(endpoint: Endpoint, { request }: BusCall, status: StatusCode, what: string): ModbusError {
  return new ModbusError(status, `${endpointName(endpoint)} ${what}`, request, false);
}

async function importModbus(): Promise<ModbusClass> {
  const { default: ModbusRTU } = await import('modbus-serial');
  return ModbusRTU as unknown as ModbusClass;
}

function importSerialPort(): ReturnType<LoadSerialPort> {
  // Not a literal: the compiler would look for the package, which need not be there.
  const optional = 'serialport' as string;
  return import(optional) as ReturnType<LoadSerialPort>;
}
