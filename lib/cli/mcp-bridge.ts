import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { AppError, messageOf, toError } from '../errors.ts';

/**
 * Carries messages between the host on standard input and output and the MCP server at a URL. Resolves when the input ends, or when
 * `signal` does. Rejects with `unavailable` when the server cannot be reached or has forgotten the connection: the host starts the
 * command again then.
 */
export async function bridge(url: URL, token: string | undefined, signal: Promise<unknown>): Promise<void> {
  const [{ StdioServerTransport }, { StreamableHTTPClientTransport }] = await Promise.all([
    import('@modelcontextprotocol/sdk/server/stdio.js'),
    import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
  ]);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const server = new StreamableHTTPClientTransport(url, { requestInit: { headers } });
  const host = new StdioServerTransport();
  const broken = new Promise<never>((_resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(new AppError('unavailable', `${url.origin}: ${messageOf(error)}`, { cause: toError(error) }));
    carry(host, server, fail);
    carry(server, host, fail);
  });
  broken.catch(() => undefined); // it may break when nobody waits any more
  const ended = new Promise<void>((resolve) => process.stdin.once('end', resolve));
  await server.start();
  await host.start();
  try {
    await Promise.race([ended, signal, broken]);
  } finally {
    await server.terminateSession().catch(() => undefined); // it may be gone already
    await server.close();
    await host.close();
  }
}

/**
 * Gives every message of one side to the other. The first answer to `initialize` names the version of the protocol. The server
 * names the connection in that answer, so later messages wait until it has come. Some hosts send them at once.
 */
function carry(from: Transport, to: Transport, fail: (error: unknown) => void): void {
  let opened = Promise.resolve();
  const onmessage = (message: JSONRPCMessage): void => {
    const version = versionIn(message);
    if (version !== undefined) from.setProtocolVersion?.(version);
    const sent = opened.then(() => to.send(message));
    if ('method' in message && message.method === 'initialize') opened = sent;
    sent.catch(fail);
  };
  Object.assign(from, { onmessage });
}

/** The version that an answer to `initialize` names; undefined for any other message. */
function versionIn(message: JSONRPCMessage): string | undefined {
  if (!('result' in message)) return undefined;
  const { protocolVersion } = message.result;
  return typeof protocolVersion === 'string' ? protocolVersion : undefined;
}
