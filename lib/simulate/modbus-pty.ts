import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc16, createAscii } from '../drivers/modbus/framing.ts';
import { AppError, messageOf } from '../errors.ts';
import type { WireRequest } from './modbus-listen.ts';

/** A pseudo terminal that requests come in by, as from a serial line. */
export interface PtyListener {
  /** What a document names as its serial device. */
  path: string;
  close(): Promise<void>;
}

const startTimeoutMs = 5000;
const silenceMs = 50;

/**
 * Listens for Modbus RTU or ASCII on a pseudo terminal made by socat, at `path` or at a place of its own. Rejects with an
 * AppError `unavailable` where socat is not installed or cannot make one.
 */
export async function listenPty(
  framing: 'rtu' | 'ascii',
  receive: (request: WireRequest) => void,
  path?: string,
): Promise<PtyListener> {
  const folder = await mkdtemp(join(tmpdir(), 'modbus-'));
  const link = path ?? join(folder, 'tty');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    const send = (bytes: Buffer): void => void (socket.writable && socket.write(bytes));
    socket.on('data', framing === 'rtu' ? readRtu(send, receive) : readAscii(send, receive));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const args = [`pty,rawer,link=${link}`, `tcp:127.0.0.1:${port},nodelay`];
  const socat = spawn('socat', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let reason = '';
  socat.stderr.on('data', (chunk: Buffer) => (reason = chunk.toString().trim()));
  const ended = new Promise<void>((resolve) => socat.once('close', () => resolve()));
  const close = async (): Promise<void> => {
    socat.kill();
    await ended;
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await rm(folder, { recursive: true, force: true });
  };
  let failure: string | undefined;
  socat.once(
    'error',
    (error) => (failure = `socat cannot be started (is it installed?): ${messageOf(error)}`),
  );
  void ended.then(() => (failure ??= `socat ended: ${reason}`));
  const end = performance.now() + startTimeoutMs;
  while (!existsSync(link) || sockets.size === 0) {
    if (performance.now() > end) failure ??= `socat made no pseudo terminal within ${startTimeoutMs} ms`;
    if (failure !== undefined) {
      await close();
      throw new AppError('unavailable', failure);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { path: link, close };
}

function readAscii(
  send: (bytes: Buffer) => void,
  receive: (request: WireRequest) => void,
): (chunk: Buffer) => void {
  const framing = createAscii({
    // A device does not answer what it does not understand.
    broken: () => undefined,
    frame: (_, adu) =>
      receive(requestOf(adu, send, (body) => framing.encode(Buffer.concat([body, Buffer.alloc(2)]), 0))),
  });
  return (chunk) => framing.receive(chunk);
}

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
    rest = now - last > silenceMs ? chunk : Buffer.concat([rest, chunk]);
    last = now;
    while (rest.length >= 8) {
      const fc = rest[1] ?? 0;
      const length = fc === 15 || fc === 16 ? 9 + (rest[6] ?? 0) : 8;
      if (rest.length < length) return;
      const adu = rest.subarray(0, length);
      rest = rest.subarray(length);
      if (crc16(adu, length - 2) === adu.readUInt16LE(length - 2)) receive(requestOf(adu, send, encode));
      else rest = Buffer.alloc(0);
    }
  };
}

function requestOf(
  adu: Buffer,
  send: (bytes: Buffer) => void,
  encode: (body: Buffer) => Buffer,
): WireRequest {
  const unit = adu[0] ?? 0;
  return {
    unit,
    pdu: Buffer.from(adu.subarray(1, -2)),
    // Unit 0 is everybody: nobody answers.
    reply: (pdu) => unit !== 0 && send(encode(Buffer.concat([Buffer.of(unit), pdu]))),
    raw: send,
  };
}
