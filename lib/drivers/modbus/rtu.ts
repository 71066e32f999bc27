import { crc16, EXCEPTION_BIT, type ModbusFraming, type ModbusFramingEvents } from './framing.ts';
import { isRead, replyLength, type ExchangeFailure, type SentRequest } from './request.ts';
import { ModbusStatus } from './status.ts';

const NONE = Buffer.alloc(0);
const CRC_BYTES = 2;
/** Unit, function, exception code, CRC. It is also the shortest frame. */
const EXCEPTION_BYTES = 5;
/** Unit, function, address, value or count, CRC: the answer to a write. */
const ECHO_BYTES = 8;
/** The longest frame has 256 bytes [Modbus over Serial Line 1.02, 2.5.1]. More noise than this before it is forgotten. */
const KEPT_MAX_BYTES = 1024;

/** The bytes at one place: a frame, the beginning of one, or noise. */
type Match =
  | { kind: 'frame'; length: number }
  | { kind: 'foreign'; length: number }
  | { kind: 'part' | 'foreignPart' | 'spoilt' | 'noise' };

const PART: Match = { kind: 'part' };
const FOREIGN_PART: Match = { kind: 'foreignPart' };
const SPOILT: Match = { kind: 'spoilt' };
const NOISE: Match = { kind: 'noise' };

const WRONG_CHECKSUM: ExchangeFailure = {
  status: ModbusStatus.WRONG_CHECKSUM,
  what: 'answered with a wrong checksum (CRC)',
};

/**
 * RTU: frames without a header [Modbus over Serial Line 1.02, 2.5.1]. Lines have noise, and some adapters repeat every
 * request. So the answer is looked for in all bytes that arrive: it has the unit, the function and the length that the
 * request asks for, and a right CRC. The bytes before it are passed over; the bytes behind it belong to no request.
 */
export function createRtu(events: ModbusFramingEvents): ModbusFraming {
  return new RtuFraming(events);
}

class RtuFraming implements ModbusFraming {
  readonly #events: ModbusFramingEvents;
  #rest: Buffer = NONE;
  #partial = 0;
  /** A frame of the awaited unit and function came with a wrong CRC. */
  #isSpoilt = false;

  constructor(events: ModbusFramingEvents) {
    this.#events = events;
  }

  /** Bytes that may be the beginning of the answer. Noise does not count. */
  get partial(): number {
    return this.#partial;
  }

  encode(adu: Buffer): Buffer {
    return adu;
  }

  reset(): void {
    this.#rest = NONE;
    this.#partial = 0;
    this.#isSpoilt = false;
  }

  receive(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = NONE;
    this.#partial = 0;
    this.#search(bytes.length > KEPT_MAX_BYTES ? bytes.subarray(-KEPT_MAX_BYTES) : bytes);
  }

  /** Hands over every frame in the bytes, and keeps the bytes that may be the beginning of one. */
  #search(bytes: Buffer): void {
    let keepFrom: number | undefined;
    let at = 0;
    while (at < bytes.length) {
      const sent = this.#events.awaited?.();
      if (sent === undefined) return this.reset();
      const match = matchRtu(bytes.subarray(at), sent);
      if (match.kind === 'frame' || match.kind === 'foreign') {
        this.#events.frame(undefined, bytes.subarray(at, at + match.length));
        at += match.length;
        keepFrom = undefined;
        continue;
      }
      if (match.kind === 'part' || match.kind === 'foreignPart') keepFrom ??= at;
      if (match.kind === 'part') {
        this.#partial = bytes.length - at;
        break;
      }
      this.#isSpoilt ||= match.kind === 'spoilt';
      at++;
    }
    if (this.#events.awaited?.() === undefined) return this.reset();
    if (keepFrom !== undefined) this.#rest = bytes.subarray(keepFrom);
    if (this.#isSpoilt) this.#events.suspect?.(WRONG_CHECKSUM, this.#partial === 0);
  }
}

/** Compares the bytes with the answers that a request can have, and with the request itself, which some lines repeat. */
function matchRtu(bytes: Buffer, { request, adu }: SentRequest): Match {
  const [unit, fc] = bytes;
  const isCopy = startsWith(bytes, adu);
  if (isCopy) return { kind: 'frame', length: adu.length };
  const mayBeCopy = bytes.length < adu.length && startsWith(adu, bytes);
  if (unit === request.unit) {
    if (fc === undefined) return PART;
    const length = ownLength(bytes, request);
    if (length === undefined) return PART;
    if (length > 0) {
      if (bytes.length < length) return PART;
      // A copy of a read that is cut here by chance must not be taken for a value.
      if (isRightFrame(bytes, length)) return mayBeCopy && isRead(request) ? PART : { kind: 'frame', length };
      return mayBeCopy ? PART : SPOILT;
    }
  }
  if (mayBeCopy) return PART;
  const length = foreignLength(bytes);
  if (length === undefined || bytes.length < length) return FOREIGN_PART;
  return isRightFrame(bytes, length) ? { kind: 'foreign', length } : NOISE;
}

/** The length of the answer that begins here; undefined while a byte is missing to tell, 0 for something else. */
function ownLength([, fc, dataBytes]: Buffer, request: SentRequest['request']): number | undefined {
  if (fc === (request.fc | EXCEPTION_BIT)) return EXCEPTION_BYTES;
  if (fc !== request.fc) return 0;
  const length = replyLength(request);
  if (!isRead(request)) return length + CRC_BYTES;
  if (dataBytes === undefined) return undefined;
  // Unit, function and count stand before the data.
  return dataBytes === length - 3 ? length + CRC_BYTES : 0;
}

/** The length of the answer to any request that may begin here; undefined while a byte is missing to tell. */
function foreignLength([, fc = 0, dataBytes]: Buffer): number | undefined {
  if (dataBytes === undefined) return undefined;
  if (fc >= 1 && fc <= 4) return EXCEPTION_BYTES + dataBytes;
  return fc === 5 || fc === 6 || fc === 15 || fc === 16 ? ECHO_BYTES : EXCEPTION_BYTES;
}

function startsWith(bytes: Buffer, beginning: Buffer): boolean {
  return (
    bytes.length >= beginning.length &&
    bytes.compare(beginning, 0, beginning.length, 0, beginning.length) === 0
  );
}

function isRightFrame(bytes: Buffer, length: number): boolean {
  const body = length - CRC_BYTES;
  return crc16(bytes, body) === bytes.readUInt16LE(body);
}
