import { crc16, createAscii } from '../../../drivers/modbus/framing.ts';
import type { WireRequest } from './listen.ts';

/** Bytes after such a pause begin a new frame. A real line needs 3.5 characters; a pseudo terminal is less exact. */
const SILENCE_MS = 50;

/** Takes chunks of a serial line (or of RTU over TCP) and hands over the requests in it. Other bytes are ignored. */
export function readSerial(
  framing: 'rtu' | 'ascii',
  send: (bytes: Buffer) => void,
  receive: (request: WireRequest) => void,
): (chunk: Buffer) => void {
  return framing === 'rtu' ? readRtu(send, receive) : readAscii(send, receive);
}

/** Reads ASCII frames; the framing of the driver serves both sides. */
function readAscii(
  send: (bytes: Buffer) => void,
  receive: (request: WireRequest) => void,
): (chunk: Buffer) => void {
  const framing = createAscii({
    // A device does not answer a request that it does not understand.
    broken: () => undefined,
    frame: (_, adu) =>
      receive(requestOf(adu, send, (body) => framing.encode(Buffer.concat([body, Buffer.alloc(2)]), 0))),
  });
  return (chunk) => framing.receive(chunk);
}

/** Reads RTU requests, whose length follows from their function. */
function readRtu(
  send: (bytes: Buffer) => void,
  receive: (request: WireRequest) => void,
): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let last = 0;
  const encode = (body: Buffer): Buffer => {
    const crc = crc16(body);
    return Buffer.concat([body, Buffer.of(crc & 0xff, crc >> 8)]);
  };
  return (chunk) => {
    const now = performance.now();
    // Silence ends a frame, also one that was cut short.
    rest = now - last > SILENCE_MS ? chunk : Buffer.concat([rest, chunk]);
    last = now;
    while (rest.length >= 8) {
      const fc = rest[1] ?? 0;
      // Writes of several values have the length of their data in the seventh byte. All other requests have eight bytes.
      const length = fc === 15 || fc === 16 ? 9 + (rest[6] ?? 0) : 8;
      if (rest.length < length) return;
      const adu = rest.subarray(0, length);
      rest = rest.subarray(length);
      if (crc16(adu, length - 2) === adu.readUInt16LE(length - 2)) receive(requestOf(adu, send, encode));
      // After a wrong checksum nobody knows where the next frame begins.
      else rest = Buffer.alloc(0);
    }
  };
}

/** A request in a frame, with the way to answer it. */
function requestOf(
  adu: Buffer,
  send: (bytes: Buffer) => void,
  encode: (body: Buffer) => Buffer,
): WireRequest {
  const unit = adu[0] ?? 0;
  return {
    unit,
    pdu: Buffer.from(adu.subarray(1, -2)),
    // Unit 0 means all units: no unit answers.
    reply: (pdu) => unit !== 0 && send(encode(Buffer.concat([Buffer.of(unit), pdu]))),
    raw: send,
  };
}
