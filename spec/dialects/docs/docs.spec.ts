import SwaggerParser from '@apidevtools/swagger-parser';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { accessRows, createThings } from '../../support/access-rows.ts';
import { openThreadServer, type ThreadServer } from '../../support/threads.ts';

interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  parameters?: { name: string }[];
  security: object[];
  responses: Record<string, { content?: Record<string, object> }>;
}
interface Documented {
  requestBody?: {
    content: Record<
      string,
      { schema: { examples?: object[]; properties?: object }; example?: Record<string, string> }
    >;
  };
  responses: Record<string, { content?: Record<string, { schema: object; example?: unknown }> }>;
}
interface Document {
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
}

/** What a host of MCP accepts, and others do. */
const anyAnswer = 'application/json, text/event-stream';
/** The device of the examples. */
const places: Readonly<Record<string, string>> = {
  'PUT /api/devices/{name}': '/api/devices/porch',
};
/** The status of the refusal of an example whose values only a person, a model or an earlier answer has. */
const refused: Readonly<Record<string, number>> = {
  'POST /api/approvals/{id}': 404, // no call waits
  'POST /v1/threads/{thread}/runs/{run}/submit_tool_outputs': 400, // the run waits for none
  'POST /apps/{app_id}/chat': 400, // the app is not published
  'POST /apps/{app_id}/messages/{message_id}/delete': 404, // the app has said nothing
  // Codes, tokens and passwords of nobody.
  'POST /auth/exchange': 401,
  'POST /auth/refresh': 401,
  'POST /auth/logout': 401,
  'POST /auth/sms/verify': 401,
  'POST /user/me/password': 401,
  'POST /api/v1/user/me/password': 401,
  'PUT /api/v1/users/me/password': 403,
  'POST /api/v1/users/me/credits': 422,
  // The same under the other prefix took the name and the e-mail.
  'POST /user/register': 409,
  'POST /user/me/username': 409,
  'POST /user/me/email': 409,
  // No model listens at the address.
  'POST /conversation/generate_title': 502,
  'POST /chat/generate_title': 502,
  'POST /api/v1/conversation/generate_title': 502,
  'POST /api/v1/chat/generate_title': 502,
};

/** An example with the ids of things that are there. */
function withIdsOf(known: unknown, example: object): object {
  const ids = Object.entries(known ?? {}).filter(([name]) => /ids?$/.test(name));
  return { ...example, ...Object.fromEntries(ids) };
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

  it('says of each route that starts work, or ends something once, that it takes an Idempotency-Key (contract 6, section 7)', async () => {
    const document = await get<Document>('/openapi.json');
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, { parameters = [] }]) => parameters.some(({ name }) => name === 'Idempotency-Key'))
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.toSorted()).to.deep.equal([
      'DELETE /v1/chat/completions/{completion}',
      'DELETE /v1/conversations/{conversation}',
      'DELETE /v1/conversations/{conversation}/items/{item}',
      'DELETE /v1/files/{file}',
      'DELETE /v1/responses/{response}',
      'DELETE /v1/threads/{thread}',
      'DELETE /v1/threads/{thread}/messages/{message}',
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
      'POST /v1/uploads/{upload}/cancel',
      'POST /v1/uploads/{upload}/complete',
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

  it('has an example of each body, and the server takes it where the things that it names are there', async function () {
    this.timeout(240_000);
    const { paths } = await get<{ paths: Record<string, Record<string, Documented>> }>('/openapi.json');
    const withBody = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { requestBody, responses }]) => {
        const body = requestBody?.content['application/json'];
        return body ? [{ name: `${method.toUpperCase()} ${path}`, body, responses }] : [];
      }),
    );
    const without = withBody.filter(({ body }) => body.schema.examples === undefined);
    expect(without.map(({ name }) => name)).to.deep.equal([]);
    const answers: Record<string, unknown> = {};
    for (const [index, { name, body, responses }] of withBody.entries()) {
      // Each has a caller of its own: some of them change the account.
      const admin = await server.caller(`admin-${index}`, 'admin');
      const [method = '', template = ''] = name.split(' ');
      const request = (await accessRows[name]?.request?.(createThings(admin, admin))) ?? { path: template };
      const { path, body: known } = places[name] ? { path: places[name], body: undefined } : request;
      const example = withIdsOf(known?.(), body.schema.examples![0]!);
      const answer = await admin.call(method, path, example, { accept: anyAnswer });
      const expected = responses[answer.status]?.content?.['application/json'];
      const validate =
        expected && new Ajv2020({ strict: false, validateFormats: false }).compile(expected.schema);
      answers[name] = answer.status >= 300 ? answer.status : (validate?.(answer.body) ?? true);
    }
    const taken = Object.fromEntries(withBody.map(({ name }) => [name, true]));
    expect(answers).to.deep.equal({ ...taken, ...refused });
  });

  it('has the fields of each form, and an example of its texts that the server takes with a file', async () => {
    const { paths } = await get<{ paths: Record<string, Record<string, Documented>> }>('/openapi.json');
    const ada = await server.caller('ada of the forms');
    // The one who signs in with a form.
    await server.call('POST', '/api/v1/users', { username: 'grace', password: 'a lamp in every room' });
    const forms: Record<string, [string[], string[], number]> = {};
    for (const [path, methods] of Object.entries(paths))
      for (const [method, { requestBody }] of Object.entries(methods))
        for (const [type, { schema, example = {} }] of Object.entries(requestBody?.content ?? {})) {
          if (type === 'application/json') continue;
          const form = new FormData();
          for (const [name, value] of Object.entries(example)) form.append(name, value);
          const fields = Object.entries(schema.properties ?? {});
          for (const [name, field] of fields)
            if ('contentMediaType' in field) form.append(name, new Blob(['x']), 'a.txt');
          const isUrl = type === 'application/x-www-form-urlencoded';
          const body = isUrl ? new URLSearchParams(example).toString() : form;
          const answer = await ada.call(method.toUpperCase(), path.replace('{file}', 'txt'), body, {
            ...(isUrl && { 'content-type': type }),
          });
          forms[path] = [fields.map(([name]) => name), Object.keys(example), answer.status];
        }
    expect(forms).to.deep.equal({
      '/v1/uploads/{upload}/parts': [['data', 'thread_id'], [], 404],
      '/v1/files': [['file', 'purpose'], ['purpose'], 200],
      '/v1/files/{file}': [['file', 'purpose'], ['purpose'], 200],
      '/api/v1/session/oauth2/token': [
        ['username', 'password', 'grant_type', 'scope'],
        ['username', 'password'],
        200,
      ],
      '/api/v1/users/me/avatar': [['avatar_file'], [], 415],
    });
  });

  it('has an example of each answer in JSON, which fits its schema', async () => {
    const { paths } = await get<{ paths: Record<string, Record<string, Documented>> }>('/openapi.json');
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const unlike = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { responses }]) =>
        Object.entries(responses).flatMap(([status, { content }]) => {
          const { schema, example } = content?.['application/json'] ?? {};
          if (status === 'default' || !schema) return [];
          return ajv.validate(schema, example) ? [] : [`${method} ${path}: ${ajv.errorsText()}`];
        }),
      ),
    );
    expect(unlike).to.deep.equal([]);
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
