import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { bundleOf } from '../support/bundle.ts';
import { checkLoop, type LoopReport } from '../support/loop-watchdog.ts';
import { echoTool, event, openMcpPeer, sendJson, type McpPeer } from '../support/mcp-peer.ts';
import { waitFor } from '../support/wait-for.ts';

const MEMORY_MAX_MIB = 600;
const MIB = 1024 * 1024;

const textTool = (name: string, more: JsonObject = {}): JsonObject => ({
  ...echoTool,
  name,
  inputSchema: { type: 'object', properties: { text: { type: 'string', ...more } } },
});

describe('a server whose MCP server is hostile', function () {
  this.timeout(120_000);
  let child: ChildProcess;
  let url: string;
  let peer: McpPeer;
  const held: Record<string, string> = {};

  before(async () => {
    child = fork(bundleOf('spec/support/watched-server.ts'), [], { execArgv: [] });
    [url] = (await once(child, 'message')) as [string];
    peer = await openMcpPeer();
    await register(); // loads the modules that are loaded late
    await call('echo');
    await peer.close();
    await report();
  });
  beforeEach(async () => {
    peer = await openMcpPeer();
  });
  afterEach(async function () {
    await peer.close();
    const taken = await report();
    const { heldMs, memoryMiB } = taken;
    held[this.currentTest!.title] = `${heldMs} ms, ${memoryMiB} MiB`;
    checkLoop(taken, 'the MCP server');
    expect(memoryMiB, 'memory was taken').to.be.below(MEMORY_MAX_MIB);
    expect((await fetch(`${url}/healthz`)).status).to.equal(200);
  });
  after(async () => {
    child.disconnect();
    if (child.exitCode === null) await once(child, 'exit');
    if (process.env['SHOW_HELD']) process.stdout.write(`${JSON.stringify(held, undefined, 2)}\n`);
  });

  async function report(): Promise<LoopReport> {
    child.send('report');
    return ((await once(child, 'message')) as [LoopReport])[0];
  }
  async function send(method: string, path: string, body?: object): Promise<[number, JsonObject]> {
    const headers = { 'content-type': 'application/json', connection: 'close' };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const answer = await fetch(`${url}${path}`, init);
    const text = await answer.text();
    return [answer.status, text === '' ? {} : (JSON.parse(text) as JsonObject)];
  }
  /** Registers the peer; gives the number of tools, or the words of the refusal. */
  async function register(): Promise<number | string> {
    await send('DELETE', '/api/devices/peer');
    const [status, body] = await send('POST', '/api/devices', {
      name: 'peer',
      protocol: 'mcp',
      server: peer.url,
    });
    return status === 201 ? (body['tools'] as JsonObject[]).length : (body['detail'] as string);
  }
  async function call(name: string, args: JsonObject = { text: 'x' }): Promise<JsonObject> {
    return (await send('POST', `/api/devices/peer/tools/${name}`, { arguments: args }))[1];
  }
  const codeOf = ({ error }: JsonObject): unknown => (error as JsonObject | undefined)?.['code'];

  /** Writes the same piece until so many bytes are written, or nobody reads any more. */
  async function pour(response: ServerResponse, piece: string, bytes: number): Promise<void> {
    for (let written = 0; written < bytes && !response.destroyed; written += piece.length)
      if (!response.write(piece)) await waitFor(() => !response.writableNeedDrain || response.destroyed);
  }
  /** Answers calls with JSON that has this between its head and its end. */
  function answerWith(head: string, piece: string, bytes: number, end: string): void {
    peer.answers['tools/call'] = ({ message, response }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(`{"jsonrpc":"2.0","id":${JSON.stringify(message['id'])},"result":${head}`);
      void pour(response, piece, bytes).then(() => response.end(`${end}}`));
    };
  }

  it('refuses a list of tools without an end, whatever it is made of', async () => {
    let page = 0;
    peer.answers['tools/list'] = ({ send: answer }) => answer({ tools: [], nextCursor: String((page += 1)) });
    expect(await register()).to.contain('The list of tools has more than 1000 pages');
    peer.answers['tools/list'] = ({ send: answer }) => answer({ tools: [], nextCursor: 'same' });
    expect(await register()).to.contain('gives the same cursor twice');
    const tools = Array.from({ length: 1000 }, () => ({ name: 'x' }));
    peer.answers['tools/list'] = ({ send: answer }) => answer({ tools, nextCursor: String((page += 1)) });
    expect(await register()).to.contain('has more than 2000 tools');
    const long = { name: 'x', description: 'z'.repeat(0.5 * MIB), inputSchema: { a: 'y'.repeat(MIB) } };
    peer.answers['tools/list'] = ({ send: answer }) =>
      answer({ tools: [long], nextCursor: String((page += 1)) });
    expect(await register()).to.contain('is longer than 8388608 characters');
    peer.answers['tools/list'] = ({ message, response }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(`{"jsonrpc":"2.0","id":${message['id'] as number},"result":{"tools":["`);
      void pour(response, 'z'.repeat(MIB), 100 * MIB);
    };
    expect(await register()).to.contain('the answer has more than 2097152 bytes');
  });

  it('takes 2,000 tools with names of any signs', async () => {
    const odd = ['\u202Eevil', '‮', '\0', '"}]', '../..', '__proto__', 'constructor', '🦊', '\uD800', ' '];
    peer.tools = Array.from({ length: 2000 }, (_, index) => ({
      ...echoTool,
      name: `${odd[index % odd.length]}${index}`,
      description: `${odd[index % odd.length]}`.repeat(100),
    }));
    expect(await register()).to.equal(2000);
    const [, { tools }] = await send('GET', '/api/devices/peer/tools');
    const names = (tools as { name: string }[]).map(({ name }) => name);
    expect(names.filter((name) => !/^[a-zA-Z0-9_-]{1,64}$/.test(name))).to.deep.equal([]);
    expect(new Set(names).size).to.equal(2000);
  });

  it('reads schemas that are bombs, and calls their tools', async () => {
    let deep: JsonObject = { type: 'string' };
    for (let level = 0; level < 120; level += 1) deep = { type: 'object', properties: { a: deep } };
    const names = Array.from({ length: 9000 }, (_, index) => `p${index}`);
    const laughs = Object.fromEntries(
      Array.from({ length: 60 }, (_, level) => [
        `L${level}`,
        { allOf: Array.from({ length: 50 }, () => ({ $ref: `#/$defs/L${level + 1}` })) },
      ]),
    );
    const schemas: Record<string, JsonObject> = {
      deep,
      wide: {
        type: 'object',
        properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
      },
      listed: { type: 'object', properties: { text: { enum: names } } },
      laughs: { type: 'object', $defs: laughs, allOf: [{ $ref: '#/$defs/L0' }] },
      inner: { type: 'object', $defs: laughs, properties: { text: { $ref: '#/$defs/L0' } } },
      cycle: { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
      itself: { type: 'object', properties: { text: { $ref: '#' } } },
      lost: { type: 'object', properties: { a: { type: 'array', items: { $ref: 'http://10.0.0.1/x' } } } },
      file: { type: 'object', properties: { a: { type: 'array', items: { $ref: '/etc/passwd' } } } },
      odd: { type: ['object', 7], properties: [], required: 'text', allOf: {}, oneOf: [[], null, 5] },
    };
    peer.tools = [
      ...Object.entries(schemas).map(([name, inputSchema]) => ({ ...echoTool, name, inputSchema })),
      textTool('pattern', { pattern: '^(a+)+$' }),
    ];
    expect(await register()).to.equal(peer.tools.length);
    const results = await Promise.all(Object.keys(schemas).map((name) => call(name, {})));
    expect(results.map((result) => typeof result)).to.deep.equal(results.map(() => 'object'));
    await call('pattern', { text: `${'a'.repeat(5000)}!` });
  });

  it('cuts results of any size and shape', async () => {
    await register();
    answerWith('{"content":[{"type":"text","text":"', 'x'.repeat(MIB), 100 * MIB, '"}]}');
    expect(codeOf(await call('echo'))).to.equal('too_large');
    answerWith('{"content":[{"type":"text","text":"', 'ü'.repeat(MIB / 2), 1.5 * MIB, '"}]}');
    expect((await call('echo'))['body']).to.contain('characters]');
    answerWith('{"content":[{}', ',{}'.repeat(MIB / 16), MIB / 8, ']}');
    expect((await call('echo'))['body']).to.contain('more parts]');
    answerWith('{"content":[{}', ',{}'.repeat(MIB / 3), 2.5 * MIB, ']}');
    expect(await call('echo')).to.have.nested.property('error.code', 'invalid_response');
    answerWith(
      '{"content":[{"type":"image","mimeType":"image/png","data":"',
      'A'.repeat(MIB),
      2.5 * MIB,
      '"}]}',
    );
    expect(await call('echo')).to.deep.equal({ body: '[image: 2359296 bytes, image/png]' });
    answerWith('{"content":[],"structuredContent":{"a":[[]', ',[]'.repeat(MIB / 16), MIB / 8, ']}}');
    expect((await call('echo'))['value']).to.contain('characters]');
    answerWith('{"content":[],"structuredContent":{"a":[[]', ',[]'.repeat(MIB / 3), 2.5 * MIB, ']}}');
    expect((await call('echo'))['error']).to.have.property(
      'message',
      `${peer.url.replace(/\/mcp$/, '')}: the answer is deeper than 256, or has more than 100000 lists and objects`,
    );
    answerWith('{"content":[],"structuredContent":{"a":[0', ',0'.repeat(MIB / 2), 2 * MIB, ']}}');
    expect((await call('echo'))['value']).to.contain('characters]');
    answerWith('{"content":[],"structuredContent":{"a":', '['.repeat(MIB), MIB, ']}}');
    expect(codeOf(await call('echo'))).to.equal('invalid_response');
    answerWith('{"content":[{"type":"other","a":"', '\\u0000'.repeat(MIB / 6), 2.5 * MIB, '"}]}');
    expect((await call('echo'))['body']).to.contain('characters]');
  });

  it('reads streams of any events up to the answer, and leaves those that do not end', async () => {
    await register();
    const stream = (response: ServerResponse): ServerResponse =>
      response.writeHead(200, { 'content-type': 'text/event-stream' });
    const progress = event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progress: 1 } });
    peer.answers['tools/call'] = ({ message, response }) => {
      void pour(stream(response), progress.repeat(500), 2.5 * MIB).then(() =>
        response.end(event({ jsonrpc: '2.0', id: message['id'], result: { content: [] } })),
      );
    };
    expect(await call('echo')).to.deep.equal({ body: '' });
    peer.answers['tools/call'] = ({ response }) =>
      void pour(stream(response), progress.repeat(500), 100 * MIB);
    expect(codeOf(await call('echo'))).to.equal('too_large');
    peer.answers['tools/call'] = ({ response }) => void pour(stream(response), 'data: x', 100 * MIB);
    expect(codeOf(await call('echo'))).to.equal('too_large');
    peer.answers['tools/call'] = ({ response }) => void pour(stream(response), '\n'.repeat(MIB), 100 * MIB);
    expect(codeOf(await call('echo'))).to.equal('too_large');
    const pings = event({ jsonrpc: '2.0', id: 1, method: 'ping' });
    peer.answers['tools/call'] = ({ message, response }) => {
      stream(response).write(pings.repeat(1000));
      response.end(event({ jsonrpc: '2.0', id: message['id'], result: { content: [] } }));
    };
    expect(await call('echo')).to.deep.equal({ body: '' });
  });

  it('answers a few of the requests that a server floods it with, and none of the others', async () => {
    await register();
    const pings = event({ jsonrpc: '2.0', id: 1, method: 'ping' });
    peer.answers['tools/call'] = ({ message, response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      void pour(response, pings.repeat(1000), 3.5 * MIB).then(() =>
        response.end(event({ jsonrpc: '2.0', id: message['id'], result: { content: [] } })),
      );
    };
    const count = Math.ceil((3.5 * MIB) / pings.length);
    expect(await call('echo')).to.deep.equal({ body: '' });
    const answers = peer.messages.filter(({ method }) => method === undefined);
    expect(answers.length).to.be.within(1, count / 10);
  });

  it('leaves a stream of the server that floods it', async () => {
    await register();
    await waitFor(() => peer.streams.length > 0);
    const [stream] = peer.streams;
    const change = event({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
    await pour(stream!, change.repeat(1000), 40 * MIB);
    await waitFor(() => stream!.destroyed);
    expect(await call('echo')).to.deep.equal({ body: 'echo {"text":"x"}' });
  });

  it('takes an answer of the wrong type, and follows no redirect', async () => {
    await register();
    const types = ['text/html', 'application/octet-stream', 'text/event-stream'];
    const codes = [];
    for (const type of types) {
      peer.answers['tools/call'] = ({ response }) =>
        response.writeHead(200, { 'content-type': type }).end('<html>{"jsonrpc":"2.0"}</html>');
      codes.push(codeOf(await call('echo')));
    }
    peer.answers['tools/call'] = ({ message, response }) =>
      sendJson(response, [{ jsonrpc: '2.0', id: message['id'], result: { content: 'none' } }]);
    expect(await call('echo')).to.deep.equal({ body: '' });
    for (const location of ['http://169.254.169.254/latest', 'file:///etc/passwd', '//[', '/mcp/'])
      for (const status of [301, 302, 303, 307, 308]) {
        peer.answers['tools/call'] = ({ response }) => response.writeHead(status, { location }).end();
        codes.push(codeOf(await call('echo')));
      }
    expect([...new Set(codes)]).to.deep.equal(['invalid_response', 'redirected']);
  });
});
