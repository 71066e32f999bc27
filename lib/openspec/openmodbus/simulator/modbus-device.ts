import type { JsonValue } from '../../../common/json.ts';
import { ModbusStatus } from '../../../drivers/modbus/status.ts';
import type { Storage } from '../../../drivers/modbus/request.ts';
import { AppError } from '../../../errors.ts';
import type { DeviceFault } from '../../../simulate/fault.ts';
import type { ModbusFunction } from '../read-document.ts';
import { decodeWords, driftedValue, encodeWords, fitsFunction, startValue } from './function-value.ts';
import type { WireRequest } from './listen.ts';
import { createModbusMemory } from './memory.ts';

/** Marks a reply as an exception [Modbus Application Protocol 1.1b3, 7]. */
const EXCEPTION_BIT = 0x80;

/** The device behind an OpenModbus document: its memory, its fault, and the values that wander. */
export class ModbusDevice {
  readonly #functions: readonly ModbusFunction[];
  readonly #isSilent: boolean;
  readonly #memory = createModbusMemory();
  /** The timers of answers that a fault delays. */
  readonly #delayed = new Set<NodeJS.Timeout>();
  #fault: DeviceFault | undefined;
  #usedAt = Date.now();
  #drift: NodeJS.Timeout | undefined;

  /** With `isSilent` nobody answers for a unit that does not exist, as on a serial line; else a gateway does. */
  constructor(
    functions: readonly ModbusFunction[],
    values: Readonly<Record<string, JsonValue>>,
    isSilent: boolean,
  ) {
    this.#functions = functions;
    this.#isSilent = isSilent;
    for (const entry of functions) {
      const { unit, storage, address, value } = entry;
      this.#memory.add(unit, storage, address, value.format.count);
    }
    // Reads come first: a place that is read and written starts as its write allows.
    const isWrite = ({ method }: ModbusFunction): number => Number(method === 'write');
    for (const entry of functions.toSorted((a, b) => isWrite(a) - isWrite(b))) {
      const start = startValue(entry);
      if (start !== undefined) this.#put(entry, start);
    }
    for (const [name, value] of Object.entries(values)) this.set(name, value);
  }

  /** When the last request came, in ms since the epoch; at first when the device began. */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** Answers a request, or fails as the fault says. */
  receive(request: WireRequest): void {
    this.#usedAt = Date.now();
    const fault = this.#fault;
    if (fault === undefined) return this.#answer(request);
    if (fault.kind === 'exception') request.reply(exceptionOf(request, fault.code));
    // Bytes of another protocol, as from a wrong port.
    else if (fault.kind === 'garbage') request.raw(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    else if (fault.kind === 'delay') {
      const timer = setTimeout(() => {
        this.#delayed.delete(timer);
        this.#answer(request);
      }, fault.ms);
      this.#delayed.add(timer);
    }
  }

  /** The values by the name of the function that reads them, or that writes them where none reads them. */
  state(): Record<string, JsonValue> {
    const shown = this.#functions.filter((entry) => entry.method === 'read' || !this.#isReadToo(entry));
    return Object.fromEntries(shown.map((entry) => [entry.name, this.#valueOf(entry)]));
  }

  /** The value of a function; undefined for an unknown name. */
  value(name: string): JsonValue | undefined {
    const entry = this.#functions.find((each) => each.name === name);
    return entry === undefined ? undefined : this.#valueOf(entry);
  }

  /** Puts a value in place. Throws an AppError: `not_found`, or `invalid_request` when the value does not fit. */
  set(name: string, value: JsonValue): void {
    const entry = this.#functions.find((each) => each.name === name);
    if (entry === undefined) throw new AppError('not_found', `the device has no function ${name}`);
    this.#put(entry, value);
  }

  /** Begins a fault; undefined ends it. */
  fault(fault: DeviceFault | undefined): void {
    this.#fault = fault;
  }

  /** Lets the values that can only be read wander; `random` gives numbers from 0 to 1. */
  startDrift({ everyMs, random }: { everyMs: number; random: () => number }): void {
    const measured = this.#functions.filter((entry) => this.#isReadOnly(entry));
    this.#drift = setInterval(() => {
      for (const entry of measured) {
        const next = driftedValue(entry, this.#valueOf(entry), random());
        if (next !== undefined) this.#put(entry, next);
      }
    }, everyMs);
  }

  /** Stops the drift and drops the answers that are delayed. */
  stopTimers(): void {
    clearInterval(this.#drift);
    for (const timer of this.#delayed) clearTimeout(timer);
  }

  /** Answers from the memory; a gateway answers for a unit that does not exist. */
  #answer(request: WireRequest): void {
    const { unit, pdu } = request;
    const reply = this.#memory.answer(unit, pdu, (...write) => this.#permit(unit, ...write));
    if (reply !== undefined) request.reply(reply);
    else if (!this.#isSilent) request.reply(exceptionOf(request, ModbusStatus.GATEWAY_TARGET_SILENT));
  }

  /** Exception 3 where a value that is written as a whole does not fit its function. A request may write several. */
  #permit(unit: number, storage: Storage, address: number, words: readonly number[]): number | undefined {
    const refused = this.#functions.some((entry) => {
      const from = entry.address - address;
      const { count } = entry.value.format;
      return (
        entry.method === 'write' &&
        entry.unit === unit &&
        entry.storage === storage &&
        from >= 0 &&
        from + count <= words.length &&
        !fitsFunction(entry, words.slice(from, from + count))
      );
    });
    return refused ? ModbusStatus.ILLEGAL_DATA_VALUE : undefined;
  }

  /** Writes a value to the memory. A value that is one bit keeps the other bits of its register. */
  #put(entry: ModbusFunction, value: JsonValue): void {
    const { unit, storage, address } = entry;
    const [before = 0] = this.#memory.get(unit, storage, address, 1);
    this.#memory.set(unit, storage, address, encodeWords(entry, value, before));
  }

  /** The value that the memory holds at the place of a function. */
  #valueOf(entry: ModbusFunction): JsonValue {
    const { unit, storage, address, value } = entry;
    return decodeWords(entry, this.#memory.get(unit, storage, address, value.format.count));
  }

  /** Whether no function writes to the place that a function reads. */
  #isReadOnly({ method, unit, storage, address, value: { format } }: ModbusFunction): boolean {
    const end = address + format.count;
    return (
      method === 'read' &&
      !this.#functions.some(
        (other) =>
          other.method === 'write' &&
          other.unit === unit &&
          other.storage === storage &&
          other.address < end &&
          address < other.address + other.value.format.count,
      )
    );
  }

  /** Whether another function reads the place that a function writes. */
  #isReadToo(write: ModbusFunction): boolean {
    return this.#functions.some(
      ({ method, unit, storage, address }) =>
        method === 'read' && unit === write.unit && storage === write.storage && address === write.address,
    );
  }
}

function exceptionOf({ pdu }: WireRequest, code: number): Buffer {
  return Buffer.of((pdu[0] ?? 0) | EXCEPTION_BIT, code);
}
