import {
  LoggingMessageNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import type { HttpDevice } from '../../support/http-device.ts';
import { lampDocument, openLamp } from '../../support/lamp.ts';
import { openMcpHost, type McpHost } from '../../support/mcp-host.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../../support/threads.ts';
import { waitFor } from '../../support/wait-for.ts';

const asks: JsonObject = { calls: [{ tools: ['set_*'], decision: 'ask' }] };
const changed = {
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: { name: 'set_brightness', arguments: { brightness: 5 } },
};

describe('the MCP server', () => {
  let server: ThreadServer;
  let admin: Caller;
  let ann: Caller;
  let bob: Caller;
  let lamp: HttpDevice & { registration(name: string): JsonObject };
  const hosts: McpHost[] = [];
  before(async () => {
    server = await openThreadServer({ AUTH: 'required', OFFERED_TOOLS_MAX_COUNT: '8' });
    admin = await server.caller('root', 'admin');
    ann = await server.caller('ann');
    bob = await server.caller('bob');
    lamp = await openLamp();
    await register('lamp', {});
    await register('asking', asks);
    server.complaints.length = 0; // there was no user when the server came up
  });
  beforeEach(() => {
    lamp.seen.length = 0;
  });
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.close();
    expect(server.complaints.splice(0)).to.deep.equal([]);
  });
  after(async () => {
    await server.close();
    await lamp.close();
  });

  async function register(name: string, rules: JsonObject, more: JsonObject = {}): Promise<void> {
    const answer = await admin.call('POST', '/api/devices', { ...lamp.registration(name), rules, ...more });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
  }

  type Decide = Parameters<typeof openMcpHost>[1] extends { decide?: infer D } | undefined ? D : never;
  async function connect(devices?: string, decide?: Decide, who = ann): Promise<McpHost> {
    const url = `${server.url}/mcp${devices === undefined ? '' : `?devices=${devices}`}`;
    const host = await openMcpHost(url, { token: who.token, ...(decide && { decide }) });
    hosts.push(host);
    return host;
  }

  const sent = () => lamp.seen.map(({ method, url }) => `${method} ${url}`);
  const approvals = async () => (await ann.call('GET', '/api/approvals')).body as { id: string }[];
  /** A message of a host without the SDK. */
  const say = (message: object, session: string | undefined, who = ann) =>
    who.call('POST', '/mcp', message, {
      accept: 'application/json, text/event-stream',
      ...(session !== undefined && { 'mcp-session-id': session }),
    });

  it('shows the tools of one device by their names, with hints from effect and risk', async () => {
    const { client } = await connect('lamp');
    const { tools } = await client.listTools();
    const answer = { anyOf: [{ type: 'object' }, { description: 'any other answer of the device' }] };
    const outputSchema = { type: 'object', properties: { answer }, required: ['answer'] };
    const shared = { $schema: undefined, outputSchema };
    expect(
      tools.map(({ inputSchema, ...tool }) => ({ ...tool, ...shared, type: inputSchema.type })),
    ).to.deep.equal([
      {
        ...shared,
        name: 'get_state',
        title: 'Lamp: GET /state',
        description: tools[0]?.description,
        type: 'object',
        annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
      },
      {
        ...shared,
        name: 'set_brightness',
        title: 'Lamp: PUT /brightness',
        description: tools[1]?.description,
        type: 'object',
        annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
      },
    ]);
    expect(tools[0]?.description).to.contain('Get the state');
  });

  it('gives the answer of the device as structured content, whatever it is', async () => {
    const { client } = await connect('lamp');
    await client.listTools(); // from here on the client checks structured content
    const answers = ['{"on":true}', '[1]', 'no JSON', ''];
    const found = [];
    for (const body of answers) {
      lamp.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      const { structuredContent, isError } = await client.callTool({ name: 'get_state', arguments: {} });
      found.push([structuredContent, isError]);
    }
    lamp.answer = (response) => response.writeHead(500).end();
    const { structuredContent, isError } = await client.callTool({ name: 'get_state', arguments: {} });
    lamp.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    expect([...found, [structuredContent, isError]]).to.deep.equal([
      [{ answer: { on: true } }, undefined],
      [{ answer: [1] }, undefined],
      [{ answer: 'no JSON' }, undefined],
      [{ answer: null }, undefined],
      [undefined, true],
    ]);
  });

  it('begins names with the device where two devices have a tool of one name', async () => {
    const { client, call } = await connect('lamp,asking');
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).to.deep.equal([
      'asking_get_state',
      'asking_set_brightness',
      'lamp_get_state',
      'lamp_set_brightness',
    ]);
    expect(await call('lamp_get_state')).to.deep.include({ isError: false });
    expect(sent()).to.deep.equal(['GET /state']);
  });

  it('shows three tools that find the others where there are too many', async () => {
    for (const name of ['many-a', 'many-b', 'many-c']) await register(name, {});
    const { client, call } = await connect();
    const { tools } = await client.listTools();
    expect(tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint])).to.deep.equal([
      ['search_tools', true],
      ['describe_tool', true],
      ['call_tool', false],
    ]);
    const { result } = await call('search_tools', { query: 'brightness' });
    const found = (result['tools'] as { name: string }[]).map(({ name }) => name);
    expect(found).to.include('many-a_set_brightness');
    const { isError } = await call('call_tool', {
      name: 'many-a_set_brightness',
      arguments: { brightness: 5 },
    });
    expect([isError, sent()]).to.deep.equal([false, ['PUT /brightness?brightness=5']]);
    for (const name of ['many-a', 'many-b', 'many-c']) await admin.call('DELETE', `/api/devices/${name}`);
  });

  it('answers a failed call with our error object, and never with an error of the protocol', async () => {
    const { call } = await connect('lamp');
    const codes = [];
    for (const [name, args] of [
      ['set_brightness', { brightness: 1000 }],
      ['no_such_tool', {}],
    ] as const) {
      const { result, isError } = await call(name, args);
      const { code, effect } = result['error'] as JsonObject;
      codes.push([code, effect, isError]);
    }
    expect(codes).to.deep.equal([
      ['invalid_arguments', 'none', true],
      ['unknown_tool', 'none', true],
    ]);
    expect(sent()).to.deep.equal([]);
  });

  it('keeps the calls of a connection in the log, and a write in the audit log', async () => {
    const { client } = await connect('lamp');
    const { _meta } = await client.callTool({ name: 'set_brightness', arguments: { brightness: 7 } });
    const session = _meta?.['lite-agent/session'] as string;
    const history = (await ann.call('GET', `/api/history?id=${session}`)).body as JsonObject[];
    expect(history.filter(({ type }) => type === 'functionCallList')).to.have.length(2);
    expect((await bob.call('GET', `/api/history?id=${session}`)).status).to.equal(404);
    const rows = (await admin.call('GET', '/api/audit?device=lamp')).body as JsonObject[];
    expect(
      rows.filter((row) => row['session'] === session).map(({ askedBy, tool }) => [askedBy, tool]),
    ).to.deep.equal([[ann.user.uuid, 'set_brightness']]);
  });

  it('keeps the calls of all devices of a connection in one session, which has its id', async () => {
    const host = await connect('lamp,asking');
    const { tools } = await host.client.listTools();
    const reads = tools.map(({ name }) => name).filter((name) => /get_/.test(name));
    const sessions = [];
    for (const name of reads) {
      const { _meta } = await host.client.callTool({ name, arguments: {} });
      sessions.push(_meta?.['lite-agent/session']);
    }
    expect(sessions).to.deep.equal(reads.map(() => host.id));
    const history = (await ann.call('GET', `/api/history?id=${host.id}`)).body as JsonObject[];
    const calls = history.filter(({ type }) => type === 'functionCallList');
    expect([reads.length > 1, calls.length]).to.deep.equal([true, reads.length * 2]);
  });

  it('lets the person at the host decide, once, and shows that the call waits', async () => {
    const host = await connect('asking', () => ({ action: 'accept', content: { decision: 'approve' } }));
    const progress: (string | undefined)[] = [];
    const result = await host.client.callTool(
      { name: 'set_brightness', arguments: { brightness: 80 } },
      undefined,
      { onprogress: ({ message }) => progress.push(message) },
    );
    expect([result.isError, sent()]).to.deep.equal([undefined, ['PUT /brightness?brightness=80']]);
    expect(progress[0]).to.match(/^The call waits for an approval\. Rule 1 of the device: ask before set_\*/);
    const [{ message, requestedSchema } = {}] = host.forms;
    expect(message).to.match(/^asking: set_brightness \{"brightness":80\}\. Rule 1 of the device/);
    expect((requestedSchema as JsonObject)['required']).to.deep.equal(['decision']);
    expect(await approvals()).to.deep.equal([]);
  });

  it('rejects a call that the person at the host declines', async () => {
    const { call } = await connect('asking', () => ({ action: 'decline' }));
    const { result, isError } = await call('set_brightness', { brightness: 80 });
    expect([isError, (result['error'] as JsonObject)['effect'], sent()]).to.deep.equal([true, 'none', []]);
  });

  it('waits for any other answer where the form is closed without one, or the host shows no forms', async () => {
    for (const decide of [() => ({ action: 'cancel' }) as const, undefined]) {
      const { call } = await connect('asking', decide);
      const called = call('set_brightness', { brightness: 9 });
      await waitFor(async () => (await approvals()).length === 1);
      const [open] = await approvals();
      await ann.call('POST', `/api/approvals/${open!.id}`, { decision: 'approve' });
      expect(await called).to.deep.include({ isError: false });
    }
    expect(sent()).to.have.length(2);
  });

  it('asks no host whose user may not decide', async () => {
    await register('others', { calls: [{ tools: ['set_*'], decision: 'ask', approvers: 'other' }] });
    const host = await connect('others', () => ({ action: 'accept', content: { decision: 'approve' } }));
    const called = host.call('set_brightness', { brightness: 9 });
    const open = async () => (await bob.call('GET', '/api/approvals')).body as { id: string }[];
    await waitFor(async () => (await open()).length === 1);
    await bob.call('POST', `/api/approvals/${(await open())[0]!.id}`, { decision: 'approve' });
    expect(await called).to.deep.include({ isError: false });
    expect([host.forms, sent()]).to.deep.equal([[], ['PUT /brightness?brightness=9']]);
  });

  it('moves the device once when a host sends one request twice', async () => {
    const { id } = await connect('asking');
    const both = [say(changed, id), say(changed, id)];
    await waitFor(async () => (await approvals()).length === 1);
    await ann.call('POST', `/api/approvals/${(await approvals())[0]!.id}`, { decision: 'approve' });
    await Promise.any(both); // the SDK answers a request on its last stream
    const again = await say(changed, id);
    expect(again.body).to.contain('"id":7');
    expect(sent()).to.deep.equal(['PUT /brightness?brightness=5']);
  });

  it('stops a call that the host cancels, before it is sent', async () => {
    const { client } = await connect('asking');
    const stop = new AbortController();
    const called = client
      .callTool({ name: 'set_brightness', arguments: { brightness: 9 } }, undefined, { signal: stop.signal })
      .catch((error: unknown) => error);
    await waitFor(async () => (await approvals()).length === 1);
    stop.abort();
    await called;
    await waitFor(async () => (await approvals()).length === 0);
    expect(sent()).to.deep.equal([]);
  });

  it('tells hosts when the devices change', async () => {
    const { client } = await connect();
    const heard: string[] = [];
    client.setNotificationHandler(ToolListChangedNotificationSchema, ({ method }) => void heard.push(method));
    client.setNotificationHandler(
      ResourceListChangedNotificationSchema,
      ({ method }) => void heard.push(method),
    );
    await client.listTools();
    await register('fresh', {});
    await waitFor(() => heard.length >= 2);
    expect(heard.slice(0, 2)).to.deep.equal([
      'notifications/tools/list_changed',
      'notifications/resources/list_changed',
    ]);
    await admin.call('DELETE', '/api/devices/fresh');
  });

  it('shows the documents of devices as resources, without keys', async () => {
    const { client } = await connect('lamp');
    const { resources } = await client.listResources();
    expect(resources).to.deep.equal([
      {
        uri: 'lite-agent://devices/lamp',
        name: 'lamp',
        title: 'Lamp',
        description: 'The document (openapi) of the device "lamp"',
      },
      {
        uri: 'lite-agent://devices/lamp/values',
        name: 'lamp/values',
        title: 'Lamp: last known values',
        description:
          'The last good result of each read of the device "lamp" since this server started, with its time',
        mimeType: 'application/json',
      },
    ]);
    const { contents } = await client.readResource({ uri: 'lite-agent://devices/lamp' });
    const [{ text } = {}] = contents as { text?: string }[];
    expect(JSON.parse(text!)).to.deep.equal(lampDocument);
    const refused = await client.readResource({ uri: 'lite-agent://devices/asking' }).catch(String);
    expect(refused).to.contain('There is no resource "lite-agent://devices/asking"');
  });

  it('shows a document without the key of the device, which somebody has written into it', async () => {
    const info = { title: 'Noted', version: '1' };
    const openSpec = { ...lampDocument, info: { ...info, description: 'Key: lamp-key-0123456789' } };
    await register('noted', {}, { openSpec });
    const { client } = await connect('noted');
    const { contents } = await client.readResource({ uri: 'lite-agent://devices/noted' });
    const [{ text } = {}] = contents as { text?: string }[];
    expect(JSON.parse(text!)).to.deep.equal({ ...openSpec, info: { ...info, description: 'Key: [secret]' } });
    await admin.call('DELETE', '/api/devices/noted');
  });

  it('tells a host that a resource which it watches has changed, until it watches it no more', async () => {
    const { client, call } = await connect('lamp');
    const [values, document] = ['lite-agent://devices/lamp/values', 'lite-agent://devices/lamp'];
    const heard: string[] = [];
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      heard.push(params.uri);
    });
    await client.subscribeResource({ uri: values });
    await client.subscribeResource({ uri: document });
    const refused = await client.subscribeResource({ uri: 'lite-agent://devices/asking' }).catch(String);
    expect(refused).to.contain('There is no resource "lite-agent://devices/asking"');
    await call('get_state');
    await waitFor(() => heard.length > 0);
    expect(heard).to.deep.equal([values]);
    await client.unsubscribeResource({ uri: values });
    await call('get_state');
    const changed = await admin.call('PUT', '/api/devices/lamp', { ...lamp.registration('lamp'), rules: {} });
    expect(changed.status).to.equal(200);
    await waitFor(() => heard.length > 1);
    expect(heard).to.deep.equal([values, document]);
  });

  it('shows the last good results of the reads of a device, without its key', async () => {
    const { client, call } = await connect('lamp');
    lamp.answer = (response) =>
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"on":true,"key":"lamp-key-0123456789"}');
    await call('get_state');
    lamp.answer = (response) => response.writeHead(500).end();
    await call('get_state');
    const { contents } = await client.readResource({ uri: 'lite-agent://devices/lamp/values' });
    const [{ text } = {}] = contents as { text?: string }[];
    const { get_state: known } = JSON.parse(text!) as { get_state: { result: JsonObject; at: string } };
    expect(known.result).to.deep.equal({ statusCode: 200, body: '{"on":true,"key":"[secret]"}' });
    expect(new Date(known.at).getTime()).to.be.closeTo(Date.now(), 60_000);
    lamp.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });

  it('writes the calls that fail into the log of a host, from the level that it wants', async () => {
    const { client, call } = await connect('lamp');
    const heard: JsonObject[] = [];
    client.setNotificationHandler(
      LoggingMessageNotificationSchema,
      ({ params }) => void heard.push(params as unknown as JsonObject),
    );
    await client.setLoggingLevel('error');
    await call('set_brightness', { brightness: 'much' });
    await client.setLoggingLevel('info');
    await call('set_brightness', { brightness: 'more' });
    await waitFor(() => heard.length > 0);
    const [{ level, data } = {}] = heard;
    expect([heard.length, level, (data as JsonObject)['tool']]).to.deep.equal([
      1,
      'warning',
      'set_brightness',
    ]);
    expect((data as JsonObject)['result']).to.contain('invalid_arguments');
  });

  it('refuses a caller without a token, and says where the metadata is', async () => {
    const { status, headers, body } = await server.call('POST', '/mcp', {
      jsonrpc: '2.0',
      id: 1,
      method: 'ping',
    });
    const metadata = `${server.url}/.well-known/oauth-protected-resource/mcp`;
    expect([status, headers.get('www-authenticate')]).to.deep.equal([
      401,
      `Bearer resource_metadata="${metadata}"`,
    ]);
    expect(body).to.have.nested.property('error.message');
    expect((await server.call('GET', '/.well-known/oauth-protected-resource/mcp')).body).to.deep.equal({
      resource: `${server.url}/mcp`,
      resource_name: 'LiteAgent Server',
      bearer_methods_supported: ['header'],
      resource_documentation: `${server.url}/docs`,
    });
  });

  it('refuses a connection of somebody else, and names every unknown device', async () => {
    const { id } = await connect('lamp');
    expect((await say(changed, id, bob)).status).to.equal(404);
    expect((await say(changed, undefined)).status).to.equal(400);
    const refused = await connect('nosuch,lamp,nor-this').catch(String);
    expect(refused).to.match(/there is no device \\?"nosuch.*there is no device \\?"nor-this/);
    expect(sent()).to.deep.equal([]);
  });

  it('gives a host that lost its stream the rest of it', async () => {
    const { id } = await connect('asking');
    const headers = {
      authorization: `Bearer ${ann.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': id!,
      'mcp-protocol-version': '2025-11-25',
    };
    const lost = new AbortController();
    const response = await fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ ...changed, id: 8 }),
      signal: lost.signal,
    });
    const { value } = await response.body!.getReader().read();
    const eventId = /^id: (\d+)$/m.exec(new TextDecoder().decode(value))?.[1];
    await waitFor(async () => (await approvals()).length === 1);
    lost.abort();
    await ann.call('POST', `/api/approvals/${(await approvals())[0]!.id}`, { decision: 'approve' });
    await waitFor(() => sent().length === 1);
    const resumed = await fetch(`${server.url}/mcp`, { headers: { ...headers, 'last-event-id': eventId! } });
    const reader = resumed.body!.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    while (!seen.includes('"id":8')) seen += (await reader.read()).value;
    await reader.cancel();
    expect(sent()).to.deep.equal(['PUT /brightness?brightness=5']);
  });
});
