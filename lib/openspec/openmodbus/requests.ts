import { mapBigints } from '../../common/exact-numbers.ts';
import type { JsonObject, JsonValue } from '../../common/json.ts';
import { encodeBits, encodeRegisters } from '../../drivers/modbus/codec.ts';
import { endpointName, type Endpoint } from '../../drivers/modbus/endpoint.ts';
import { crc16 } from '../../drivers/modbus/framing.ts';
import type { ModbusRequest } from '../../drivers/modbus/request.ts';
import { readFunctionOf, type ModbusFunction } from './read-document.ts';
import type { Value } from './read-value.ts';

/** The request that reads the value of a function. */
export function readRequest({ unit, storage, address, value }: ModbusFunction): ModbusRequest {
  return { fc: readFunctionOf(storage), unit, address, count: value.format.count };
}

/** The request that writes a value; `before` is the register as it is. */
export function writeRequest(entry: ModbusFunction, wanted: JsonValue, before: number): ModbusRequest {
  const { unit, address, value, writeFunction } = entry;
  const place = { unit, address, count: value.format.count };
  if (writeFunction === 5 || writeFunction === 15) {
    return { fc: writeFunction, ...place, bits: encodeBits(value.format, wanted) };
  }
  return { fc: writeFunction ?? 16, ...place, registers: encodeRegisters(value.format, wanted, before) };
}

/** A parameter's name as model APIs accept it: one in other letters is called `value`. */
export function keyOf({ name }: Value): string {
  return /^[a-zA-Z0-9_.-]{1,64}$/.test(name) ? name : 'value';
}

/**
 * What a function would send, for people; `frame` is the whole frame in hex, with its checksum on a serial line, and with the
 * transaction 0 on TCP and UDP.
 */
export function previewFunction(entry: ModbusFunction, endpoint: Endpoint, args: JsonObject): JsonObject {
  const wanted = (mapBigints(args, String) as JsonObject)[keyOf(entry.value)];
  // Without a value there is only the place to show, as a read.
  const isWrite = entry.method === 'write' && wanted !== undefined;
  const request = isWrite ? writeRequest(entry, wanted, 0) : readRequest(entry);
  const pdu = pduOf(request);
  const isShared = isWrite && entry.value.format.bit !== undefined;
  return {
    endpoint: endpointName(endpoint),
    functionCode: request.fc,
    unit: request.unit,
    address: request.address,
    ...('registers' in request && { values: [...request.registers] }),
    ...('bits' in request && { values: [...request.bits] }),
    frame: frameOf(endpoint, request.unit, pdu).toString('hex'),
    ...(isShared && { note: 'The register is read first, and its other bits are kept.' }),
  };
}

/** The function code and its data [Modbus Application Protocol 1.1b3, 6]. */
function pduOf(request: ModbusRequest): Buffer {
  const head = Buffer.alloc(3);
  head.writeUInt8(request.fc, 0);
  head.writeUInt16BE(request.address, 1);
  if ('registers' in request) {
    const values = Buffer.alloc(request.registers.length * 2);
    request.registers.forEach((register, index) => values.writeUInt16BE(register, index * 2));
    // Function 6 writes one register and has no count.
    return request.fc === 6
      ? Buffer.concat([head, values])
      : withCount(head, request.registers.length, values);
  }
  if ('bits' in request) {
    // On is FF00, off is 0000 [Modbus Application Protocol 1.1b3, 6.5].
    if (request.fc === 5) return Buffer.concat([head, Buffer.from(request.bits[0] ? [0xff, 0] : [0, 0])]);
    const values = Buffer.alloc(Math.ceil(request.bits.length / 8));
    request.bits.forEach((bit, index) => {
      if (bit) values[index >> 3]! |= 1 << (index & 7);
    });
    return withCount(head, request.bits.length, values);
  }
  const count = Buffer.alloc(2);
  count.writeUInt16BE(request.count);
  return Buffer.concat([head, count]);
}

/** A write of several values: their count and the length of their bytes come first. */
function withCount(head: Buffer, count: number, values: Buffer): Buffer {
  const counts = Buffer.alloc(3);
  counts.writeUInt16BE(count, 0);
  counts.writeUInt8(values.length, 2);
  return Buffer.concat([head, counts, values]);
}

/** The frame around a function and its data. ASCII is shown before it becomes hexadecimal digits. */
function frameOf(endpoint: Endpoint, unit: number, pdu: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from([unit]), pdu]);
  if (endpoint.framing === 'ascii') {
    // The LRC [Modbus over Serial Line 1.02, 2.5.2.2].
    const sum = body.reduce((total, byte) => total + byte, 0);
    return Buffer.concat([body, Buffer.from([-sum & 0xff])]);
  }
  if (endpoint.framing === 'rtu') {
    const sum = Buffer.alloc(2);
    sum.writeUInt16LE(crc16(body));
    return Buffer.concat([body, sum]);
  }
  // The header of Modbus TCP: transaction 0, protocol 0, the length from the unit on.
  const header = Buffer.alloc(6);
  header.writeUInt16BE(body.length, 4);
  return Buffer.concat([header, body]);
}
