import type { EventEmitter } from 'node:events';
import type ModbusRTU from 'modbus-serial';
import { messageOf } from '../../errors.ts';
import type { ExchangeFailure, ModbusReply, ModbusRequest } from './request.ts';
import { ModbusStatus, statusOfException } from './status.ts';

/** The client class of the package modbus-serial. */
export type ModbusClass = new (port: EventEmitter) => ModbusRTU.default;

/** A client of the package: it encodes requests, and decodes replies. */
export type ModbusClient = ModbusRTU.default;

/** How modbus-serial hands over a reply: an exception with its code, a read with its data. */
export type ClientCallback = (
  error: (NodeJS.ErrnoException & { modbusCode?: number }) | null,
  result: { data?: (number | boolean)[] } | object,
) => void;

/** One empty list for all replies, since most of them have one. */
const NO_REGISTERS: readonly number[] = [];
const NO_BITS: readonly boolean[] = [];
const WRITTEN: ModbusReply = { registers: NO_REGISTERS, bits: NO_BITS, confirmed: 'echo' };

/** The failure in a reply: an exception of the device, or an answer that modbus-serial cannot decode. */
export function exchangeFailureOf(
  { fc }: ModbusRequest,
  error: NodeJS.ErrnoException & { modbusCode?: number },
): ExchangeFailure {
  const code = error.modbusCode;
  if (code === undefined)
    return { status: ModbusStatus.BAD_RESPONSE, what: `gave no usable answer: ${messageOf(error)}` };
  return { status: statusOfException(code), what: `refused (FC${fc}, exception ${code})` };
}

/** The reply as this driver hands it on; the echo of a write holds no data. */
export function replyOf({ fc }: ModbusRequest, result: { data?: (number | boolean)[] }): ModbusReply {
  if (fc > 4) return WRITTEN;
  const { data = [] } = result;
  return fc <= 2
    ? { registers: NO_REGISTERS, bits: data as boolean[], confirmed: 'echo' }
    : { registers: data as number[], bits: NO_BITS, confirmed: 'echo' };
}

/** Has modbus-serial encode and send a request; it gives `next` the decoded reply. */
export function sendThrough(client: ModbusClient, request: ModbusRequest, next: ClientCallback): void {
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
      // The package's types ask for lists that may be changed.
      return client.writeFC15(unit, address, [...request.bits], next);
    case 16:
      return client.writeFC16(unit, address, [...request.registers], next);
  }
}
