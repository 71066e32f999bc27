import { createServer, type AddressInfo, type Socket } from 'node:net';
import { goodPdu } from './modbus-fake.ts';

export interface LineRequest {
  unit: number;
  fc: number;
  address: number;
  count: number;
  pdu: Buffer;
  /** The whole frame as it came: what an echo repeats. */
  bytes: Buffer;
  send(bytes: Buffer): void;
  /** Ends the connection. */
  end(): void;
}

/** A fake device whose frames have no ids: RTU or ASCII, over TCP (and so, through socat, over a pseudo terminal). */
export interface LineFake {
  readonly port: number;
  readonly requests: LineRequest[];
  readonly writes: LineRequest[];
  readonly accepted: number;
  behave: (request: LineRequest) => void;
  /** A whole frame for the line. */
  frame(unit: number, pdu: Buffer): Buffer;
  answer(request: LineRequest): void;
  close(): Promise<void>;
}

/** CRC-16 by the table of the specification's appendix, computed another way than the driver does. */
function crcOf(bytes: Buffer): Buffer {
  let crc = 0xffff;
  for (const byte of bytes) {
    let index = (crc ^ byte) & 0xff;
    for (let bit = 0; bit < 8; bit++) index = index % 2 === 1 ? Math.floor(index / 2) ^ 0xa001 : index / 2;
    crc = (crc >> 8) ^ index;
  }
  return Buffer.of(crc & 0xff, crc >> 8);
}

const framings = {
  rtu: {
    frame: (body: Buffer) => Buffer.concat([body, crcOf(body)]),
    /** Bytes of the first request, once it is whole. */
    length: (bytes: Buffer) => {
      const fc = bytes[1] ?? 0;
      const length = fc === 15 || fc === 16 ? 9 + (bytes[6] ?? 999) : 8;
      return bytes.length >= length ? length : 0;
    },
    body: (frame: Buffer) => frame.subarray(0, -2),
  },
  ascii: {
    frame: (body: Buffer) => {
      const sum = body.reduce((total, byte) => total + byte, 0);
      const hex = Buffer.concat([body, Buffer.of((256 - (sum % 256)) % 256)]).toString('hex');
      return Buffer.from(`:${hex.toUpperCase()}\r\n`);
    },
    length: (bytes: Buffer) => bytes.indexOf('\r\n') + 2 - (bytes.includes('\r\n') ? 0 : 1),
    body: (frame: Buffer) => Buffer.from(frame.toString('latin1', 1, frame.length - 4), 'hex'),
  },
};

/** Starts a fake on a free port of 127.0.0.1; it answers well until it is told otherwise. */
export async function startLineFake(framing: keyof typeof framings): Promise<LineFake> {
  const { frame, length, body } = framings[framing];
  const sockets = new Set<Socket>();
  const requests: LineRequest[] = [];
  const writes: LineRequest[] = [];
  let accepted = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let end = length(rest); end > 0; end = length(rest)) {
        const [unit = 0, ...pdu] = body(rest.subarray(0, end));
        const bytes = Buffer.from(pdu);
        const whole = Buffer.from(rest.subarray(0, end));
        rest = rest.subarray(end);
        const request: LineRequest = {
          unit,
          fc: bytes[0] ?? 0,
          address: bytes.readUInt16BE(1),
          count: bytes.readUInt16BE(3),
          pdu: bytes,
          bytes: whole,
          end: () => void socket.end(),
          send: (answer) => void (socket.writable && socket.write(answer)),
        };
        requests.push(request);
        if (request.fc > 4) writes.push(request);
        fake.behave(request);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const fake: LineFake = {
    port: (server.address() as AddressInfo).port,
    requests,
    writes,
    get accepted() {
      return accepted;
    },
    behave: (request) => fake.answer(request),
    frame: (unit, pdu) => frame(Buffer.concat([Buffer.of(unit), pdu])),
    answer: (request) => request.send(fake.frame(request.unit, goodPdu(request))),
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return fake;
}
