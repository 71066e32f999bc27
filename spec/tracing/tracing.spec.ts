import { expect } from 'chai';
import { WebSocket } from 'ws';
import { formatTraceparent, parseTraceparent } from '../../lib/tracing/traceparent.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { runCommand } from '../support/command.ts';
import { lampDocument, openLamp } from '../support/lamp.ts';
import { startModelServer } from '../support/model-server.ts';
import { openOtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts';
import { waitFor } from '../support/wait-for.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const SECRET = 'lamp-key-0123456789';

/** A script as a URL. */
function scriptUrl(code: string): string {
  return `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
}

describe('a traceparent header', () => {
  it('is read when it fits the standard, and written in the same form', () => {
    const header = `00-${TRACE}-${PARENT}-01`;
    expect(parseTraceparent(header)).to.deep.equal({
      traceId: TRACE,
      spanId: PARENT,
      traceFlags: 1,
      isRemote: true,
    });
    expect(formatTraceparent(parseTraceparent(header)!)).to.equal(header);
    const wrong = [
      undefined,
      '',
      `ff-${TRACE}-${PARENT}-01`,
      `00-${'0'.repeat(32)}-${PARENT}-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      `00-${TRACE.toUpperCase()}-${PARENT}-01`,
      `00-${TRACE}-${PARENT}-011`,
    ];
    expect(wrong.map(parseTraceparent)).to.deep.equal(wrong.map(() => undefined));
  });
});

