import { LRUCache } from 'lru-cache';
import { isObject } from '../common/json.ts';
import type { ToolResult } from '../core/message.ts';

/** What this node knows of a device from the calls that it made. */
export interface DeviceState {
  /** Whether the last call reached it; null before the first one. */
  reachable: boolean | null;
  /** Ms since the epoch; null before the first call. */
  lastCallAt: number | null;
  /** The message of the last call that failed; null when the last call did not fail. */
  lastError: string | null;
}

/** The last good result of a read. */
export interface KnownValue {
  result: ToolResult;
  /** Ms since the epoch. */
  at: number;
}

/** The values of a device that are kept, and the length of one, in characters of JSON. */
const VALUES_MAX_COUNT = 100;
const VALUE_MAX_CHARS = 16 * 1024;

const unknown: DeviceState = { reachable: null, lastCallAt: null, lastError: null };
/**
 * Codes after which nobody has answered: Node's, undici's and those of OpenModbus. A gateway that says that its unit is away
 * has answered; the device has not.
 */
const NOBODY_ANSWERED =
  /^(E[A-Z\d_]+|UND_ERR_.*|CONNECTION_FAILED|REQUEST_(TIMEOUT|TX_FAILED|RX_FAILED)|GATEWAY_(PATH|TARGET)_.*)$/;
/** Codes of calls that were not sent: the server's own, in small letters, and those of its drivers. */
const NOT_SENT =
  /^([a-z_]+|EGRESS_DENIED|INVALID_ARGUMENT|WRITE_NOT_ALLOWED|QUEUE_FULL|SERIALPORT_NOT_INSTALLED)$/;

/** The states of devices, from real calls. Nothing is asked for a state. */
export class DeviceStates {
  readonly #states = new Map<string, DeviceState>();
  readonly #values = new Map<string, LRUCache<string, KnownValue>>();
  readonly #noted = new Map<string, number>();

  /** The state of a device. */
  of(name: string): DeviceState {
    return this.#states.get(name) ?? unknown;
  }

  /** Notes the result of a call at a moment (ms since the epoch). A call that was not sent says nothing of its device. */
  reported(name: string, result: ToolResult, at: number): void {
    const { reachable, error } = readReach(result);
    if (reachable !== undefined) this.#states.set(name, { reachable, lastCallAt: at, lastError: error });
  }

  /** Notes the good result of a read, by the tool. A long result is not kept. */
  noteValue(name: string, tool: string, value: KnownValue): void {
    if (JSON.stringify(value.result).length > VALUE_MAX_CHARS) return;
    let values = this.#values.get(name);
    if (!values) this.#values.set(name, (values = new LRUCache({ max: VALUES_MAX_COUNT })));
    values.set(tool, value);
    this.#noted.set(name, this.notedCount(name) + 1);
  }

  /** How many values of a device were noted: a higher count says that its values are newer. */
  notedCount(name: string): number {
    return this.#noted.get(name) ?? 0;
  }

  /** The last good results of the reads of a device, by tool. */
  valuesOf(name: string): ReadonlyMap<string, KnownValue> {
    return new Map(this.#values.get(name)?.entries());
  }

  /** Forgets a device that was removed. */
  forget(name: string): void {
    this.#states.delete(name);
    this.#values.delete(name);
    this.#noted.delete(name);
  }
}

/** Whether the result of a call shows that its device answers, and its error in words; `reachable` is undefined for a call that was not sent. */
export function readReach({ error }: ToolResult): { reachable: boolean | undefined; error: string | null } {
  if (!isObject(error)) return { reachable: true, error: null };
  const { code, message, detail } = error;
  const text = typeof code === 'string' ? code : '';
  const said = [message, detail, code].find((each) => typeof each === 'string') ?? 'The call failed.';
  return { reachable: NOT_SENT.test(text) ? undefined : !NOBODY_ANSWERED.test(text), error: said };
}
