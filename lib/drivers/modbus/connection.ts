import { EventEmitter } from 'node:events';
import type ModbusRTU from 'modbus-serial';
import { messageOf } from '../../errors.ts';
import type { Endpoint } from './endpoint.ts';
import { createAscii, createMbap, createRtu, type FramingEvents } from './framing.ts';
import { isRead, replyLength, type Failure, type ModbusReply, type ModbusRequest } from './request.ts';
import { statusOfException } from './status.ts';
import type { Transport } from './transport.ts';

/** The client class of the package modbus-serial. */
export type ModbusClass = new (port: EventEmitter) => ModbusRTU.default;

/** Called once per request that was sent, unless it was abandoned. */
export type Done = (outcome: ModbusReply | Failure) => void;

/** One connection to a device: sends requests and gives each the reply that is its own, or what was wrong with it. */
export interface Connection {
  /** `slot` 1 to `maxInFlight` is free: no request sent on it waits for a reply. */
  send(slot: number, request: ModbusRequest, done: Done): void;
  receive(chunk: Buffer): void;
  /** Stops waiting on a slot: a reply that comes now is nobody's. True when a part of a reply had come. */
  abandon(slot: number): boolean;
  readonly transport: Transport;
}

interface Pending {
  slot: number;
  id: number;
  request: ModbusRequest;
  done: Done;
  /** The request's bytes, which the echo of a write repeats in part. */
  adu: Buffer;
}

const none = Buffer.alloc(0);
const written: ModbusReply = { registers: [], bits: [], confirmed: 'echo' };

/**
 * Drives modbus-serial over a transport. modbus-serial encodes the requests and decodes the replies; it is given a port
 * of our own, because its ports have one-byte transaction ids, do not notice a lost connection, and accept late,
 * foreign and wrongly framed replies. Its own transaction number is our slot; the 16-bit id on the wire is ours.
 *
 * @param onBroken told when the bytes on the connection make no sense any more; no request that waits is answered then.
 */
export function createConnection(
  Modbus: ModbusClass,
  endpoint: Endpoint,
  transport: Transport,
  onBroken: (failure: Failure) => void,
): Connection {
  const pending: Pending[] = [];
  let lastId = 0;
  let sending: Pending | undefined;

  const port = Object.assign(new EventEmitter(), {
    isOpen: true,
    _transactionIdRead: 1,
    _transactionIdWrite: 1,
    open: (callback: () => void) => callback(),
    write(adu: Buffer) {
      if (sending === undefined) return;
      sending.adu = adu;
      transport.write(framing.encode(adu, sending.id));
    },
  });

  const finish = (item: Pending, outcome: ModbusReply | Failure): void => {
    const index = pending.indexOf(item);
    if (index === -1) return;
    pending.splice(index, 1);
    item.done(outcome);
  };

  const events: FramingEvents = {
    frame(id, adu) {
      const item = pending.find((each) => id === undefined || each.id === id);
      // A late or repeated reply: whoever asked has been answered.
      if (item === undefined) return;
      const wrong = inspect(item, adu);
      if (wrong === undefined) {
        port._transactionIdRead = item.slot;
        port.emit('data', adu);
      } else if (wrong.status === 243) events.broken(wrong);
      else finish(item, wrong);
    },
    broken(failure) {
      pending.length = 0;
      onBroken(failure);
    },
  };
  const framing = framings[endpoint.framing](events);
  const client = new Modbus(port);
  client.open();

  return {
    transport,
    send(slot, request, done) {
      lastId = (lastId + 1) & 0xffff;
      const item: Pending = { slot, id: lastId, request, done, adu: none };
      pending.push(item);
      sending = item;
      port._transactionIdWrite = slot;
      try {
        encode(client, request, (outcome) => finish(item, outcome));
      } catch (error) {
        finish(item, { status: 224, what: `cannot be asked for: ${messageOf(error)}` });
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
      const index = pending.findIndex((item) => item.slot === slot);
      if (index !== -1) pending.splice(index, 1);
      const begun = framing.partial > 0;
      if (endpoint.framing !== 'mbap') framing.reset();
      return begun;
    },
  };
}

const framings = { mbap: createMbap, rtu: createRtu, ascii: createAscii };

/** What is wrong with a reply; undefined when it answers the request. */
function inspect({ request, adu: sent }: Pending, adu: Buffer): Failure | undefined {
  const [unit, fc = 0, third = 0] = adu;
  const length = adu.length - 2;
  if (unit !== request.unit) return { status: 244, what: `answered as unit ${unit}` };
  if (fc !== request.fc && fc !== (request.fc | 0x80)) {
    return { status: 245, what: `answered with function ${fc} instead of ${request.fc}` };
  }
  const expected = fc === request.fc ? replyLength(request) : 3;
  if (length !== expected || (fc <= 4 && third !== expected - 3)) {
    return { status: 243, what: `answered with ${length} bytes instead of ${expected}` };
  }
  // The echo of a write: the address, and the value (FC 5, 6) or the count (FC 15, 16).
  if (fc > 4 && fc < 0x80 && adu.compare(sent, 2, 6, 2, 6) !== 0) {
    return { status: 243, what: 'answered with the echo of another write' };
  }
  return undefined;
}

/** Has modbus-serial send a request, and decode its reply for `done`. */
function encode(client: ModbusRTU.default, request: ModbusRequest, done: Done): void {
  const { unit, address, count, fc } = request;
  const reply = <T>(outcome: (result: T) => ModbusReply) => {
    return (error: (NodeJS.ErrnoException & { modbusCode?: number }) | null, result: T): void => {
      if (!error) done(outcome(result));
      else if (error.modbusCode === undefined) {
        done({ status: 243, what: `gave no usable answer: ${messageOf(error)}` });
      } else {
        const status = statusOfException(error.modbusCode);
        done({ status, what: `refused (FC${fc}, exception ${error.modbusCode})` });
      }
    };
  };
  const toBits = reply<{ data: boolean[] }>(({ data }) => ({ ...written, bits: data }));
  const toRegisters = reply<{ data: number[] }>(({ data }) => ({ ...written, registers: data }));
  const toEcho = reply<unknown>(() => written);
  switch (fc) {
    case 1:
      return client.writeFC1(unit, address, count, toBits);
    case 2:
      return client.writeFC2(unit, address, count, toBits);
    case 3:
      return client.writeFC3(unit, address, count, toRegisters);
    case 4:
      return client.writeFC4(unit, address, count, toRegisters);
    case 5:
      return client.writeFC5(unit, address, request.bits[0] === true, toEcho);
    case 6:
      return client.writeFC6(unit, address, request.registers[0] ?? 0, toEcho);
    case 15:
      return client.writeFC15(unit, address, [...request.bits], toEcho);
    case 16:
      return client.writeFC16(unit, address, [...request.registers], toEcho);
  }
}

/** Whether an outcome is a failure. */
export function isFailure(outcome: ModbusReply | Failure): outcome is Failure {
  return 'status' in outcome;
}

/** Whether a request asks everybody on the line, and so nobody answers. */
export function isBroadcast(endpoint: Endpoint, request: ModbusRequest): boolean {
  return endpoint.framing !== 'mbap' && request.unit === 0 && !isRead(request);
}
