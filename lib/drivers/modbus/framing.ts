import type { ExchangeFailure, SentRequest } from './request.ts';
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

/** The frames in the bytes that arrive. The optional members are for the side that waits for answers; a device has none. */
export interface ModbusFramingEvents {
  /** A whole frame whose checksum is right; `id` is undefined where the framing has none. */
  frame(id: number | undefined, adu: Buffer): void;
  /** The bytes that arrived are no frame: the bytes after them cannot be trusted. */
  broken(failure: ExchangeFailure): void;
  /**
   * Bytes were passed over that are not the answer, though they look like one. `isOver`: nothing else has begun to arrive
   * behind them. It is called again with each chunk until the answer comes.
   */
  suspect?(failure: ExchangeFailure, isOver: boolean): void;
  /** The request whose answer a serial line waits for. */
  awaited?(): SentRequest | undefined;
  /**
   * The bytes from the unit to the end that a good answer to a transaction has; 0 for a transaction that was given up,
   * undefined for one that was never sent.
   */
  lengthOf?(id: number): number | undefined;
}

/** The first bytes of an HTTP answer, where a web server got the request. */
const HTTP_START = Buffer.from('HTTP');
const NONE = Buffer.alloc(0);
/** Marks a reply as an exception [Modbus Application Protocol 1.1b3, 7]. */
export const EXCEPTION_BIT = 0x80;
/** Transaction, protocol and length, two bytes each [Messaging on TCP/IP 1.0b, 3.1.3]. The unit is counted with the data. */
const HEADER_BYTES = 6;
/** Unit, function and exception code: every exception has this size. */
const EXCEPTION_BYTES = 3;
/** The most that the header's length may say: the unit and 253 bytes of data [Modbus Application Protocol 1.1b3, 4.1]. */
const LENGTH_MAX = 254;

/** CRC-16 of a serial frame [Modbus over Serial Line 1.02, 2.5.1.2]. */
export function crc16(bytes: Buffer, length = bytes.length): number {
  let crc = 0xffff;
  for (let index = 0; index < length; index++) {
    crc ^= bytes[index] ?? 0;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

/** Longitudinal redundancy check [Modbus over Serial Line 1.02, 2.5.2.2]. */
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
  return new MbapFraming(events);
}

class MbapFraming implements ModbusFraming {
  readonly #events: ModbusFramingEvents;
  #rest: Buffer = NONE;
  /** So many bytes behind an exception were promised by its wrong length. Nobody knows whether they come. */
  #paddingMaxCount = 0;

  constructor(events: ModbusFramingEvents) {
    this.#events = events;
  }

  get partial(): number {
    return this.#rest.length;
  }

  encode(adu: Buffer, id: number): Buffer {
    const bytes = Buffer.allocUnsafe(HEADER_BYTES + adu.length - 2);
    bytes.writeUInt16BE(id, 0);
    bytes.writeUInt16BE(0, 2);
    bytes.writeUInt16BE(adu.length - 2, 4);
    adu.copy(bytes, HEADER_BYTES, 0, adu.length - 2);
    return bytes;
  }

  reset(): void {
    this.#rest = NONE;
    this.#paddingMaxCount = 0;
  }

  receive(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = NONE;
    while (bytes.length >= HEADER_BYTES) {
      const start = this.#startOf(bytes);
      if (start === undefined) break;
      bytes = bytes.subarray(start);
      const length = this.#inspect(bytes);
      if (typeof length === 'object') return this.#events.broken(length);
      if (length === undefined || bytes.length < HEADER_BYTES + length) break;
      const end = HEADER_BYTES + length;
      this.#events.frame(bytes.readUInt16BE(0), withCrc(bytes.subarray(HEADER_BYTES, end)));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }

  /** The length of the frame at the start of the bytes; undefined while more bytes must tell, a failure for no frame. */
  #inspect(bytes: Buffer): number | ExchangeFailure | undefined {
    const protocol = bytes.readUInt16BE(2);
    const length = bytes.readUInt16BE(4);
    if (bytes.subarray(0, HTTP_START.length).equals(HTTP_START))
      return notModbus('this looks like an HTTP server: is it the right port?');
    if (protocol !== 0) return notModbus(`protocol id ${protocol}`);
    const expected = this.#events.lengthOf?.(bytes.readUInt16BE(0));
    if (expected !== undefined) {
      if (bytes.length < HEADER_BYTES + 2) return undefined;
      // Devices send exceptions with a wrong length. Their size is known, so the length is not needed.
      if (((bytes[HEADER_BYTES + 1] ?? 0) & EXCEPTION_BIT) !== 0) {
        this.#paddingMaxCount = Math.min(Math.max(0, length - EXCEPTION_BYTES), LENGTH_MAX);
        return EXCEPTION_BYTES;
      }
    }
    if (length < EXCEPTION_BYTES || length > LENGTH_MAX) return notModbus(`length ${length}`);
    // The bytes that are too many may never come. To wait for them would only make the failure late.
    if (expected !== undefined && expected > 0 && length > expected)
      return {
        status: ModbusStatus.BAD_RESPONSE,
        what: `answered with ${length} bytes instead of ${expected}`,
      };
    return length;
  }

  /** The start of the next frame. It is 0 unless an exception promised more bytes than it has; undefined while unknown. */
  #startOf(bytes: Buffer): number | undefined {
    const most = this.#paddingMaxCount;
    for (let start = 0; start <= most; start++) {
      if (bytes.length < start + HEADER_BYTES) return undefined;
      const isKnown = this.#events.lengthOf?.(bytes.readUInt16BE(start)) !== undefined;
      if (most > 0 && !(isKnown && bytes.readUInt16BE(start + 2) === 0)) continue;
      this.#paddingMaxCount = 0;
      return start;
    }
    this.#paddingMaxCount = 0;
    return most;
  }
}

function notModbus(detail: string): ExchangeFailure {
  return {
    status: ModbusStatus.BAD_RESPONSE,
    what: `answered with a header that is not Modbus (${detail})`,
  };
}

/** ASCII: ":", hexadecimal digits, LRC, CR LF [Modbus over Serial Line 1.02, 2.5.2]. */
export function createAscii(events: ModbusFramingEvents): ModbusFraming {
  /** ":", 2 × 255 digits, and CR LF: a line that is longer has no end. */
  const longest = 513;
  let text = '';
  const take = (line: string): void => {
    // Characters before the last ":" are noise, or a frame that broke off.
    const start = line.lastIndexOf(':');
    if (start === -1) return;
    const digits = line.slice(start + 1);
    const bytes = Buffer.from(digits, 'hex');
    const body = bytes.subarray(0, -1);
    if (bytes.length * 2 !== digits.length || body.length < 3 || lrc(body) !== bytes.at(-1)) {
      events.suspect?.(
        { status: ModbusStatus.WRONG_CHECKSUM, what: 'answered with a wrong checksum (LRC)' },
        true,
      );
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