describe('the traces of a server', () => {
  const open: { close(): Promise<unknown> }[] = [];
  const keep = <T extends { close(): Promise<unknown> }>(one: T): T => {
    open.push(one);
    return one;
  };
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one.close();
  });

  /** A server with a model that switches a lamp, and a collector. */
  async function openTraced(more: Record<string, string> = {}) {
    const collector = keep(await openOtlpReceiver());
    const lamp = keep(await openLamp());
    const model = keep(
      await startModelServer([
        { calls: [{ name: 'set_brightness', arguments: { brightness: 42 } }] },
        { text: 'The lamp is at 42.' },
      ]),
    );
    const app: TestApp = keep(
      await openTestApp({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        baseUrl: model.baseUrl,
        apiKey: 'sk-model-0123456789',
        model: 'gpt-x',
        ...more,
      }),
    );
    const session = await app.init({
      openSpecList: [
        {
          openSpec: lampDocument,
          server: lamp.url,
          apiKey: { type: 'bearer', apiKey: SECRET },
        },
      ],
    });
    return { collector, lamp, model, app, session };
  }

  /** The spans of one trace as a tree of names, with some attributes. */
  function treeOf(spans: readonly ReceivedSpan[], parent: string): unknown[] {
    return spans
      .filter(({ parentSpanId, traceId }) => parentSpanId === parent && traceId === TRACE)
      .map(({ name, spanId, kind, attributes }) => {
        const { 'gen_ai.conversation.id': _session, 'lite_agent.task.id': _task, ...told } = attributes;
        return { name, kind, told, in: treeOf(spans, spanId) };
      });
  }

  it('go from the WebSocket through the task down to the model and the device, and name no argument and no key', async () => {
    const { collector, lamp, model, app, session } = await openTraced({
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collector-key-1',
      OTEL_SERVICE_NAME: 'house',
    });
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/api/chat?id=${session}`, {
      headers: { traceparent: `00-${TRACE}-${PARENT}-01` },
    });
    const ended = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        if (data.toString().includes('[TASK_DONE]')) resolve();
      });
    });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'text', message: 'brighter, secret-word' })));
    await ended;
    socket.close();
    await app.close();
    const chat = (tokens: object): object => ({
      name: 'chat gpt-x',
      kind: 3,
      told: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.response.model': 'gpt-x',
        'gen_ai.usage.input_tokens': 100,
        'gen_ai.usage.output_tokens': 20,
        ...tokens,
      },
      in: [],
    });
    expect(treeOf(collector.spans, PARENT)).to.deep.equal([
      {
        name: 'invoke_agent',
        kind: 1,
        told: {
          'gen_ai.operation.name': 'invoke_agent',
          'gen_ai.provider.name': 'lite_agent',
          'lite_agent.status': 'done',
        },
        in: [
          chat({ 'gen_ai.response.id': 'chatcmpl-1' }),
          {
            name: 'execute_tool set_brightness',
            kind: 1,
            told: {
              'gen_ai.operation.name': 'execute_tool',
              'gen_ai.tool.name': 'set_brightness',
              'gen_ai.tool.call.id': 'call_1',
              'gen_ai.tool.type': 'function',
              'lite_agent.effect': 'write',
              'lite_agent.operation': 'PUT /brightness',
              'lite_agent.outcome': 'done',
            },
            in: [
              {
                name: 'PUT /brightness',
                kind: 3,
                told: { 'lite_agent.device': '(unregistered)' },
                in: [],
              },
            ],
          },
          chat({ 'gen_ai.response.id': 'chatcmpl-2' }),
        ],
      },
    ]);
    const named = (name: string): ReceivedSpan => collector.spans.find((span) => span.name === name)!;
    expect(lamp.seen.map(({ headers }) => headers['traceparent'])).to.deep.equal([
      `00-${TRACE}-${named('PUT /brightness').spanId}-01`,
    ]);
    expect(model.requests[0]?.headers['traceparent']).to.equal(
      `00-${TRACE}-${named('chat gpt-x').spanId}-01`,
    );
    expect(collector.requests[0]?.path).to.equal('/v1/traces');
    expect(collector.requests[0]?.headers.authorization).to.equal('Bearer collector-key-1');
    expect(collector.resources[0]).to.deep.include({ 'service.name': 'house' });
    const sent = collector.requests.map(({ text }) => text).join('\n');
    for (const secret of [SECRET, 'sk-model', 'secret-word', '"42"', 'The lamp is'])
      expect(sent).to.not.include(secret);
  });

  it('have a span for each HTTP request, as a child of the one that its header names, and go on without a collector', async () => {
    const { collector, app, session } = await openTraced();
    const call = (path: string): Promise<Response> =>
      fetch(`${app.url}${path}`, { headers: { traceparent: `00-${TRACE}-${PARENT}-01` } });
    await (await call(`/api/history?id=${session}`)).text();
    await (await call('/nowhere')).text();
    await app.close();
    expect(treeOf(collector.spans, PARENT)).to.deep.equal([
      {
        name: 'GET /api/history',
        kind: 2,
        told: {
          'http.request.method': 'GET',
          'http.route': '/api/history',
          'http.response.status_code': 200,
        },
        in: [],
      },
      {
        name: 'GET',
        kind: 2,
        told: { 'http.request.method': 'GET', 'http.response.status_code': 404 },
        in: [],
      },
    ]);
    await collector.close();
    const alone = keep(await openTestApp({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }));
    expect((await alone.get('/healthz')).status).to.equal(200);
  });

  it('stop the start where their packages are missing, and say which to install', async () => {
    const refuse = `export const resolve = (name, context, next) => { if (name.startsWith('@opentelemetry/')) throw new Error('it is not here'); return next(name, context); }`;
    const hook = `import { register } from 'node:module'; register('${scriptUrl(refuse)}');`;
    const { code, stderr } = await runCommand(['serve'], {
      env: {
        PORT: '0',
        DATABASE_URL: 'sqlite::memory:',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
        NODE_OPTIONS: `--import=${scriptUrl(hook)}`,
      },
    });
    expect([code, stderr]).to.deep.equal([
      2,
      'lite-agent: OTEL_EXPORTER_OTLP_ENDPOINT is set, and the packages for traces are missing: take the setting out, or run `npm install @opentelemetry/api @opentelemetry/resources @opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-http`.\n',
    ]);
  });

  it('are off without a collector: requests to devices have no header more', async () => {
    const lamp = keep(await openLamp());
    const model = keep(
      await startModelServer([{ calls: [{ name: 'get_state', arguments: {} }] }, { text: 'It is on.' }]),
    );
    const app = keep(await openTestApp({ baseUrl: model.baseUrl, model: 'gpt-x' }));
    const id = await app.init({ openSpecList: [{ openSpec: lampDocument, server: lamp.url }] });
    const chat = keep(await app.chat(id));
    chat.say('look');
    await chat.tasksEnded(1);
    await waitFor(() => lamp.seen.length === 1);
    expect(lamp.seen[0]?.headers).to.not.have.property('traceparent');
  });
});
