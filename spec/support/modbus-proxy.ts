import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What a proxy does with bytes on their way; each call may write to either side. */
export interface ProxyWays {
  /** Bytes for the device. By default they go on as they are. */
  toDevice?(bytes: Buffer, sides: ProxySides): void;
  /** Bytes of the device. By default they go on as they are. */
  toClient?(bytes: Buffer, sides: ProxySides): void;
}

/** The two ends of one connection through a proxy. */
export interface ProxySides {
  device: Socket;
  client: Socket;
}

/** A way to a real server with the faults of real lines. */
export interface ModbusProxy {
  readonly port: number;
  readonly accepted: number;
  close(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1 before a server on `port`. */
export async function startModbusProxy(port: number, ways: ProxyWays): Promise<ModbusProxy> {
  const { toDevice = (bytes, { device }) => void device.write(bytes) } = ways;
  const { toClient = (bytes, { client }) => void client.write(bytes) } = ways;
  const open = new Set<Socket>();
  let accepted = 0;
  const server = createServer({ noDelay: true }, (client) => {
    accepted++;
    const device = connect({ host: '127.0.0.1', port, noDelay: true });
    const sides = { client, device };
    for (const [socket, other] of [
      [client, device],
      [device, client],
    ] as const) {
      open.add(socket);
      socket
        .on('error', () => socket.destroy())
        .on('close', () => {
          open.delete(socket);
          other.destroy();
        });
    }
    client.on('data', (bytes) => toDevice(bytes, sides));
    device.on('data', (bytes) => toClient(bytes, sides));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    close() {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
