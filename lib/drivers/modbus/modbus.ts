import { AppError, messageOf } from '../../errors.ts';
import type { Egress } from '../egress.ts';
import { openBus, type Bus } from './bus.ts';
import type { ModbusClass } from './connection.ts';
import { endpointKey, endpointName, locate, settingsDifference, type Endpoint } from './endpoint.ts';
import type { BusCall } from './job.ts';
import { ModbusError, type ModbusReply } from './request.ts';
import type { LoadSerialPort } from './transport.ts';
import { ModbusStatus, type StatusCode } from './status.ts';

/**
 * Carries Modbus calls: one bus per endpoint in the process.
 *
 * Contract:
 * - Every call ends by its deadline: with the last reply, or rejected with a ModbusError (or with what `nextRequest` threw).
 * - A write is sent at most once. A reply is given to no call but the one it answers.
 */
export interface ModbusDriver {
  /** Reserves an endpoint for a document; a `conflict` when another one uses it with other link settings. Returns the way out. */
  reserve(endpoint: Endpoint): () => void;
  /** Whether the optional package `serialport` can be loaded. */
  serialInstalled(): Promise<boolean>;
  call(endpoint: Endpoint, call: BusCall): Promise<ModbusReply>;
  /** Closes every connection; calls that wait are rejected. */
  close(): Promise<void>;
}

export interface ModbusOptions {
  egress: Egress;
  /** For specs: how `serialport` is found. */
  loadSerialPort?: LoadSerialPort;
}

/** A driver without connections yet; modbus-serial and serialport are loaded when they are first needed. */
export function openModbus({ egress, loadSerialPort = importSerialPort }: ModbusOptions): ModbusDriver {
  const buses = new Map<string, Bus>();
  const reserved = new Map<string, { endpoint: Endpoint; count: number }>();
  let modbus: Promise<ModbusClass> | undefined;
  let serial: ReturnType<LoadSerialPort> | undefined;
  let closed = false;

  const options = {
    egress,
    loadModbus: () => (modbus ??= importModbus()),
    loadSerialPort: () => (serial ??= loadSerialPort()),
  };

  const serialInstalled = async (): Promise<boolean> => {
    try {
      await options.loadSerialPort();
      return true;
    } catch {
      return false;
    }
  };

  const busOf = (key: string, endpoint: Endpoint): Bus => {
    const known = buses.get(key);
    const stale = known?.unused === true && settingsDifference(known.endpoint, endpoint) !== undefined;
    if (known !== undefined && !stale) return known;
    // Endpoints are named by sessions: those nobody uses any more must not pile up.
    for (const [other, bus] of buses) if (bus.unused && !reserved.has(other)) buses.delete(other);
    const bus = openBus(endpoint, options);
    buses.set(key, bus);
    return bus;
  };

  return {
    serialInstalled,
    reserve(named) {
      const endpoint = locate(named);
      const key = endpointKey(endpoint);
      const held = reserved.get(key) ?? { endpoint, count: 0 };
      const difference = settingsDifference(held.endpoint, endpoint);
      if (difference !== undefined) {
        throw new AppError(
          'conflict',
          `${endpointName(endpoint)} is used by another document with other link settings: ${difference}`,
        );
      }
      held.count++;
      reserved.set(key, held);
      let released = false;
      return () => {
        if (released) return;
        released = true;
        held.count--;
        if (held.count === 0) reserved.delete(key);
      };
    },
    async call(named, call) {
      if (closed) throw refusal(named, call, ModbusStatus.CANCELLED, 'is shut down');
      if (named.type === 'serial') {
        try {
          egress.checkSerial(named.path);
        } catch (error) {
          throw refusal(named, call, ModbusStatus.CANNOT_CONNECT, `may not be opened: ${messageOf(error)}`);
        }
        if (!(await serialInstalled()))
          throw refusal(named, call, ModbusStatus.SERIALPORT_NOT_INSTALLED, serialMissing);
      }
      const endpoint = locate(named);
      const key = endpointKey(endpoint);
      const bus = busOf(key, endpoint);
      const difference =
        settingsDifference(reserved.get(key)?.endpoint ?? endpoint, endpoint) ??
        settingsDifference(bus.endpoint, endpoint);
      if (difference !== undefined) {
        throw refusal(
          named,
          call,
          ModbusStatus.CANNOT_CONNECT,
          `is in use with other link settings: ${difference}`,
        );
      }
      return bus.call(call);
    },
    async close() {
      closed = true;
      await Promise.all([...buses.values()].map((bus) => bus.close()));
      buses.clear();
    },
  };
}

/** What to do when `serialport` is missing. */
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
