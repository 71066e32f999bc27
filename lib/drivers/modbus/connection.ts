import { EventEmitter } from 'node:events';
import type ModbusRTU from 'modbus-serial';
import { messageOf } from '../../errors.ts';
import type { Endpoint } from './endpoint.ts';
import { createAscii, createMbap, createRtu, type ModbusFramingEvents } from './framing.ts';
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

/** One connection to a device: sends requests and gives each the reply that is its own, or what was wrong with it. */
export interface ModbusConnection {
  /** `slot` 1 to `maxInFlight` is free: no request sent on it waits for a reply. */
  send(slot: number, request: ModbusRequest): void;
  receive(chunk: Buffer): void;
  /** Stops waiting on a slot: a reply that comes now is nobody's. True when a part of a reply had come. */
  abandon(slot: number): boolean;
  readonly transport: Transport;
}

export interface ModbusConnectionEvents {
  /** Told once per request that was sent, unless it was abandoned. */
  outcome(slot: number, outcome: ModbusReply | ExchangeFailure): void;
  /** What arrives makes no sense any more; no request that waits is answered now. */
  broken(failure: ExchangeFailure): void;
}

interface Pending {
  slot: number;
  id: number;
  request: ModbusRequest;
  /** The request's bytes, which the echo of a write repeats in part. */
  adu: Buffer;
}

/** Ids of replies that may still come late are not used again; the oldest of more are given up on. */
const staleMax = 4096;
const none = Buffer.alloc(0);
const written: ModbusReply = { registers: [], bits: [], confirmed: 'echo' };

/**
 * Drives modbus-serial over a transport. modbus-serial encodes the requests and decodes the replies; it is given a port
 * of our own, because its ports have one-byte transaction ids, do not notice a lost connection, and accept late,
 * foreign and wrongly framed replies. Its own transaction number is our slot; the 16-bit id on the wire is ours.
 */
export function createModbusConnection(
  Modbus: ModbusClass,
  endpoint: Endpoint,
  transport: Transport,
  { outcome, broken }: ModbusConnectionEvents,
): ModbusConnection {
  const pending: Pending[] = [];
  const stale = new Set<number>();
  const callbacks: Callback[] = [];
  let lastId = 0;

  const nextId = (): number => {
    do lastId = (lastId + 1) & 0xffff;
    while (stale.has(lastId));
    return lastId;
  };

  const take = (slot: number): Pending | undefined => {
    const index = pending.findIndex((item) => item.slot === slot);
    return index === -1 ? undefined : pending.splice(index, 1)[0];
  };

  /** One callback a slot, so that none is made for each request. */
  const callbackOf = (slot: number): Callback =>
    (callbacks[slot] ??= (error, result) => {
      const item = take(slot);
      if (item !== undefined)
        outcome(slot, error ? failureOf(item.request, error) : replyOf(item.request, result));
    });

  const port = Object.assign(new EventEmitter(), {
    isOpen: true,
    _transactionIdRead: 1,
    _transactionIdWrite: 1,
    open: (callback: () => void) => callback(),
    write(adu: Buffer) {
      const item = pending.at(-1);
      if (item === undefined) return;
      item.adu = adu;
      transport.write(framing.encode(adu, item.id));
    },
  });

  const events: ModbusFramingEvents = {
    frame(id, adu) {
      const item = id === undefined ? pending[0] : pending.find((each) => each.id === id);
      if (item === undefined) {
        // A late or repeated reply: whoever asked has been answered.
        stale.delete(id ?? -1);
        return;
      }
      const wrong = inspect(item, adu);
      if (wrong === undefined) {
        port._transactionIdRead = item.slot;
        port.emit('data', adu);
      } else if (wrong.status === ModbusStatus.BAD_RESPONSE) events.broken(wrong);
      else {
        take(item.slot);
        outcome(item.slot, wrong);
      }
    },
    broken(failure) {
      pending.length = 0;
      broken(failure);
    },
  };
  const framing = framings[endpoint.framing](events);
  const client = new Modbus(port);
  client.open();

  return {
    transport,
    send(slot, request) {
      pending.push({ slot, id: nextId(), request, adu: none });
      port._transactionIdWrite = slot;
      try {
        encode(client, request, callbackOf(slot));
      } catch (error) {
        take(slot);
        outcome(slot, {
          status: ModbusStatus.INVALID_ARGUMENT,
          what: `cannot be asked for: ${messageOf(error)}`,
        });
      }
    },
    receive(chunk) {
      // RTU and ASCII have no ids: what arrives while nobody waits is noise, an echo or a late reply.
      if (pending.length === 0 && endpoint.framing !== 'mbap') framing.reset();
      else {
        // A datagram is a whole frame, or none.
        if (endpoint.type === 'udp') framing.reset();
        framing.receive(chunk);
      }
    },
    abandon(slot) {
      const item = take(slot);
      if (item !== undefined && endpoint.framing === 'mbap') {
        stale.add(item.id);
        const [oldest] = stale;
        if (stale.size > staleMax && oldest !== undefined) stale.delete(oldest);
      }
      const begun = framing.partial > 0;
      if (endpoint.framing !== 'mbap') framing.reset();
      return begun;
    },
  };
}

const framings = { mbap: createMbap, rtu: createRtu, ascii: createAscii };

/** What is wrong with a reply; undefined when it answers the request. */
function inspect({ request, adu: sent }: Pending, adu: Buffer): ExchangeFailure | undefined {
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

/** How modbus-serial tells of a reply: an exception has its code, a read its data, the echo of a write has been checked. */
type Callback = (
  error: (NodeJS.ErrnoException & { modbusCode?: number }) | null,
  result: { data?: (number | boolean)[] } | object,
) => void;

function failureOf(
  { fc }: ModbusRequest,
  error: NodeJS.ErrnoException & { modbusCode?: number },
): ExchangeFailure {
  const code = error.modbusCode;
  if (code === undefined)
    return { status: ModbusStatus.BAD_RESPONSE, what: `gave no usable answer: ${messageOf(error)}` };
  return { status: statusOfException(code), what: `refused (FC${fc}, exception ${code})` };
}

function replyOf({ fc }: ModbusRequest, result: { data?: (number | boolean)[] }): ModbusReply {
  if (fc > 4) return written;
  const { data = [] } = result;
  return fc <= 2
    ? { registers: written.registers, bits: data as boolean[], confirmed: 'echo' }
    : { registers: data as number[], bits: written.bits, confirmed: 'echo' };
}

/** Has modbus-serial encode and send a request; it gives `next` the decoded reply. */
function encode(client: ModbusRTU.default, request: ModbusRequest, next: Callback): void {
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

/** Whether a request asks everybody on the line, and so nobody answers. */
export function isBroadcast(endpoint: Endpoint, request: ModbusRequest): boolean {
  return endpoint.framing !== 'mbap' && request.unit === 0 && !isRead(request);
}
