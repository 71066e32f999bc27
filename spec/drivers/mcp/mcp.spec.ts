import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { openEgress, type Egress } from '../../../lib/drivers/egress.ts';
import { createHttpDriver } from '../../../lib/drivers/http.ts';
import { openMcp, type McpDriver } from '../../../lib/drivers/mcp/mcp.ts';
import { event, openDoorTool, openMcpPeer, sendJson, type McpPeer } from '../../support/mcp-peer.ts';
import { refusalOf } from '../../support/refusal.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('driver of MCP servers', () => {
  let egress: Egress;
  let mcp: McpDriver;
  let peer: McpPeer;

  function open(resultMaxBytes = 10_000, deny: string[] = []): void {
    egress = openEgress({ allow: [], deny, allowPrivate: true, serialAllow: [] });
    const http = createHttpDriver({ egress, resultMaxBytes });
    mcp = openMcp({ http, egress, resultMaxBytes, client: { name: 'spec', version: '1' } });
  }

  beforeEach(async () => {
    peer = await openMcpPeer();
    open();
  });
  afterEach(async () => {
    await mcp.close();
    await egress.close();
    await peer.close();
  });

  const place = (): { url: string; headers: Record<string, string> } => ({
    url: peer.url,
    headers: { authorization: 'Bearer key-of-the-peer' },
  });
  const context = (timeoutMs = 5000, signal = new AbortController().signal) => ({ signal, timeoutMs });
  const describeIt = async () => JSON.parse(await mcp.describe(place(), context())) as JsonObject;
  const call = (tool: string, more: { effect?: 'read' | 'write'; timeoutMs?: number } = {}) =>
    mcp.call(
      place(),
      { tool, arguments: { text: 'x' }, effect: more.effect ?? 'read' },
      context(more.timeoutMs),
    );
  const answerCall = (result: JsonObject): void => {
    peer.answers['tools/call'] = ({ send }) => send(result);
  };

  it('says the server and its tools, page after page', async () => {
    peer.answers['tools/list'] = ({ message, send }) => {
      const { cursor } = message['params'] as JsonObject;
      if (cursor === undefined) send({ tools: [{ name: 'a', icons: [] }], nextCursor: '2' });
      else send({ tools: [{ name: 'b', inputSchema: { type: 'object' } }] });
    };
    expect(await describeIt()).to.deep.equal({
      mcp: '2025-11-25',
      info: { name: 'peer', title: 'The Peer', version: '1' },
      tools: [{ name: 'a' }, { name: 'b', inputSchema: { type: 'object' } }],
    });
    expect(peer.methods()).to.deep.equal([
      'initialize',
      'notifications/initialized',
      'tools/list',
      'tools/list',
    ]);
  });

  it('sends the key, the session and the version of the protocol with every request', async () => {
    peer.session = 'session-1';
    await call('echo');
    const sent = peer.device.seen
      .filter(({ method }) => method === 'POST')
      .map(({ headers }) => [
        headers.authorization,
        headers['mcp-session-id'],
        headers['mcp-protocol-version'],
      ]);
    expect(sent).to.deep.equal([
      ['Bearer key-of-the-peer', undefined, undefined],
      ['Bearer key-of-the-peer', 'session-1', '2025-11-25'],
      ['Bearer key-of-the-peer', 'session-1', '2025-11-25'],
    ]);
    await mcp.close();
    expect(peer.device.seen.at(-1)!.method).to.equal('DELETE');
  });

  it('asks for the tools again when the server tells that they have changed, and only then', async () => {
    await describeIt();
    await waitFor(() => peer.streams.length === 1);
    await describeIt();
    await describeIt();
    const before = peer.methods().filter((method) => method === 'tools/list').length;
    await describeIt();
    expect(peer.methods().filter((method) => method === 'tools/list').length).to.equal(before);
    peer.tools = [openDoorTool];
    peer.announce({ method: 'notifications/tools/list_changed' });
    await waitFor(
      async () => JSON.stringify((await describeIt())['tools']) === JSON.stringify([openDoorTool]),
    );
  });

  it('asks a server without such messages every time', async () => {
    peer.capabilities = { tools: {} };
    await describeIt();
    await describeIt();
    expect(peer.methods().filter((method) => method === 'tools/list').length).to.equal(2);
    expect(peer.device.seen.filter(({ method }) => method === 'GET')).to.deep.equal([]);
  });

  it('gives whole numbers that a JavaScript number cannot hold as texts', async () => {
    peer.answers['tools/call'] = ({ message, response }) => {
      const content = '[{"type":"text","text":"{\\"serial\\":2512292042121000001}"}]';
      const result = `{"content":${content},"structuredContent":{"serial":2512292042121000001,"n":7}}`;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(`{"jsonrpc":"2.0","id":${JSON.stringify(message['id'])},"result":${result}}`);
    };
    expect(await call('echo')).to.deep.equal({
      value: { serial: '2512292042121000001', n: 7 },
      body: '{"serial":2512292042121000001}',
    });
  });

  it('gives all kinds of content as one text, and structured content as the value', async () => {
    answerCall({
      content: [
        { type: 'text', text: 'warm' },
        { type: 'image', data: Buffer.alloc(10).toString('base64'), mimeType: 'image/png' },
        { type: 'audio', data: Buffer.alloc(3).toString('base64'), mimeType: 'audio/wav' },
        { type: 'resource_link', uri: 'file:///a', name: 'a', mimeType: 'text/plain', description: 'A file' },
        { type: 'resource', resource: { uri: 'file:///b', mimeType: 'text/plain', text: 'inside' } },
        { type: 'resource', resource: { uri: 'file:///c', blob: 'AAAA' } },
        { type: 'smell', of: 'roses' },
        'odd',
      ],
    });
    expect(await call('echo')).to.deep.equal({
      body: [
        'warm',
        '[image: 10 bytes, image/png]',
        '[audio: 3 bytes, audio/wav]',
        '[resource: file:///a, a, text/plain] A file',
        '[resource: file:///b, text/plain]\ninside',
        '[resource: file:///c, 3 bytes]',
        '{"type":"smell","of":"roses"}',
        '"odd"',
      ].join('\n'),
    });
    answerCall({
      content: [{ type: 'text', text: '{ "degrees": 21 }' }],
      structuredContent: { degrees: 21 },
    });
    expect(await call('echo')).to.deep.equal({ value: { degrees: 21 } });
    answerCall({ content: [{ type: 'text', text: 'mild' }], structuredContent: { degrees: 21 } });
    expect(await call('echo')).to.deep.equal({ value: { degrees: 21 }, body: 'mild' });
    answerCall({});
    expect(await call('echo')).to.deep.equal({ body: '' });
  });

  it('tells a failure of the tool and an error of the server, and whether the device may have changed', async () => {
    answerCall({ content: [{ type: 'text', text: 'it jams' }], isError: true });
    expect([await call('echo'), await call('open_door', { effect: 'write' })]).to.deep.equal([
      { body: 'it jams', error: { code: 'tool_error', message: 'it jams', effect: 'none' } },
      { body: 'it jams', error: { code: 'tool_error', message: 'it jams', effect: 'unknown' } },
    ]);
    const refuse = (code: number): void => {
      peer.answers['tools/call'] = ({ message, response }) =>
        sendJson(response, { jsonrpc: '2.0', id: message['id'], error: { code, message: 'no', data: [1] } });
    };
    refuse(-32_602);
    expect(await call('open_door', { effect: 'write' })).to.deep.equal({
      error: { code: -32_602, message: 'no', data: [1], effect: 'none' },
    });
    refuse(-32_603);
    expect(await call('open_door', { effect: 'write' })).to.deep.equal({
      error: { code: -32_603, message: 'no', data: [1], effect: 'unknown' },
    });
  });

  it('reads an answer out of a stream, and answers the pings in it', async () => {
    peer.answers['tools/call'] = ({ message, response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': a comment\n\n');
      response.write(event({ jsonrpc: '2.0', id: 'p', method: 'ping' }));
      response.write(event({ jsonrpc: '2.0', id: 7, method: 'sampling/createMessage', params: {} }));
      response.write(event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progress: 1 } }));
      response.write(event({ jsonrpc: '2.0', id: message['id'], result: { content: [] } }));
      // the stream stays open
    };
    expect(await call('echo')).to.deep.equal({ body: '' });
    await waitFor(() => peer.messages.filter(({ method }) => method === undefined).length === 2);
    expect(peer.messages.filter(({ method }) => method === undefined)).to.have.deep.members([
      { jsonrpc: '2.0', id: 'p', result: {} },
      {
        jsonrpc: '2.0',
        id: 7,
        error: { code: -32_601, message: 'This client offers nothing of that kind.' },
      },
    ]);
  });

  it('sends a write once, and says that its outcome is unknown, whatever becomes of the answer', async () => {
    const endings: Record<string, () => void> = {
      'the connection breaks': () => {
        peer.answers['tools/call'] = ({ request }) => request.socket.destroy();
      },
      'the answer never comes': () => {
        peer.answers['tools/call'] = () => undefined;
      },
      'the stream breaks': () => {
        peer.answers['tools/call'] = ({ response }) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write('id: 1\nretry: 1\ndata: \n\n');
          response.end();
        };
      },
      'the answer is for another request': () => {
        peer.answers['tools/call'] = ({ response }) =>
          sendJson(response, { jsonrpc: '2.0', id: 999, result: {} });
      },
      'the answer is no JSON': () => {
        peer.answers['tools/call'] = ({ response }) => response.writeHead(200).end('<html>');
      },
      'the server fails': () => {
        peer.answers['tools/call'] = ({ response }) => response.writeHead(503).end();
      },
    };
    const outcomes: Record<string, unknown> = {};
    for (const [what, prepare] of Object.entries(endings)) {
      prepare();
      peer.messages.length = 0;
      const { error } = await call('open_door', { effect: 'write', timeoutMs: 300 });
      const { code, effect } = error as JsonObject;
      outcomes[what] = [code, effect, peer.methods().filter((method) => method === 'tools/call').length];
    }
    expect(outcomes).to.deep.equal({
      'the connection breaks': ['ECONNRESET', 'unknown', 1],
      'the answer never comes': ['ETIMEDOUT', 'unknown', 1],
      'the stream breaks': ['invalid_response', 'unknown', 1],
      'the answer is for another request': ['invalid_response', 'unknown', 1],
      'the answer is no JSON': ['invalid_response', 'unknown', 1],
      'the server fails': ['HTTP_503', 'unknown', 1],
    });
    const gets = peer.device.seen.filter(({ method }) => method === 'GET');
    expect(gets.every(({ headers }) => headers['last-event-id'] === undefined)).to.equal(true);
  });

  it('does not send a call that was stopped before', async () => {
    const stopped = mcp.call(
      place(),
      { tool: 'open_door', arguments: {}, effect: 'write' },
      context(1000, AbortSignal.abort()),
    );
    expect(await stopped).to.deep.equal({
      error: { code: 'cancelled', message: 'Stopped before it was sent.', effect: 'none' },
    });
    expect(peer.messages).to.deep.equal([]);
  });

  it('connects again after the server has forgotten the session: a read at once, a write with the next call', async () => {
    peer.session = 'first';
    await call('echo');
    peer.session = 'second';
    expect(await call('echo')).to.deep.equal({ body: 'echo {"text":"x"}' });
    peer.session = 'third';
    const { error } = await call('open_door', { effect: 'write' });
    expect(error).to.deep.equal({
      code: 'session_lost',
      message: `${peer.device.url} answered HTTP 404: it does not know the session any more, and the next call connects again`,
      effect: 'none',
    });
    expect(await call('open_door', { effect: 'write' })).to.deep.equal({ body: 'open_door {"text":"x"}' });
  });

  it('says the last known tools while the server is away, and why a call fails', async () => {
    const known = await describeIt();
    const { port } = peer.device;
    await peer.close();
    await waitFor(async () => (await call('echo'))['error'] !== undefined);
    await call('echo'); // over a connection of its own
    expect(await describeIt()).to.deep.equal(known);
    const { error } = await call('open_door', { effect: 'write' });
    expect(error).to.deep.equal({
      code: 'ECONNREFUSED',
      message: `http://127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
      effect: 'none',
    });
  });

  it('says why there is no server', async () => {
    const reasons: Record<string, string> = {};
    const attempt = async (what: string): Promise<void> => {
      const { message } = await refusalOf(mcp.describe(place(), context()));
      reasons[what] = message.replaceAll(peer.device.url, 'URL');
    };
    peer.answers['initialize'] = ({ response }) => response.writeHead(405).end();
    await attempt('no MCP');
    peer.answers['initialize'] = ({ response }) => response.writeHead(401).end();
    await attempt('no key');
    peer.answers['initialize'] = ({ response }) =>
      response.writeHead(307, { location: 'http://10.0.0.1/mcp' }).end();
    await attempt('a redirect');
    peer.answers['initialize'] = ({ send }) => send({ protocolVersion: '1999-01-01', capabilities: {} });
    await attempt('another version');
    expect(reasons).to.deep.equal({
      'no MCP': 'URL answered HTTP 405: there is no MCP server (Streamable HTTP) at this address.',
      'no key': 'URL answered HTTP 401: give its key as "apiKey", or another key.',
      'a redirect':
        'URL answered HTTP 307 and redirects to http://10.0.0.1/mcp. It was not followed: if the server has moved, give its new address as "server".',
      'another version':
        'The server speaks MCP "1999-01-01", and this client 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05.',
    });
  });

  it('goes through the door out', async () => {
    await mcp.close();
    await egress.close();
    open(1000, ['127.0.0.1']);
    const { code, message } = await refusalOf(mcp.describe(place(), context()));
    expect([code, message.includes('EGRESS_DENY')]).to.deep.equal(['unavailable', true]);
    const { error } = await call('open_door', { effect: 'write' });
    expect((error as JsonObject)['effect']).to.equal('none');
    expect(peer.device.seen).to.deep.equal([]);
  });
});
