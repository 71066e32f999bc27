import type { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { Call } from '../../server/mount.ts';
import { openEventStream } from '../../server/stream.ts';
import type { Parts } from '../dialect.ts';

/** Headers of the SDK's answers that hosts need. The server writes all others itself. */
const ANSWER_HEADERS = ['content-type', 'mcp-session-id', 'allow'];
/** The server holds the head and the first events back for this time, in ms: a short call is one write to the socket then. */
const GATHER_MS = 20;

/**
 * Gives a checked request to the transport of the SDK, and writes its answer. Streams have the heartbeat and the patience of all
 * streams of the server. Resolves when the answer has ended, or the host has disconnected.
 */
export async function relay(
  transport: WebStandardStreamableHTTPServerTransport,
  { request, response, body, caller }: Call,
  limits: Parts['config']['limits'],
): Promise<void> {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(request.headersDistinct))
    for (const value of values) headers.append(name, value);
  // The transport reads only these parts. A whole Request copies the headers and makes a signal for each call.
  const asked = { method: request.method ?? 'GET', url: 'http://localhost/mcp', headers } as Request;
  // The SDK hands it to the handler of the request, which acts for this caller. The token itself stays here.
  const authInfo = { token: '', clientId: caller.id, scopes: [], extra: { caller } };
  const answer = await transport.handleRequest(asked, { parsedBody: body, authInfo });
  for (const name of ANSWER_HEADERS) {
    const value = answer.headers.get(name);
    if (value !== null) response.setHeader(name, value);
  }
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (isStream && answer.body) await pump(answer.body, response, limits);
  else response.writeHead(answer.status).end(await answer.text());
}

/** Writes the pieces as the host takes them. A host that disconnects ends the stream, and not the work behind it. */
async function pump(
  body: ReadableStream<Uint8Array>,
  response: Call['response'],
  limits: Parts['config']['limits'],
): Promise<void> {
  const release = (): void => {
    if (response.writableCorked > 0) response.uncork();
  };
  response.cork(); // its end uncorks, too
  const gathering = setTimeout(release, GATHER_MS);
  const stream = openEventStream(response, limits);
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const cancel = (): void => void reader.cancel().catch(() => undefined); // it has ended by itself
  stream.signal.addEventListener('abort', cancel, { once: true });
  if (stream.signal.aborted) cancel();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    stream.write(decoder.decode(value, { stream: true }));
    const untilTaken = stream.drained();
    if (untilTaken) release();
    await untilTaken;
  }
  clearTimeout(gathering);
  await stream.end();
}
