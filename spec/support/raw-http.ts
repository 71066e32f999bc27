import { createConnection } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Sends bytes as they are, and reads one answer until the server closes or `Content-Length` is reached. */
export function rawRequest(port: number, ...pieces: string[]): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = createConnection(port, '127.0.0.1', () => {
      for (const piece of pieces) socket.write(piece);
    });
    const finish = () => {
      const answer = parse(text);
      if (!answer) return false;
      resolve(answer);
      socket.destroy();
      return true;
    };
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      finish();
    });
    socket.on('end', () => finish() || reject(new Error(`no whole answer: ${text}`)));
    socket.on('error', reject);
  });
}

function parse(text: string): RawAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = text.slice(end + 4);
  const status = Number(first.split(' ')[1]);
  const length = status < 200 || status === 204 ? 0 : Number(headers['content-length']);
  return body.length >= length ? { status, headers, body } : undefined;
}
