import { createSocket } from 'node:dgram';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createMbap } from '../../../drivers/modbus/framing.ts';
import { readSerial } from './serial.ts';

/** A request for a unit: function and data. `reply` sends the same of an answer, `raw` any bytes. */
export interface WireRequest {
  unit: number;
  /** Function and data, without unit and checksum. */
  pdu: Buffer;
  reply(pdu: Buffer): void;
  raw(bytes: Buffer): void;
}

/** A port that requests come in by. `close` frees it at once. */
interface Listener {
  /** As it was asked for. */
  host: string;
  port: number;
  /** How many connections are open; 0 where there are none, as over UDP. */
  connections(): number;
  close(): Promise<void>;
}

/** Listens for Modbus on TCP: its own framing (mbap), or a serial line's. Rejects when the port is taken. */
export async function listenTcp(
  host: string,
  port: number,
  framing: 'mbap' | 'rtu' | 'ascii',
  receive: (request: WireRequest) => void,
): Promise<Listener> {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => socket.destroy());
    const send = (bytes: Buffer): void => void (socket.writable && socket.write(bytes));
    const read =
      framing === 'mbap'
        ? readFrames(send, () => socket.destroy(), receive)
        : readSerial(framing, send, receive);
    socket.on('data', read);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  return {
    host,
    port: (server.address() as AddressInfo).port,
    connections: () => open.size,
    close() {
      // The server closes only when its last connection has ended.
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Listens for Modbus UDP. Rejects when the port is taken. */
export async function listenUdp(
  host: string,
  port: number,
  receive: (request: WireRequest) => void,
): Promise<Listener> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  let live = true;
  socket.on('message', (message, from) => {
    // Each datagram is read by itself: it is a whole frame, or none.
    const send = (bytes: Buffer): void => {
      if (live) socket.send(bytes, from.port, from.address, () => undefined);
    };
    readFrames(send, () => undefined, receive)(message);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => socket.close(() => reject(error))).bind(port, host, resolve);
  });
  // An answer that cannot be delivered is lost, as any datagram may be.
  socket.on('error', () => undefined);
  return {
    host,
    port: socket.address().port,
    connections: () => 0,
    close() {
      live = false;
      return new Promise((resolve) => socket.close(resolve));
    },
  };
}

/** Takes chunks of a byte stream and hands over the requests in it. Other bytes than Modbus end the connection. */
function readFrames(
  send: (bytes: Buffer) => void,
  cut: () => void,
  receive: (request: WireRequest) => void,
): (chunk: Buffer) => void {
  const framing = createMbap({
    broken: cut,
    frame(id = 0, adu) {
      const unit = adu[0] ?? 0;
      receive({
        unit,
        pdu: adu.subarray(1, -2),
        // The framing leaves out the last two bytes, a checksum on serial lines.
        reply: (pdu) => send(framing.encode(Buffer.concat([Buffer.of(unit), pdu, Buffer.alloc(2)]), id)),
        raw: send,
      });
    },
  });
  return (chunk) => framing.receive(chunk);
}
