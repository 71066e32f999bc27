import { EventEmitter } from 'node:events';
import { messageOf } from '../../errors.ts';
import type { Endpoint } from './endpoint.ts';
import { createAscii, createMbap, type ModbusFraming } from './framing.ts';
import { inspectReply } from './inspect-reply.ts';
import { createLineTraits, noteRead, type LineTraits } from './line-traits.ts';
import {
  sendThrough,
  exchangeFailureOf,
  replyOf,
  type ClientCallback,
  type ModbusClass,
  type ModbusClient,
} from './modbus-serial.ts';
import {
  isRead,
  replyLength,
  type ExchangeFailure,
  type ModbusReply,
  type ModbusRequest,
} from './request.ts';
import { createRtu } from './rtu.ts';
import { ModbusStatus } from './status.ts';
import type { Transport } from './transport.ts';

/** The events of a connection. */
export interface ModbusConnectionEvents {
  /** Called once for each request that was sent, unless it was abandoned. */
  outcome(slot: number, outcome: ModbusReply | ExchangeFailure): void;
  /** The bytes that arrive make no sense any more: no request on its way is answered now. */
  broken(failure: ExchangeFailure): void;
  /**
   * Bytes arrived on a serial line that look like an answer and are not the answer. The answer may still come; `isOver`: it
   * is not likely, since nothing follows.
   */
  suspect(slot: number, failure: ExchangeFailure, isOver: boolean): void;
}

interface PendingRequest {
  slot: number;
  id: number;
  request: ModbusRequest;
  adu: Buffer;
  /** The line itself has repeated this request. */
  isEchoed: boolean;
}

/** The bytes that had arrived for a request that is given up. */
interface Abandoned {
  /** A part of a reply had come. */
  begun: boolean;
  /** The line itself had repeated the request, and no device had answered. */
  echoed: boolean;
}

/** The port of our own that modbus-serial writes to and reads from. */
type ModbusPort = EventEmitter & { _transactionIdRead: number; _transactionIdWrite: number };

/** An id is not used again while a late reply with it may come. The oldest of more ids are given up. */
const STALE_IDS_MAX_COUNT = 4096;
const EMPTY = Buffer.alloc(0);

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
  readonly #client: ModbusClient;
  readonly #traits: LineTraits;
  readonly #pending: PendingRequest[] = [];
  /** The ids of abandoned requests. */
  readonly #stale = new Set<number>();
  /** One callback a slot, so that none is made for each request. */
  readonly #callbacks: ClientCallback[] = [];
  #lastId = 0;

  constructor(
    Modbus: ModbusClass,
    endpoint: Endpoint,
    transport: Transport,
    events: ModbusConnectionEvents,
    traits: LineTraits = createLineTraits(),
  ) {
    this.transport = transport;
    this.#traits = traits;
    this.#endpoint = endpoint;
    this.#events = events;
    this.#framing = framings[endpoint.framing]({
      frame: (id, adu) => this.#onFrame(id, adu),
      broken: (failure) => this.#onBroken(failure),
      suspect: (failure, isOver) => this.#onSuspect(failure, isOver),
      awaited: () => this.#pending[0],
      lengthOf: (id) => this.#lengthOf(id),
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
    this.#pending.push({ slot, id: this.#nextId(), request, adu: EMPTY, isEchoed: false });
    this.#port._transactionIdWrite = slot;
    try {
      sendThrough(this.#client, request, this.#callbackOf(slot));
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

  /** Stops waiting on a slot: a reply that comes now belongs to no request. */
  abandon(slot: number): Abandoned {
    const item = this.#take(slot);
    if (item !== undefined && this.#endpoint.framing === 'mbap') {
      this.#stale.add(item.id);
      const [oldest] = this.#stale;
      if (this.#stale.size > STALE_IDS_MAX_COUNT && oldest !== undefined) this.#stale.delete(oldest);
    }
    const begun = this.#framing.partial > 0;
    if (this.#endpoint.framing !== 'mbap') this.#framing.reset();
    return { begun, echoed: item?.isEchoed === true };
  }

  /** The next id that no late reply can have. */
  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) & 0xffff;
    while (this.#stale.has(this.#lastId));
    return this.#lastId;
  }

  /** The length of a good answer to a transaction; 0 for one that was given up, undefined for one that was never sent. */
  #lengthOf(id: number): number | undefined {
    const item = this.#pending.find((each) => each.id === id);
    if (item !== undefined) return replyLength(item.request);
    return this.#stale.has(id) ? 0 : undefined;
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
      const outcome = error ? exchangeFailureOf(item.request, error) : replyOf(item.request, result);
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
    if (id === undefined) return this.#onLineFrame(adu);
    const item = this.#pending.find((each) => each.id === id);
    if (item === undefined) {
      // A late or repeated reply: its request has ended already.
      this.#stale.delete(id);
      return;
    }
    const wrong = inspectReply(item, adu);
    if (wrong === undefined) this.#deliver(item, adu);
    else if (wrong.status === ModbusStatus.BAD_RESPONSE) this.#onBroken(wrong);
    else {
      this.#take(item.slot);
      this.#events.outcome(item.slot, wrong);
    }
  }

  /** Takes a frame of a serial line. Its frames have no ids, so a frame that does not answer the request is passed over. */
  #onLineFrame(adu: Buffer): void {
    const [item] = this.#pending;
    if (item === undefined || this.#isEcho(item, adu)) return;
    const wrong = inspectReply(item, adu);
    if (wrong !== undefined) return this.#events.suspect(item.slot, wrong, false);
    if (isRead(item.request)) noteRead(this.#traits, item.isEchoed);
    this.#deliver(item, adu);
  }

  /**
   * Whether a frame is the line's own copy of the request. A good answer to FC 5 and FC 6 is such a copy too: on a line that
   * is known to echo the first copy is the line's, and the second one is the device's.
   */
  #isEcho(item: PendingRequest, adu: Buffer): boolean {
    if (!adu.equals(item.adu)) return false;
    const isAnswerToo = item.request.fc === 5 || item.request.fc === 6;
    if (!isAnswerToo) Object.assign(this.#traits, { echoes: true, readsWithoutEcho: 0 });
    const isEcho = !isAnswerToo || (this.#traits.echoes && !item.isEchoed);
    item.isEchoed ||= isEcho;
    return isEcho;
  }

  /** Has modbus-serial decode a reply, and hands it over. */
  #deliver(item: PendingRequest, adu: Buffer): void {
    this.#port._transactionIdRead = item.slot;
    this.#port.emit('data', adu);
  }

  #onSuspect(failure: ExchangeFailure, isOver: boolean): void {
    const [item] = this.#pending;
    if (item !== undefined) this.#events.suspect(item.slot, failure, isOver);
  }

  #onBroken(failure: ExchangeFailure): void {
    this.#pending.length = 0;
    this.#events.broken(failure);
  }
}

const framings = { mbap: createMbap, rtu: createRtu, ascii: createAscii };

/** Whether an outcome is a failure. */
export function isExchangeFailure(outcome: ModbusReply | ExchangeFailure): outcome is ExchangeFailure {
  return 'status' in outcome;
}

/** Whether a request goes to all units of a serial line: no unit answers it. */
export function isBroadcast(endpoint: Endpoint, request: ModbusRequest): boolean {
  return endpoint.framing !== 'mbap' && request.unit === 0 && !isRead(request);
}
