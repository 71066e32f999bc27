import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AppError } from '../errors.ts';
import type { FormattedError } from './mount.ts';
import { formatProblem } from './problem.ts';
import { errorHeaders } from './status.ts';

/** Answers a request that has no response object, but only a socket, and closes the socket. */
export function refuse(
  socket: Duplex,
  error: AppError,
  status: number,
  { contentType, body }: FormattedError = formatProblem(error, status),
): void {
  const headers = {
    ...errorHeaders(error),
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`);
}
