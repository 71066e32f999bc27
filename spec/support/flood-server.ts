import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { bundleOf } from './bundle.ts';
import type { LoopReport } from './loop-watchdog.ts';

/** The answer to a request of a flood. */
export interface FloodAnswer {
  status: number;
  text: string;
}

/** A server in a process of its own, and clients of many addresses: each 127.0.0.N is one of its own on Linux. */
export class FloodServer {
  readonly #child: ChildProcess;
  readonly #sockets: Socket[] = [];
  readonly port: number;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.port = Number(new URL(url).port);
  }

  /** Starts a server with these settings. */
  static async open(settings: Record<string, string>): Promise<FloodServer> {
    const program = bundleOf('spec/support/watched-server.ts');
    const child = fork(program, ['sqlite::memory:', JSON.stringify(settings)], { execArgv: [] });
    const [url] = (await once(child, 'message')) as [string];
    return new FloodServer(child, url);
  }

  /** The longest hold of the loop, and the most memory, since the last report. */
  async report(): Promise<LoopReport> {
    this.#child.send('report');
    return ((await once(this.#child, 'message')) as [LoopReport])[0];
  }

  /** The memory of the server that is in use after all garbage was collected, in MiB. */
  async liveMiB(): Promise<number> {
    this.#child.send('collect');
    return ((await once(this.#child, 'message')) as [number])[0];
  }

  /** Sends a request from an address. A body that is no text is sent as JSON. */
  send(
    address: string,
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<FloodAnswer> {
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const agent = new Agent({ localAddress: address });
    const options = { host: '127.0.0.1', port: this.port, method, path, agent, localAddress: address };
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          ...options,
          headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...headers },
        },
        (answer) =>
          void textOf(answer).then((read) => resolve({ status: answer.statusCode ?? 0, text: read }), reject),
      );
      sent.on('error', reject);
      sent.end(text);
    }).finally(() => agent.destroy()) as Promise<FloodAnswer>;
  }

  /** A connection of an address that has sent a text. What comes back is read unless it is paused. */
  connect(address: string, text: string): Promise<FloodConnection> {
    const socket = createConnection({ host: '127.0.0.1', port: this.port, localAddress: address });
    this.#sockets.push(socket);
    const connection = new FloodConnection(socket);
    return new Promise((resolve) => {
      const begin = (): void => resolve(connection);
      socket.once('connect', () => socket.write(text, begin));
      socket.once('close', begin);
    });
  }

  /** Cuts all connections of a row. */
  cut(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#child.disconnect();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }
}

/** A connection without a client's manners. */
export class FloodConnection {
  readonly socket: Socket;
  received = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined); // the server may cut it
    socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('latin1')));
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return text;
}

/** The head of a handshake for the WebSocket of a session [RFC 6455 4.1]. */
export function handshakeOf(session: string): string {
  return (
    `GET /api/chat?id=${session} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'
  );
}

/** A masked text frame whose mask is zero [RFC 6455 5.2]. */
export function frameOf(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(payload.length < 126 ? 6 : 14);
  head.set([0x81, payload.length < 126 ? 0x80 | payload.length : 0xff]);
  if (payload.length >= 126) head.writeUInt32BE(payload.length, 6);
  return Buffer.concat([head, payload]);
}
