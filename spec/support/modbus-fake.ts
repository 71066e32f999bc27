import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A request as it came in over Modbus TCP. */
export interface FakeRequest {
  id: number;
  unit: number;
  fc: number;
  address: number;
  /** The count; the value of a single write. */
  count: number;
  /** Function and data. */
  pdu: Buffer;
  socket: Socket;
}

/** A fake device on Modbus TCP, byte by byte: it does what it is told, right or wrong, and counts. */
export interface ModbusFake {
  readonly port: number;
  /** Connections accepted so far, and those open now. */
  readonly accepted: number;
  readonly open: ReadonlySet<Socket>;
  readonly requests: FakeRequest[];
  /** Requests that change something. */
  readonly writes: FakeRequest[];
  /** What it does with a request; at first it answers well. */
  behave: (request: FakeRequest) => void;
  /** What it does with a connection; at first nothing. */
  greet: (socket: Socket) => void;
  /** Stops listening and cuts every connection; the port may be used again. */
  close(): Promise<void>;
}

/** A good answer: registers hold their own addresses, coils are on at odd addresses, writes are echoed. */
export function goodReply({ id, unit, fc, address, count, pdu }: FakeRequest): Buffer {
  return adu(id, unit, goodPdu({ fc, address, count, pdu }));
}

/** The function and data of a good answer. */
export function goodPdu({
  fc,
  address,
  count,
  pdu,
}: Pick<FakeRequest, 'fc' | 'address' | 'count' | 'pdu'>): Buffer {
  if (fc > 4) return pdu.subarray(0, 5);
  const data = Buffer.alloc(fc <= 2 ? Math.ceil(count / 8) : count * 2);
  for (let index = 0; index < count; index++) {
    const at = address + index;
    if (fc >= 3) data.writeUInt16BE(at & 0xffff, index * 2);
    else if (at % 2 === 1) data[index >> 3] = (data[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return Buffer.concat([Buffer.of(fc, data.length), data]);
}

/** Function and data in a Modbus TCP frame. */
export function adu(id: number, unit: number, pdu: Buffer, protocol = 0): Buffer {
  const header = Buffer.alloc(7);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(protocol, 2);
  header.writeUInt16BE(pdu.length + 1, 4);
  header[6] = unit;
  return Buffer.concat([header, pdu]);
}

/** Answers well at once. */
export function answer(request: FakeRequest): void {
  request.socket.write(goodReply(request));
}

/** Starts a fake on a free port of 127.0.0.1, or on `port`. */
export async function startModbusFake(port = 0): Promise<ModbusFake> {
  const open = new Set<Socket>();
  const requests: FakeRequest[] = [];
  const writes: FakeRequest[] = [];
  let accepted = 0;
  const server: Server = createServer({ noDelay: true }, (socket) => {
    accepted++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 8 && rest.length >= 6 + rest.readUInt16BE(4)) {
        const pdu = rest.subarray(7, 6 + rest.readUInt16BE(4));
        const request: FakeRequest = {
          id: rest.readUInt16BE(0),
          unit: rest[6] ?? 0,
          fc: pdu[0] ?? 0,
          address: pdu.readUInt16BE(1),
          count: pdu.readUInt16BE(3),
          pdu: Buffer.from(pdu),
          socket,
        };
        rest = rest.subarray(6 + rest.readUInt16BE(4));
        requests.push(request);
        if (request.fc > 4) writes.push(request);
        fake.behave(request);
      }
    });
    fake.greet(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  const fake: ModbusFake = {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    open,
    requests,
    writes,
    behave: answer,
    greet: () => undefined,
    close() {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return fake;
}
