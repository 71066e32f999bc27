import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../../support/app.ts';
import type { HttpDevice } from '../../support/http-device.ts';
import { openLamp } from '../../support/lamp.ts';

const clientInfo = { name: 'spec', version: '1' };
const request = (id: number, method: string, params?: JsonValue): JsonObject => ({
  jsonrpc: '2.0',
  id,
  method,
  ...(params !== undefined && { params }),
});
const initialize = (protocolVersion: JsonValue, more: JsonObject = {}): JsonObject =>
  request(1, 'initialize', { protocolVersion, capabilities: {}, clientInfo, ...more });

interface Said {
  status: number;
  session: string | undefined;
  /** The messages that came back, in their order. */
  messages: JsonObject[];
}

describe('MCP hosts as they behave', () => {
  let app: TestApp;
  let lamp: HttpDevice & { registration(name: string): JsonObject };
  before(async () => {
    lamp = await openLamp();
    app = await openTestApp();
    await app.post('/api/devices', lamp.registration('lamp'));
  });
  beforeEach(() => {
    lamp.seen.length = 0;
  });
  after(async () => {
    await app.close();
    await lamp.close();
  });

  /** One request of a host that is not on the SDK. */
  async function say(body: JsonValue, session?: string, version?: string): Promise<Said> {
    const answer = await fetch(`${app.url}/mcp`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(session !== undefined && { 'mcp-session-id': session }),
        ...(version !== undefined && { 'mcp-protocol-version': version }),
      },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
    const texts = isStream ? [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => data!) : [text];
    return {
      status: answer.status,
      session: answer.headers.get('mcp-session-id') ?? undefined,
      messages: texts.filter((data) => data !== '').map((data) => JSON.parse(data) as JsonObject),
    };
  }
  /** Says a request in a connection of its own, and gives the answer. */
  async function ask(method: string, params?: JsonValue): Promise<JsonObject> {
    const { session } = await say(initialize('2025-11-25'));
    const { messages } = await say(request(2, method, params), session, '2025-11-25');
    expect(messages).to.have.length(1);
    return messages[0]!;
  }
  const namesIn = ({ result }: JsonObject): string[] =>
    ((result as JsonObject)['tools'] as { name: string }[]).map(({ name }) => name);

  it('speak the version that they know, from the oldest to the newest', async () => {
    const found: unknown[] = [];
    for (const version of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2099-01-01']) {
      const { session, messages } = await say(initialize(version));
      const { protocolVersion } = messages[0]!['result'] as { protocolVersion: string };
      const ready = await say({ jsonrpc: '2.0', method: 'notifications/initialized' }, session);
      const listed = await say(request(2, 'tools/list'), session, protocolVersion);
      const called = await say(request(3, 'tools/call', { name: 'get_state' }), session, protocolVersion);
      const { isError } = called.messages[0]!['result'] as JsonObject;
      found.push([protocolVersion, ready.status, namesIn(listed.messages[0]!), isError]);
    }
    const tools = ['get_state', 'set_brightness'];
    expect(found).to.deep.equal([
      ['2024-11-05', 202, tools, undefined],
      ['2025-03-26', 202, tools, undefined],
      ['2025-06-18', 202, tools, undefined],
      ['2025-11-25', 202, tools, undefined],
      ['2025-11-25', 202, tools, undefined],
    ]);
  });

  it('may leave out what they have not: null is missing, and so are capabilities that are not named', async () => {
    const greeting = request(1, 'initialize', { protocolVersion: '2025-06-18', clientInfo, _meta: null });
    const { status, session } = await say(greeting);
    expect([status, typeof session]).to.deep.equal([200, 'string']);
    const ready = { jsonrpc: '2.0', method: 'notifications/initialized', params: null };
    expect((await say({ ...ready, id: null }, session)).status).to.equal(202);
    const answer = { jsonrpc: '2.0', id: 7, result: {}, error: null };
    expect((await say(answer, session)).status).to.equal(202);
    const listed = [null, { cursor: null, _meta: null }].map((params) => request(2, 'tools/list', params));
    for (const message of listed)
      expect(namesIn((await say(message, session)).messages[0]!)).to.have.length(2);
    const call = request(3, 'tools/call', { name: 'get_state', arguments: null, task: null });
    const [called] = (await say(call, session)).messages;
    expect((called!['result'] as JsonObject)['structuredContent']).to.deep.equal({ answer: {} });
    expect(lamp.seen.map(({ method, url }) => `${method} ${url}`)).to.deep.equal(['GET /state']);
  });

  it('learn every fault of an initialize that is not valid', async () => {
    const { status, session, messages } = await say(initialize(5, { clientInfo: { version: '1' } }));
    expect([status, session]).to.deep.equal([400, undefined]);
    const { code, message, data } = messages[0]!['error'] as JsonObject;
    expect([code, message]).to.deep.equal([
      -32_600,
      '/params/protocolVersion: Invalid input: expected string, received number; /params/clientInfo/name: Invalid input: expected string, received undefined.',
    ]);
    expect((data as { faults: { pointer: string }[] }).faults.map(({ pointer }) => pointer)).to.deep.equal([
      '/params/protocolVersion',
      '/params/clientInfo/name',
    ]);
  });

  it('of the version 2025-03-26 send several messages at once', async () => {
    const { session } = await say(initialize('2025-03-26'));
    const ready = { jsonrpc: '2.0', method: 'notifications/initialized' };
    const told = await say([ready], session, '2025-03-26');
    expect([told.status, told.messages]).to.deep.equal([202, []]);
    const call = (id: number, brightness: number): JsonObject =>
      request(id, 'tools/call', { name: 'set_brightness', arguments: { brightness } });
    const batch = [request(2, 'ping'), call(3, 5), ready, call(4, 6)];
    const { status, messages } = await say(batch, session); // a host that names no version speaks this one
    expect([status, messages.map(({ id }) => id)]).to.deep.equal([200, [2, 3, 4]]);
    expect(lamp.seen.map(({ url }) => url)).to.have.members([
      '/brightness?brightness=5',
      '/brightness?brightness=6',
    ]);
    const empty = await say([], session);
    expect([empty.status, (empty.messages[0]!['error'] as JsonObject)['message']]).to.deep.equal([
      400,
      'The body is not valid: it must be a JSON-RPC 2.0 message, or a list of them.',
    ]);
  });

  it('learn that two requests of a list have one id, and nothing of it is done', async () => {
    const { session } = await say(initialize('2025-03-26'));
    const call = request(3, 'tools/call', { name: 'set_brightness', arguments: { brightness: 5 } });
    const { status, messages } = await say([request(2, 'ping'), call, call], session);
    const { message } = messages[0]!['error'] as JsonObject;
    expect([status, message, lamp.seen]).to.deep.equal([
      400,
      'Each request of a list needs an id of its own: 3 is there twice.',
      [],
    ]);
    const both = [request(4, 'ping'), { ...request(0, 'ping'), id: '4' }];
    expect((await say(both, session)).messages.map(({ id }) => id)).to.have.members([4, '4']);
  });

  it('of newer versions send one message at a time, and nothing of a list is done', async () => {
    const { session } = await say(initialize('2025-06-18'));
    const call = request(2, 'tools/call', { name: 'set_brightness', arguments: { brightness: 5 } });
    const { status, messages } = await say([call], session, '2025-06-18');
    const { message } = messages[0]!['error'] as JsonObject;
    expect([status, message, lamp.seen]).to.deep.equal([
      400,
      'MCP 2025-06-18 has no batches: send each message in a request of its own.',
      [],
    ]);
  });

  it('ask for templates of resources and find none, and learn that there are no prompts', async () => {
    const { result } = await ask('resources/templates/list');
    expect(result).to.deep.equal({ resourceTemplates: [] });
    const ref = { type: 'ref/prompt', name: 'x' };
    const unknown = [
      await ask('prompts/list'),
      await ask('completion/complete', { ref, argument: { name: 'a', value: '' } }),
    ];
    expect(unknown.map(({ error }) => (error as JsonObject)['code'])).to.deep.equal([-32_601, -32_601]);
  });

  it('learn in words which parameter is not valid, and which resource is not there', async () => {
    const errors = [
      await ask('tools/call', { name: 'set_brightness', arguments: [5] }),
      await ask('tools/call', { arguments: {} }),
      await ask('logging/setLevel', { level: 'loud' }),
      await ask('resources/read', { uri: 'lite-agent://devices/none' }),
      await ask('resources/subscribe', { uri: 5 }),
    ].map(({ error }) => error);
    const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];
    expect(errors).to.deep.equal([
      { code: -32_602, message: '/params/arguments: Invalid input: expected record, received array.' },
      { code: -32_602, message: '/params/name: Invalid input: expected string, received undefined.' },
      {
        code: -32_602,
        message: `/params/level: Invalid option: expected one of ${levels.map((level) => `"${level}"`).join('|')}.`,
      },
      {
        code: -32_002,
        message: 'There is no resource "lite-agent://devices/none": resources/list has them.',
      },
      { code: -32_602, message: '/params/uri: Invalid input: expected string, received number.' },
    ]);
    expect(lamp.seen).to.deep.equal([]);
  });

  it('have one connection for a stream that they resume: a newer one takes it over', async () => {
    const { session } = await say(initialize('2025-11-25'));
    const headers = { accept: 'text/event-stream', 'mcp-session-id': session! };
    const open = (more: Record<string, string> = {}) =>
      fetch(`${app.url}/mcp`, { headers: { ...headers, ...more } });
    const first = await open({ 'last-event-id': '' });
    expect(first.status).to.equal(200);
    const called = await fetch(`${app.url}/mcp`, {
      method: 'POST',
      headers: {
        ...headers,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify(request(2, 'tools/list')),
    });
    const [, id] = /^id: (\S+)/m.exec(await called.text())!;
    const older = await open({ 'last-event-id': id! });
    const newer = await open({ 'last-event-id': id! });
    expect([older.status, newer.status]).to.deep.equal([200, 200]);
    expect(await older.text().catch(() => 'cut')).to.equal('cut');
    for (const { body } of [first, newer]) await body!.cancel();
  });

  it('learn that a stream cannot be resumed from an event which is not kept', async () => {
    const { session } = await say(initialize('2025-11-25'));
    const answer = await fetch(`${app.url}/mcp`, {
      headers: { accept: 'text/event-stream', 'mcp-session-id': session!, 'last-event-id': '99' },
    });
    const { error } = (await answer.json()) as { error: JsonObject };
    expect([answer.status, error['message']]).to.deep.equal([
      400,
      'The event of Last-Event-ID is not kept any more: open the stream without it.',
    ]);
  });

  it('get a long answer cut, as text and as structured content, and neither is longer than a result may be', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(1 << 20) });
    lamp.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    const { result } = await ask('tools/call', { name: 'get_state', arguments: {} });
    lamp.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    const [block, ...others] = (result as { content: { text: string }[] }).content;
    const { body: text } = JSON.parse(block!.text) as { body: string };
    const { answer } = (result as { structuredContent: { answer: string } }).structuredContent;
    expect([others, answer]).to.deep.equal([[], text]);
    expect(text).to.match(/\n\[cut: the whole body has \d+ bytes\]$/);
    expect(text.length).to.be.at.most(64 * 1024); // TOOL_RESULT_MAX_BYTES
  });
});
