import type { ExchangeFailure } from './request.ts';
import { ModbusStatus } from './status.ts';

/**
 * Cuts the bytes that arrive into frames, and frames requests. Inside the program a frame has the form of modbus-serial:
 * unit, function, data, CRC-16.
 */
export interface ModbusFraming {
  /** The bytes for the wire. `id` (16 bits) is the transaction's, where the framing has one. */
  encode(adu: Buffer, id: number): Buffer;
  /** Takes the bytes that arrive, in any portions. */
  receive(chunk: Buffer): void;
  /** Forgets a frame that was begun. */
  reset(): void;
  /** Bytes of a frame that was begun. */
  readonly partial: number;
}

/** The frames in the bytes that arrive. */
interface ModbusFramingEvents {
  /** A whole frame whose checksum is right; `id` is undefined where the framing has none. */
  frame(id: number | undefined, adu: Buffer): void;
  /** The bytes that arrived are no frame: the bytes after them cannot be trusted. */
  broken(failure: ExchangeFailure): void;
}

const headerLength = 6;
const none = Buffer.alloc(0);

/** CRC-16 of a serial frame [Modbus over Serial ModbusLine 1.02, 2.5.1.2]. */
export function crc16(bytes: Buffer, length = bytes.length): number {
  let crc = 0xffff;
  for (let index = 0; index < length; index++) {
    crc ^= bytes[index] ?? 0;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

/** Longitudinal redundancy check [Modbus over Serial ModbusLine 1.02, 2.5.2.2]. */
function lrc(bytes: Buffer): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/** A frame in the form of modbus-serial: with a CRC-16 at its end. */
function withCrc(body: Buffer): Buffer {
  const adu = Buffer.allocUnsafe(body.length + 2);
  body.copy(adu);
  adu.writeUInt16LE(crc16(body), body.length);
  return adu;
}

/** Modbus TCP and UDP: a header with a transaction id and a length [Messaging on TCP/IP 1.0b, 3.1.3]. */
export function createMbap(events: ModbusFramingEvents): ModbusFraming {
  let rest: Buffer = none;
  const receive = (chunk: Buffer): void => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    rest = none;
    while (bytes.length >= headerLength) {
      const protocol = bytes.readUInt16BE(2);
      const length = bytes.readUInt16BE(4);
      if (protocol !== 0 || length < 3 || length > 254) {
        const what = protocol === 0 ? `length ${length}` : `protocol id ${protocol}`;
        events.broken({
          status: ModbusStatus.BAD_RESPONSE,
          what: `answered with a header that is not Modbus (${what})`,
        });
        return;
      }
      const end = headerLength + length;
      if (bytes.length < end) break;
      events.frame(bytes.readUInt16BE(0), withCrc(bytes.subarray(headerLength, end)));
      bytes = bytes.subarray(end);
    }
    rest = bytes;
  };
  return {
    encode(adu, id) {
      const bytes = Buffer.allocUnsafe(headerLength + adu.length - 2);
      bytes.writeUInt16BE(id, 0);
      bytes.writeUInt16BE(0, 2);
      bytes.writeUInt16BE(adu.length - 2, 4);
      adu.copy(bytes, headerLength, 0, adu.length - 2);
      return bytes;
    },
    receive,
    reset: () => void (rest = none),
    get partial() {
      return rest.length;
    },
  };
}

/** RTU: no header; a frame's length follows from its function [Modbus over Serial ModbusLine 1.02, 2.5.1]. */
export function createRtu(events: ModbusFramingEvents): ModbusFraming {
  let rest: Buffer = none;
  return {
    encode: (adu) => adu,
    receive(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      if (rest.length < 5) return;
      const length = rtuLength(rest);
      if (rest.length < length) return;
      const adu = rest.subarray(0, length);
      // Bytes behind an answer belong to no request.
      rest = none;
      if (crc16(adu, length - 2) === adu.readUInt16LE(length - 2)) events.frame(undefined, adu);
      else
        events.broken({ status: ModbusStatus.WRONG_CHECKSUM, what: 'answered with a wrong checksum (CRC)' });
    },
    reset: () => void (rest = none),
    get partial() {
      return rest.length;
    },
  };
}

function rtuLength(bytes: Buffer): number {
  const fc = bytes[1] ?? 0;
  if (fc >= 1 && fc <= 4) return 5 + (bytes[2] ?? 0);
  return fc === 5 || fc === 6 || fc === 15 || fc === 16 ? 8 : 5;
}

/** ASCII: ":", hexadecimal digits, LRC, CR LF [Modbus over Serial ModbusLine 1.02, 2.5.2]. */
export function createAscii(events: ModbusFramingEvents): ModbusFraming {
  const longest = 513;
  let text = '';
  const take = (line: string): void => {
    const start = line.lastIndexOf(':');
    if (start === -1) return;
    const digits = line.slice(start + 1);
    const bytes = Buffer.from(digits, 'hex');
    const body = bytes.subarray(0, -1);
    if (bytes.length * 2 !== digits.length || body.length < 3 || lrc(body) !== bytes.at(-1)) {
      events.broken({ status: ModbusStatus.WRONG_CHECKSUM, what: 'answered with a wrong checksum (LRC)' });
    } else events.frame(undefined, withCrc(body));
  };
  return {
    encode(adu) {
      const body = adu.subarray(0, -2);
      const hex = Buffer.concat([body, Buffer.of(lrc(body))])
        .toString('hex')
        .toUpperCase();
      return Buffer.from(`:${hex}\r\n`, 'latin1');
    },
    receive(chunk) {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        take(line);
      }
      if (text.length > longest) {
        text = '';
        events.broken({ status: ModbusStatus.BAD_RESPONSE, what: 'answered with a line that does not end' });
      }
    },
    reset: () => void (text = ''),
    get partial() {
      return text.length;
    },
  };
}
