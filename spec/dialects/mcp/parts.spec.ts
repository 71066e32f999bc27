import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../../support/app.ts';
import { openHttpDevice, type HttpDevice } from '../../support/http-device.ts';
import { openMcpHost, type McpHost } from '../../support/mcp-host.ts';
import { event, openMcpPeer, type McpPeer } from '../../support/mcp-peer.ts';
import { waitFor } from '../../support/wait-for.ts';

const get = (operationId: string): JsonObject => ({ get: { operationId, summary: operationId } });
const document: JsonObject = {
  openapi: '3.1.0',
  info: { title: 'Camera', version: '1' },
  paths: { '/picture': get('take_picture'), '/sound': get('record_sound'), '/none': get('take_none') },
};
/** A picture that is longer than the longest text of a result. */
const picture = Buffer.alloc(300_000, 7);
const sound = Buffer.from('RIFF');

describe('the answer of a device to an MCP host', () => {
  let app: TestApp;
  let device: HttpDevice;
  let peer: McpPeer;
  let host: McpHost;
  beforeEach(async () => {
    device = await openHttpDevice();
    device.answer = (response, { url }) => {
      if (url === '/picture') response.setHeader('content-type', 'image/jpeg').end(picture);
      else if (url === '/sound') response.setHeader('content-type', 'audio/wav; rate=8000').end(sound);
      else response.writeHead(404, { 'content-type': 'image/png' }).end(sound);
    };
    peer = await openMcpPeer();
    app = await openTestApp();
    await app.post('/api/devices', { name: 'camera', openSpec: document, server: device.url });
    const apiKey = { type: 'bearer', apiKey: 'key-of-the-peer-0123456789' };
    await app.post('/api/devices', { name: 'peer', protocol: 'mcp', server: peer.url, apiKey });
    host = await openMcpHost(`${app.url}/mcp`);
  });
  afterEach(async () => {
    await host.close();
    await app.close();
    await peer.close();
    await device.close();
  });

  const contentOf = async (name: string, args: JsonObject = {}): Promise<JsonObject[]> =>
    (await host.client.callTool({ name, arguments: args })).content as JsonObject[];
  const text = (result: JsonObject): JsonObject => ({ type: 'text', text: JSON.stringify(result) });

  it('has a picture and a sound as they are, and in words in the log', async () => {
    const shot = {
      statusCode: 200,
      body: '[binary: 300000 bytes, image/jpeg]',
      contentType: 'image/jpeg',
    };
    expect(await contentOf('take_picture')).to.deep.equal([
      text(shot),
      { type: 'image', data: picture.toString('base64'), mimeType: 'image/jpeg' },
    ]);
    const [, recorded] = await contentOf('record_sound');
    expect(recorded).to.deep.equal({
      type: 'audio',
      data: sound.toString('base64'),
      mimeType: 'audio/wav',
    });
    const results = (await app.history(host.id!)).filter(({ type }) => type === 'toolReturn');
    expect(JSON.stringify(results)).to.include('[binary: 300000 bytes, image/jpeg]');
    expect(JSON.stringify(results).length).to.be.below(2000);
  });

  it('has no picture of an answer that is an error', async () => {
    const content = await contentOf('take_none');
    expect(content.map(({ type }) => type)).to.deep.equal(['text']);
  });

  it('has the parts of an MCP server, without the key, and leaves out those that are not valid', async () => {
    const image = { type: 'image', data: 'AAAA', mimeType: 'image/png' };
    const resource = { type: 'resource', resource: { uri: 'a:b', text: 'key-of-the-peer-0123456789' } };
    peer.answers['tools/call'] = ({ send }) =>
      send({
        content: [{ type: 'text', text: 'Both.' }, image, resource, { type: 'image' }, { type: 'resource' }],
      });
    const [first, ...parts] = await contentOf('echo', { text: 'x' });
    expect(first!['type']).to.equal('text');
    expect(parts).to.deep.equal([image, { type: 'resource', resource: { uri: 'a:b', text: '[secret]' } }]);
  });

  it('has the progress and the log of an MCP server before it, without the key, and no more than a hundred of them', async () => {
    const notice = (method: string, params: JsonObject): string =>
      event({ jsonrpc: '2.0', method: `notifications/${method}`, params });
    peer.answers['tools/call'] = ({ message: { id, params }, response }) => {
      const { progressToken } = (params as { _meta: JsonObject })['_meta'];
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(notice('progress', { progressToken, progress: 50, total: 100, message: 'Half.' }));
      response.write(notice('progress', { progressToken: 'of another call', progress: 60 }));
      response.write(notice('progress', { progressToken, progress: 'far' }));
      response.write(notice('message', { level: 'info', data: 'The key is key-of-the-peer-0123456789.' }));
      response.write(notice('message', { level: 'loud', data: 'No level.' }));
      response.write(notice('progress', { progressToken, progress: 100, total: 100 }));
      for (let line = 1; line <= 200; line += 1)
        response.write(notice('message', { level: 'debug', data: { line, more: 'x'.repeat(line * 11) } }));
      response.end(event({ jsonrpc: '2.0', id: id!, result: { content: [] } }));
    };
    const lines: unknown[] = [];
    const progress: unknown[] = [];
    host.client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      lines.push(params);
    });
    await host.client.callTool({ name: 'echo', arguments: { text: 'x' } }, undefined, {
      onprogress: (told) => progress.push(told),
    });
    expect(progress).to.deep.equal([
      { progress: 50, total: 100, message: 'Half.' },
      { progress: 100, total: 100 },
    ]);
    await waitFor(() => lines.length === 98);
    expect(lines[0]).to.deep.equal({ level: 'info', logger: 'peer', data: 'The key is [secret].' });
    expect(lines[1]).to.deep.equal({
      level: 'debug',
      logger: 'peer',
      data: { line: 1, more: 'x'.repeat(11) },
    });
    expect((lines[97] as { data: string }).data).to.equal(`{"line":97,"more":"${'x'.repeat(981)}`);
  });

  it('has the log of an MCP server from the level that the host wants, and no half of the key where a line is cut', async () => {
    const key = 'key-of-the-peer-0123456789';
    peer.answers['tools/call'] = ({ message: { id, params }, response }) => {
      const { progressToken } = (params as { _meta: JsonObject })['_meta'];
      const said = (level: string, data: string): string =>
        event({ jsonrpc: '2.0', method: 'notifications/message', params: { level, data } });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(said('debug', 'Below the level.'));
      response.write(said('error', `${'x'.repeat(985)}${key}`));
      const progress = { progressToken, progress: 1, message: `${'x'.repeat(990)}${key}` };
      response.write(event({ jsonrpc: '2.0', method: 'notifications/progress', params: progress }));
      response.write(
        `data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${JSON.stringify(progressToken)},"progress":1e999}}\n\n`,
      );
      response.end(event({ jsonrpc: '2.0', id: id!, result: { content: [] } }));
    };
    const lines: unknown[] = [];
    const progress: unknown[] = [];
    host.client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      lines.push(params);
    });
    await host.client.setLoggingLevel('error');
    await host.client.callTool({ name: 'echo', arguments: { text: 'x' } }, undefined, {
      onprogress: (told) => progress.push(told),
    });
    await waitFor(() => lines.length > 0);
    expect(lines).to.deep.equal([{ level: 'error', logger: 'peer', data: `${'x'.repeat(985)}[secret]` }]);
    expect(progress).to.deep.equal([{ progress: 1, message: `${'x'.repeat(990)}[secret]` }]);
  });
});
