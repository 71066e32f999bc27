import { expect } from 'chai';
import type OpenAI from 'openai';
import { openHttpDevice, type HttpDevice } from '../../support/http-device.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from '../../support/model-server.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../../support/threads.ts';

/** JavaScript's nearest number is 2512292042121000000. */
const LONG = '2512292042121000001';

const document = {
  openapi: '3.1.0',
  info: { title: 'Meter', version: '1' },
  paths: {
    '/serial': {
      put: {
        operationId: 'set_serial',
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['number'],
                properties: {
                  number: { type: 'integer' },
                  list: { type: 'array', items: { type: 'integer' } },
                },
              },
            },
          },
        },
        responses: { '200': { description: 'set' } },
      },
    },
  },
};

describe('whole numbers beyond 2^53 in requests of clients', () => {
  let server: ThreadServer;
  let model: ModelServer;
  let meter: HttpDevice;
  let ada: Caller;
  const steps: ModelServerStep[] = [];
  before(async () => {
    model = await startModelServer(steps);
    meter = await openHttpDevice();
    server = await openThreadServer({ baseUrl: model.baseUrl, apiKey: 'none' });
    const admin = await server.caller('root', 'admin');
    ada = await server.caller('ada');
    const device = { name: 'meter', openSpec: JSON.stringify(document), server: meter.url };
    expect((await admin.call('POST', '/api/devices', device)).status).to.equal(201);
  });
  beforeEach(() => {
    meter.seen.length = 0;
  });
  after(async () => {
    await server.close();
    await Promise.all([meter.close(), model.close()]);
  });

  const seen = () => meter.seen.map(({ body }) => body.toString());
  /** JSON.stringify would round the numbers. */
  const post = (path: string, text: string, headers: Record<string, string> = {}) =>
    ada.call('POST', path, text, { 'content-type': 'application/json', ...headers });

  it('reach the device of a direct call with each digit, and its repeat is known', async () => {
    const body = `{"arguments":{"number":${LONG},"list":[1,-${LONG}]}}`;
    const headers = { 'idempotency-key': 'one serial' };
    const first = await post('/api/devices/meter/tools/set_serial', body, headers);
    expect(first.status, JSON.stringify(first.body)).to.equal(200);
    const again = await post('/api/devices/meter/tools/set_serial', body, headers);
    expect(again.body).to.deep.equal(first.body);
    const other = body.replaceAll(LONG, '2512292042121000002');
    expect((await post('/api/devices/meter/tools/set_serial', other, headers)).status).to.equal(409);
    expect(seen()).to.deep.equal([`{"number":${LONG},"list":[1,-${LONG}]}`]);
  });

  it('are refused where their digits would be lost, and nothing is sent', async () => {
    const refused: unknown[] = [];
    const path = '/api/devices/meter/tools/set_serial';
    for (const beside of [
      `"list":[${'1,'.repeat(150_000)}1]`,
      '"list":[1],"__proto__":1',
      '"list":[1e400]',
    ]) {
      const { status, body } = await post(path, `{"arguments":{"number":${LONG},${beside}}}`);
      refused.push([status, (body as { detail: string }).detail]);
    }
    const detail = `The body has a number that cannot be read exactly, ${LONG}: give it as a text.`;
    expect(refused).to.deep.equal([
      [400, detail],
      [400, detail],
      [400, detail],
    ]);
    expect(seen()).to.deep.equal([]);
  });

  it('are shown with each digit by a dry run', async () => {
    const body = `{"dryRun":true,"arguments":{"number":${LONG}}}`;
    const answer = await post('/api/devices/meter/tools/set_serial', body);
    expect(JSON.stringify(answer.body)).to.contain(LONG);
    expect(seen()).to.deep.equal([]);
  });

  it('reach the device of an MCP call with each digit', async () => {
    const accept = { accept: 'application/json, text/event-stream' };
    const hello = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'a', version: '1' },
    };
    const begun = await post(
      '/mcp',
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: hello }),
      accept,
    );
    const session = { ...accept, 'mcp-session-id': begun.headers.get('mcp-session-id')! };
    await post('/mcp', JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }), session);
    const called = await post(
      '/mcp',
      `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"set_serial","arguments":{"number":${LONG}}}}`,
      session,
    );
    expect(called.status, String(called.body)).to.equal(200);
    expect(seen()).to.deep.equal([`{"number":${LONG}}`]);
  });

  it("reach the model with each digit in the output of a client's function", async () => {
    steps.push({ calls: [{ name: 'read_serial', arguments: {}, id: 's1' }] }, { text: 'Read.' });
    const tools = [{ type: 'function', name: 'read_serial', parameters: { type: 'object' } }];
    const made = await ada.call('POST', '/v1/responses', { model: 'm', input: 'Read!', tools });
    const { id } = made.body as OpenAI.Responses.Response;
    const output = { type: 'function_call_output', call_id: 's1', output: `{"number":${LONG}}` };
    await ada.call('POST', '/v1/responses', { model: 'm', previous_response_id: id, input: [output] });
    const said = model.requests.at(-1)!.body['messages'] as { role: string; content: string }[];
    expect(said.find(({ role }) => role === 'tool')!.content).to.contain(LONG);
  });

  it('are refused where they do not fit, as any other number', async () => {
    const answer = await post(
      '/api/devices/meter/tools/set_serial',
      `{"arguments":{"number":{"of":${LONG}}}}`,
    );
    expect((answer.body as { error: { code: string } }).error.code).to.equal('invalid_arguments');
    expect(seen()).to.deep.equal([]);
  });
});
