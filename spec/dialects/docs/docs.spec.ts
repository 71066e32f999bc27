import SwaggerParser from '@apidevtools/swagger-parser';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { openThreadServer, type ThreadServer } from '../../support/threads.ts';

interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  parameters?: { name: string }[];
  security: object[];
  responses: Record<string, { content?: Record<string, object> }>;
}
interface Document {
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
}

describe('the description of the server', () => {
  let server: ThreadServer;
  before(async () => {
    server = await openThreadServer();
  });
  after(() => server.close());

  const get = async <Body>(path: string): Promise<Body> => (await server.call('GET', path)).body as Body;

  it('is an OpenAPI document of every dialect that passes validation', async () => {
    const document = await get<Document>('/openapi.json');
    await SwaggerParser.validate(
      structuredClone(document) as unknown as Parameters<typeof SwaggerParser.validate>[0],
    );
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    const dialects = new Set(operations.flatMap(({ tags }) => tags));
    expect(document.tags.filter(({ description }) => !description)).to.deep.equal([]);
    expect([...dialects]).to.include.members(['liteagent', 'openai', 'llmops', 'chat', 'objects', 'docs']);
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).to.equal(ids.length);
    expect(operations.every(({ summary }) => summary.length > 5)).to.equal(true);
    const post = document.paths['/v1/threads/{thread}/messages']!['post'] as Operation & {
      requestBody: { content: Record<string, { schema: { required: string[] } }> };
    };
    expect(post.requestBody.content['application/json']!.schema.required).to.deep.equal(['role', 'content']);
    expect(post.security).to.deep.equal([{ bearer: [] }]);
    expect(Object.keys(post.responses['default']!.content!)).to.deep.equal(['application/json']);
    expect(document.paths['/api/init']!['post']!.security).to.deep.equal([{}, { bearer: [] }]);
    expect(document.paths['/auth/refresh']!['post']!.security).to.deep.equal([]);
  });

  it('says of each route that can start work that it takes an Idempotency-Key (contract 6, section 7)', async () => {
    const document = await get<Document>('/openapi.json');
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, { parameters = [] }]) => parameters.some(({ name }) => name === 'Idempotency-Key'))
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.toSorted()).to.deep.equal([
      'POST /api/devices/{name}/tools/{tool}',
      'POST /api/init',
      'POST /api/v1/chat/send',
      'POST /api/v1/tasks',
      'POST /apps/{app_id}/chat',
      'POST /apps/{app_id}/debug',
      'POST /chat/send',
      'POST /v1/chat/completions',
      'POST /v1/conversations/{conversation}/items',
      'POST /v1/responses',
      'POST /v1/threads/runs',
      'POST /v1/threads/{thread}/messages',
      'POST /v1/threads/{thread}/runs',
      'POST /v1/threads/{thread}/runs/{run}/submit_tool_outputs',
    ]);
  });

  it('is an AsyncAPI document of the WebSocket, and the frames on the wire match it', async () => {
    const document = await get<{
      asyncapi: string;
      channels: Record<string, { address: string; messages: Record<string, { payload: object }> }>;
      operations: Record<string, { action: string; channel: object; messages: { $ref: string }[] }>;
    }>('/asyncapi.json');
    expect(document.asyncapi).to.equal('3.0.0');
    const channel = document.channels['api_chat']!;
    expect(channel.address).to.equal('/api/chat');
    expect(Object.keys(channel.messages)).to.deep.equal([
      'receive_ping',
      'receive_piece',
      'receive_pieces',
      'receive_task',
      'receive_approval',
      'send_envelope',
      'send_chunk',
      'send_reasoning',
      'send_ack',
      'send_error',
      'send_pong',
    ]);
    for (const { channel: at, messages } of Object.values(document.operations)) {
      expect(at).to.deep.equal({ $ref: '#/channels/api_chat' });
      for (const { $ref } of messages)
        expect(channel.messages).to.have.property($ref.replace('#/channels/api_chat/messages/', ''));
    }
    const id = await server.app.init({});
    const chat = await server.app.chat(id);
    chat.send({ contentList: [{ type: 'text', message: 'Hello!' }], stream: true, ack: true });
    chat.send({ nonsense: true });
    await chat.tasksEnded(1);
    await chat.until(() => chat.seen.some(({ type }) => type === 'error'));
    await chat.close();
    const sends = Object.entries(channel.messages).filter(([name]) => name.startsWith('send'));
    const validate = new Ajv2020({ strict: false }).compile({
      anyOf: sends.map(([, { payload }]) => payload),
    });
    expect(chat.seen.filter((frame) => !validate(frame))).to.deep.equal([]);
    expect(chat.seen.map(({ type }) => type)).to.include.members(['ack', 'chunk', 'error', 'text']);
  });

  it('has an example of POST /api/init that runs, and frames that the server takes', async () => {
    const { paths } = await get<{
      paths: Record<
        string,
        Record<string, { requestBody: { content: Record<string, { schema: { examples: object[] } }> } }>
      >;
    }>('/openapi.json');
    const [example] = paths['/api/init']!['post']!.requestBody.content['application/json']!.schema.examples;
    const chat = await server.app.chat(await server.app.init(example!));
    const { channels } = await get<{
      channels: Record<string, { messages: Record<string, { examples?: { payload: object }[] }> }>;
    }>('/asyncapi.json');
    const { receive_piece: piece, receive_task: task } = channels['api_chat']!.messages;
    for (const { payload } of [...piece!.examples!, ...task!.examples!]) chat.send(payload);
    await chat.tasksEnded(2);
    await chat.close();
    expect(chat.seen.filter(({ type }) => type === 'error')).to.deep.equal([]);
  });

  it('has examples that run as they stand, in the order of a first visit', async () => {
    const { paths } = await get<{
      paths: Record<
        string,
        Record<string, { requestBody: { content: Record<string, { schema: { examples?: unknown[] } }> } }>
      >;
    }>('/openapi.json');
    const admin = await server.caller('ann', 'admin');
    const { id: session } = (await admin.call('POST', '/api/init', {})).body as { id: string };
    const walk = [
      ['/api/devices/trial', 200],
      ['/api/devices', 201],
      ['/api/devices/{name}/rules/trial', 200, '/api/devices/porch/rules/trial'],
      ['/api/devices/{name}/tools/{tool}', 200, '/api/devices/porch/tools/switch_on'],
      ['/api/sessions/{id}', 200, `/api/sessions/${session}`],
      ['/api/trial/devices', 200],
      ['/api/model/test', 200],
      ['/v1/responses', 200],
      ['/v1/chat/completions', 200],
      ['/api/estop', 200],
      ['/api/estop/release', 200],
    ] as const;
    const answers = [];
    for (const [path, , at = path] of walk) {
      const { schema } = paths[path]!['post']!.requestBody.content['application/json']!;
      const { status, body } = await admin.call('POST', at, schema.examples?.[0]);
      answers.push([path, status, status < 300 ? '' : JSON.stringify(body)]);
    }
    expect(answers).to.deep.equal(walk.map(([path, status]) => [path, status, '']));
  });

  it('is a page that comes from this server alone', async () => {
    const page = await server.call('GET', '/docs/api');
    expect(page.headers.get('content-security-policy')).to.contain("default-src 'none'; script-src 'self'");
    const parts = [...(page.body as string).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);
    expect(parts).to.deep.equal([
      '/docs/api/swagger-ui.css',
      '/docs',
      '/docs/api/swagger-ui.js',
      '/docs/api/page.js',
    ]);
    for (const path of parts) {
      const part = await server.call('GET', path);
      expect([part.status, (part.body as string).length > 500]).to.deep.equal([200, true]);
    }
    for (const path of ['/docs/api/package.json', '/docs/api/toString', '/docs/api/..%2fpackage.json'])
      expect((await server.call('GET', path)).status).to.equal(404);
  });
});
