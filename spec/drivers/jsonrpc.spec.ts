import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../lib/common/json.ts';
import { openEgress, type Egress } from '../../lib/drivers/egress.ts';
import { createHttpDriver } from '../../lib/drivers/http.ts';
import { createJsonrpcDriver, type JsonrpcCall, type JsonrpcDriver } from '../../lib/drivers/jsonrpc.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';

describe('drivers/jsonrpc', () => {
  let egress: Egress;
  let jsonrpc: JsonrpcDriver;
  let device: HttpDevice;

  beforeEach(async () => {
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    jsonrpc = createJsonrpcDriver({
      http: createHttpDriver({ egress, resultMaxBytes: 1024 }),
      resultMaxBytes: 1024,
    });
    device = await openHttpDevice();
  });

  afterEach(async () => {
    await egress.close();
    await device.close();
  });

  const callOf = (more: Partial<JsonrpcCall> = {}): JsonrpcCall => ({
    url: `${device.url}/rpc?room=1`,
    method: 'light.on',
    params: { room: 1 },
    effect: 'write',
    ...more,
  });
  const context = (timeoutMs = 5000, signal = new AbortController().signal) => ({ signal, timeoutMs });
  const call = (more: Partial<JsonrpcCall> = {}, timeoutMs?: number) =>
    jsonrpc.call(callOf(more), context(timeoutMs));
  /** Answers with what `answer` makes of the message that came. */
  const serve = (answer: (message: JsonObject) => JsonValue | undefined, status = 200): void => {
    device.answer = (response, { body }) => {
      const value = answer(JSON.parse(body.toString()) as JsonObject);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(value === undefined ? undefined : JSON.stringify(value));
    };
  };
  const sent = (): unknown[] => device.seen.map(({ body }) => JSON.parse(body.toString()) as unknown);

  it('sends the headers of the trace that a call belongs to, and none where the call has its own', async () => {
    const headers = () => ({ traceparent: 'of the trace' });
    const traced = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [], headers });
    try {
      const http = createHttpDriver({ egress: traced, resultMaxBytes: 1024 });
      const driver = createJsonrpcDriver({ http, resultMaxBytes: 1024 });
      serve(({ id }) => ({ jsonrpc: '2.0', id: id ?? null, result: true }));
      await driver.call(callOf(), context());
      await driver.call(callOf({ headers: { Traceparent: 'its own' } }), context());
      expect(device.seen.map(({ headers: { traceparent } }) => traceparent)).to.deep.equal([
        'of the trace',
        'its own',
      ]);
    } finally {
      await traced.close();
    }
  });

  it('posts the call and gives the whole body', async () => {
    serve(({ id }) => ({ jsonrpc: '2.0', id: id ?? null, result: { on: true } }));
    const result = await call({ headers: { authorization: 'Bearer k' } });
    expect(result).to.deep.equal({ statusCode: 200, body: '{"jsonrpc":"2.0","id":1,"result":{"on":true}}' });
    const [seen] = device.seen;
    expect([
      seen?.method,
      seen?.url,
      seen?.headers['content-type'],
      seen?.headers.authorization,
    ]).to.deep.equal(['POST', '/rpc?room=1', 'application/json', 'Bearer k']);
    expect(sent()).to.deep.equal([{ jsonrpc: '2.0', id: 1, method: 'light.on', params: { room: 1 } }]);
  });

  it('gives every call its own id, parameters as they are or none', async () => {
    serve(({ id }) => ({ jsonrpc: '2.0', id: id ?? null, result: null }));
    await call({ params: [1, null, { a: [] }] });
    await jsonrpc.call({ url: device.url, method: 'light.off', effect: 'read' }, context());
    expect(sent()).to.deep.equal([
      { jsonrpc: '2.0', id: 1, method: 'light.on', params: [1, null, { a: [] }] },
      { jsonrpc: '2.0', id: 2, method: 'light.off' },
    ]);
  });

  it('sends a notification without an id and takes any answer or none', async () => {
    device.answer = (response) => response.writeHead(204).end();
    expect(await call({ notification: true })).to.deep.equal({ statusCode: 204, body: '' });
    expect(sent()).to.deep.equal([{ jsonrpc: '2.0', method: 'light.on', params: { room: 1 } }]);
    device.answer = (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('ok');
    expect(await call({ notification: true })).to.deep.equal({
      statusCode: 200,
      body: 'ok',
      contentType: 'text/plain',
    });
    serve(() => ({ jsonrpc: '2.0', id: null, error: { code: -32601, message: 'no' } }));
    expect((await call({ notification: true }))['error']).to.deep.equal({
      code: -32601,
      message: 'no',
      effect: 'none',
    });
  });

  describe('reports the server’s error', () => {
    const table: [string, JsonObject, number, Partial<JsonrpcCall>, JsonObject][] = [
      [
        'of a write: it may have happened',
        { code: 1001, message: 'low', data: { left: 3 } },
        200,
        {},
        { code: 1001, message: 'low', data: { left: 3 }, effect: 'unknown' },
      ],
      [
        'of a read: nothing happened',
        { code: -32000, message: 'busy' },
        200,
        { effect: 'read' },
        { code: -32000, message: 'busy', effect: 'none' },
      ],
      [
        'of a refused write: nothing happened',
        { code: -32602, message: 'bad' },
        200,
        {},
        { code: -32602, message: 'bad', effect: 'none' },
      ],
      [
        'under an HTTP error',
        { code: -32601, message: 'no such' },
        404,
        {},
        { code: -32601, message: 'no such', effect: 'none' },
      ],
      [
        'without code or message',
        {},
        500,
        {},
        { code: 'device_error', message: 'The device answered with an error', effect: 'unknown' },
      ],
    ];
    for (const [title, error, status, more, expected] of table) {
      it(title, async () => {
        serve(({ id }) => ({ jsonrpc: '2.0', id: id ?? null, error }), status);
        const result = await call(more);
        expect(result['statusCode']).to.equal(status);
        expect(result['body']).to.equal(JSON.stringify({ jsonrpc: '2.0', id: 1, error }));
        expect(result['error']).to.deep.equal(expected);
      });
    }

    it('that has a null id, or is only a text', async () => {
      serve(() => ({ jsonrpc: '2.0', id: null, error: 'broken' }));
      expect((await call())['error']).to.deep.equal({
        code: 'device_error',
        message: 'broken',
        effect: 'unknown',
      });
      serve(() => ({ jsonrpc: '2.0', error: [1] }));
      expect((await call())['error']).to.deep.equal({
        code: 'device_error',
        message: '[1]',
        effect: 'unknown',
      });
    });
  });

  describe('refuses an answer that is none to this call', () => {
    const table: [string, (id: JsonValue) => JsonValue | undefined, string][] = [
      [
        'for another call',
        () => ({ jsonrpc: '2.0', id: 99, result: 1 }),
        'it is for the id 99, the call had 1',
      ],
      ['for no call', () => ({ jsonrpc: '2.0', result: 1 }), 'it has no id, the call had 1'],
      [
        'an error for another call',
        () => ({ id: 'x', error: { code: 1 } }),
        'it is for the id "x", the call had 1',
      ],
      ['without result and error', (id) => ({ jsonrpc: '2.0', id }), 'it has neither "result" nor "error"'],
      ['a batch', (id) => [{ jsonrpc: '2.0', id, result: 1 }], 'it is a list of answers (a batch), not one'],
      ['a text', () => 'ok', 'it is no JSON object'],
      ['nothing', () => undefined, 'it is empty'],
    ];
    for (const [title, answer, why] of table) {
      it(title, async () => {
        serve(({ id }) => answer(id ?? null));
        const result = await call();
        expect(result['statusCode']).to.equal(200);
        expect(result['error']).to.deep.equal({
          code: 'invalid_response',
          message: `The answer is no answer to this JSON-RPC call: ${why}`,
          effect: 'unknown',
        });
      });
    }

    it('a body that is no JSON', async () => {
      device.answer = (response) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hi</h1>');
      expect(await call({ effect: 'read' })).to.deep.equal({
        statusCode: 200,
        body: '<h1>Hi</h1>',
        contentType: 'text/html',
        error: {
          code: 'invalid_response',
          message: 'The answer is no answer to this JSON-RPC call: it is no JSON',
          effect: 'none',
        },
      });
    });

    it('but takes an id as text, and a null error beside a result', async () => {
      serve(({ id }) => ({ id: JSON.stringify(id), result: null, error: null }));
      expect(await call()).to.deep.equal({ statusCode: 200, body: '{"id":"1","result":null,"error":null}' });
    });
  });

  it('reads an answer in each encoding that JSON may have', async () => {
    const texts = (text: string): Buffer[] => [
      Buffer.from(`\uFEFF${text}`),
      Buffer.from(`\uFEFF${text}`, 'utf16le'),
      Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(),
    ];
    let answers: Buffer[] = [];
    device.answer = (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(answers.shift());
    for (const id of [1, 2, 3]) {
      const text = `{"jsonrpc":"2.0","id":${id},"result":"冷"}`;
      answers = [texts(text)[id - 1] ?? Buffer.from('')];
      expect(await call()).to.deep.equal({ statusCode: 200, body: text });
    }
  });

  it('reports an HTTP error that is no JSON-RPC answer', async () => {
    device.answer = (response) => response.writeHead(503, { 'content-type': 'text/plain' }).end('later');
    expect(await call()).to.deep.equal({
      statusCode: 503,
      body: 'later',
      contentType: 'text/plain',
      error: {
        code: 'HTTP_503',
        message: 'The device answered HTTP 503 Service Unavailable',
        effect: 'unknown',
      },
    });
  });

  it('cuts a long answer with a marker, and still finds its error', async () => {
    serve(({ id }) => ({
      jsonrpc: '2.0',
      id: id ?? null,
      error: { code: 7, message: 'm', data: 'x'.repeat(5000) },
    }));
    const result = await call();
    const error = result['error'] as JsonObject;
    expect([error['code'], error['effect'], (error['data'] as string).length]).to.deep.equal([
      7,
      'unknown',
      5000,
    ]);
    expect(Buffer.byteLength(result['body'] as string)).to.be.lessThanOrEqual(1024);
    expect(result['body']).to.match(/\n\[cut: the whole body has 5\d\d\d bytes\]$/);
  });

  it('gives up when the device does not answer, or breaks off: the fate of a write is unknown', async () => {
    device.answer = () => {};
    const late = (await call({}, 60))['error'] as JsonObject;
    expect([late['code'], late['effect']]).to.deep.equal(['ETIMEDOUT', 'unknown']);
    device.answer = (_, { socket }) => socket.destroy();
    const broken = (await call())['error'] as JsonObject;
    expect([broken['code'], broken['effect']]).to.deep.equal(['ECONNRESET', 'unknown']);
    expect(device.seen).to.have.length(2);
  });

  it('sends nothing that was called off, or has no usable URL', async () => {
    const called = await jsonrpc.call(callOf(), context(5000, AbortSignal.abort()));
    expect((called['error'] as JsonObject)['code']).to.equal('cancelled');
    for (const [url, message] of [
      ['localhost', '"localhost" is no URL'],
      ['ws://127.0.0.1/', '"ws://127.0.0.1/" is no http(s) URL'],
      ['http://user:secret@127.0.0.1/', 'A URL with user info is not used: give the key with the document'],
    ] as const) {
      expect(await call({ url })).to.deep.equal({
        error: { code: 'invalid_server', message, effect: 'none' },
      });
      expect(await jsonrpc.ask(callOf({ url }), context(), 100)).to.deep.equal({
        failure: { error: { code: 'invalid_server', message, effect: 'none' } },
      });
    }
    expect(device.seen).to.deep.equal([]);
  });

  it('asks for a result alone', async () => {
    serve(({ id }) => ({ jsonrpc: '2.0', id: id ?? null, result: { openrpc: '1.3.2' } }));
    expect(await jsonrpc.ask(callOf(), context(), 1000)).to.deep.equal({ result: { openrpc: '1.3.2' } });
    const long = await jsonrpc.ask(callOf(), context(), 20);
    expect('failure' in long && long.failure['error']).to.deep.equal({
      code: 'too_large',
      message: 'The answer is longer than 20 bytes',
      effect: 'none',
    });
    serve(({ id }) => ({ jsonrpc: '2.0', id: id ?? null, error: { code: -32601, message: 'no' } }));
    const answer = await jsonrpc.ask(callOf({ effect: 'read' }), context(), 1000);
    expect('failure' in answer && answer.failure['error']).to.deep.equal({
      code: -32601,
      message: 'no',
      effect: 'none',
    });
  });
});
