import { EventEmitter } from 'node:events';
import type ModbusRTU from 'modbus-serial';
import { messageOf } from '../../errors.ts';
import type { Endpoint } from './endpoint.ts';
import { createAscii, createMbap, createRtu, type ModbusFraming } from './framing.ts';
import {
  isRead,
  replyLength,
  type ExchangeFailure,
  type ModbusReply,
  type ModbusRequest,
} from './request.ts';
import { ModbusStatus, statusOfException } from './status.ts';
import type { Transport } from './transport.ts';

/** The client class of the package modbus-serial. */
export type ModbusClass = new (port: EventEmitter) => ModbusRTU.default;

/** The events of a connection. */
export interface ModbusConnectionEvents {
  /** Called once for each request that was sent, unless it was abandoned. */
  outcome(slot: number, outcome: ModbusReply | ExchangeFailure): void;
  /** The bytes that arrive make no sense any more: no request on its way is answered now. */
  broken(failure: ExchangeFailure): void;
}

interface PendingRequest {
  slot: number;
  id: number;
  request: ModbusRequest;
  /** The request's bytes, which the echo of a write repeats in part. */
  adu: Buffer;
}

/** The port of our own that modbus-serial writes to and reads from. */
type ModbusPort = EventEmitter & { _transactionIdRead: number; _transactionIdWrite: number };

/** An id is not used again while a late reply with it may come. The oldest of more ids are given up. */
const STALE_IDS_MAX_COUNT = 4096;
const EMPTY = Buffer.alloc(0);
const WRITTEN: ModbusReply = { registers: [], bits: [], confirmed: 'echo' };

/**
 * One connection to a device: it sends requests, and gives each request its own reply or the failure of it.
 *
 * It drives modbus-serial over a transport: modbus-serial encodes the requests and decodes the replies. It is given a port
 * of our own, because its ports have one-byte transaction ids, do not notice a lost connection, and accept late, foreign
 * and wrongly framed replies. Its transaction number is our slot; the 16-bit id on the wire is ours.
 */
export class ModbusConnection {
  readonly transport: Transport;
  readonly #endpoint: Endpoint;
  readonly #events: ModbusConnectionEvents;
  readonly #framing: ModbusFraming;
  readonly #port: ModbusPort;
  readonly #client: ModbusRTU.default;
  readonly #pending: PendingRequest[] = [];
  /** The ids of abandoned requests. */
  readonly #stale = new Set<number>();
  /** One callback a slot, so that none is made for each request. */
  readonly #callbacks: ClientCallback[] = [];
  #lastId = 0;

  constructor(Modbus: ModbusClass, endpoint: Endpoint, transport: Transport, events: ModbusConnectionEvents) {
    this.transport = transport;
    this.#endpoint = endpoint;
    this.#events = events;
    this.#framing = framings[endpoint.framing]({
      frame: (id, adu) => this.#onFrame(id, adu),
      broken: (failure) => this.#onBroken(failure),
    });
    this.#port = Object.assign(new EventEmitter(), {
      isOpen: true,
      _transactionIdRead: 1,
      _transactionIdWrite: 1,
      open: (callback: () => void) => callback(),
      write: (adu: Buffer) => this.#write(adu),
    });
    this.#client = new Modbus(this.#port);
    this.#client.open();
  }

  /** Sends a request on a slot (1 to `maxInFlight`) on which no request waits for its reply. */
  send(slot: number, request: ModbusRequest): void {
    this.#pending.push({ slot, id: this.#nextId(), request, adu: EMPTY });
    this.#port._transactionIdWrite = slot;
    try {
      encodeRequest(this.#client, request, this.#callbackOf(slot));
    } catch (error) {
      this.#take(slot);
      const what = `cannot be encoded: ${messageOf(error)}`;
      this.#events.outcome(slot, { status: ModbusStatus.INVALID_ARGUMENT, what });
    }
  }

  /** Takes the bytes that arrive. */
  receive(chunk: Buffer): void {
    // RTU and ASCII have no ids: bytes that arrive while nobody waits are noise, an echo or a late reply.
    if (this.#pending.length === 0 && this.#endpoint.framing !== 'mbap') return this.#framing.reset();
    // A datagram is a whole frame, or none.
    if (this.#endpoint.type === 'udp') this.#framing.reset();
    this.#framing.receive(chunk);
  }

  /** Stops waiting on a slot: a reply that comes now is nobody's. True when a part of a reply had come. */
  abandon(slot: number): boolean {
    const item = this.#take(slot);
    if (item !== undefined && this.#endpoint.framing === 'mbap') {
      this.#stale.add(item.id);
      const [oldest] = this.#stale;
      if (this.#stale.size > STALE_IDS_MAX_COUNT && oldest !== undefined) this.#stale.delete(oldest);
    }
    const begun = this.#framing.partial > 0;
    if (this.#endpoint.framing !== 'mbap') this.#framing.reset();
    return begun;
  }

  /** The next id that no late reply can have. */
  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) & 0xffff;
    while (this.#stale.has(this.#lastId));
    return this.#lastId;
  }

  #take(slot: number): PendingRequest | undefined {
    const index = this.#pending.findIndex((item) => item.slot === slot);
    return index === -1 ? undefined : this.#pending.splice(index, 1)[0];
  }

  /** The callback with which modbus-serial hands over the reply of a slot. */
  #callbackOf(slot: number): ClientCallback {
    return (this.#callbacks[slot] ??= (error, result) => {
      const item = this.#take(slot);
      if (item === undefined) return;
      const outcome = error ? failureOf(item.request, error) : replyOf(item.request, result);
      this.#events.outcome(slot, outcome);
    });
  }

  /** Sends the bytes that modbus-serial encoded, with our id. */
  #write(adu: Buffer): void {
    const item = this.#pending.at(-1);
    if (item === undefined) return;
    item.adu = adu;
    this.transport.write(this.#framing.encode(adu, item.id));
  }

  /** Finds the request of a frame, and checks that the frame answers it. */
  #onFrame(id: number | undefined, adu: Buffer): void {
    const item = id === undefined ? this.#pending[0] : this.#pending.find((each) => each.id === id);
    if (item === undefined) {
      // A late or repeated reply: its request has ended already.
      this.#stale.delete(id ?? -1);
      return;
    }
    const wrong = inspectReply(item, adu);
    if (wrong === undefined) {
      this.#port._transactionIdRead = item.slot;
      this.#port.emit('data', adu);
    } else if (wrong.status === ModbusStatus.BAD_RESPONSE) this.#onBroken(wrong);
    else {
      this.#take(item.slot);
      this.#events.outcome(item.slot, wrong);
    }
  }

  #onBroken(failure: ExchangeFailure): void {
    this.#pending.length = 0;
    this.#events.broken(failure);
  }
}

const framings = { mbap: createMbap, rtu: createRtu, ascii: createAscii };

/** The fault of a reply; undefined when it answers the request. */
function inspectReply({ request, adu: sent }: PendingRequest, adu: Buffer): ExchangeFailure | undefined {
  const [unit, fc = 0, third = 0] = adu;
  const length = adu.length - 2;
  if (unit !== request.unit) return { status: ModbusStatus.WRONG_UNIT, what: `answered as unit ${unit}` };
  if (fc !== request.fc && fc !== (request.fc | 0x80)) {
    return {
      status: ModbusStatus.WRONG_FUNCTION,
      what: `answered with function ${fc} instead of ${request.fc}`,
    };
  }
  const expected = fc === request.fc ? replyLength(request) : 3;
  if (length !== expected || (fc <= 4 && third !== expected - 3)) {
    return {
      status: ModbusStatus.BAD_RESPONSE,
      what: `answered with ${length} bytes instead of ${expected}`,
    };
  }
  // The echo of a write: the address, and the value (FC 5, 6) or the count (FC 15, 16).
  if (fc > 4 && fc < 0x80 && adu.compare(sent, 2, 6, 2, 6) !== 0) {
    return { status: ModbusStatus.BAD_RESPONSE, what: 'answered with the echo of another write' };
  }
  return undefined;
}

/** How modbus-serial hands over a reply: an exception with its code, a read with its data. */
type ClientCallback = (
  error: (NodeJS.ErrnoException & { modbusCode?: number }) | null,
  result: { data?: (number | boolean)[] } | object,
) => void;

/** The failure in a reply: an exception of the device, or an answer that modbus-serial cannot decode. */
function failureOf(
  { fc }: ModbusRequest,
  error: NodeJS.ErrnoException & { modbusCode?: number },
): ExchangeFailure {
  const code = error.modbusCode;
  if (code === undefined)
    return { status: ModbusStatus.BAD_RESPONSE, what: `gave no usable answer: ${messageOf(error)}` };
  return { status: statusOfException(code), what: `refused (FC${fc}, exception ${code})` };
}

/** The reply as this driver hands it on; the echo of a write holds no data. */
function replyOf({ fc }: ModbusRequest, result: { data?: (number | boolean)[] }): ModbusReply {
  if (fc > 4) return WRITTEN;
  const { data = [] } = result;
  return fc <= 2
    ? { registers: WRITTEN.registers, bits: data as boolean[], confirmed: 'echo' }
    : { registers: data as number[], bits: WRITTEN.bits, confirmed: 'echo' };
}

/** Has modbus-serial encode and send a request; it gives `next` the decoded reply. */
function encodeRequest(client: ModbusRTU.default, request: ModbusRequest, next: ClientCallback): void {
  const { unit, address, count, fc } = request;
  switch (fc) {
    case 1:
      return client.writeFC1(unit, address, count, next);
    case 2:
      return client.writeFC2(unit, address, count, next);
    case 3:
      return client.writeFC3(unit, address, count, next);
    case 4:
      return client.writeFC4(unit, address, count, next);
    case 5:
      return client.writeFC5(unit, address, request.bits[0] === true, next);
    case 6:
      return client.writeFC6(unit, address, request.registers[0] ?? 0, next);
    case 15:
      return client.writeFC15(unit, address, [...request.bits], next);
    case 16:
      return client.writeFC16(unit, address, [...request.registers], next);
  }
}

/** Whether an outcome is a failure. */
export function isExchangeFailure(outcome: ModbusReply | ExchangeFailure): outcome is ExchangeFailure {
  return 'status' in outcome;
}

/** Whether a request goes to all units of a serial line: no unit answers it. */
export function isBroadcast(endpoint: Endpoint, request: ModbusRequest): boolean {
  return endpoint.framing !== 'mbap' && request.unit === 0 && !isRead(request);
}
