import { expect } from 'chai';
import type { ToolOffer } from '../../lib/core/model.ts';
import { openModels } from '../../lib/models/index.ts';
import { ask, askStreamed, sentence, withModelServer } from '../support/model-asking.ts';
import { sendEvents, sendJson, startModelServer } from '../support/model-server.ts';

const tools: ToolOffer[] = [
  { name: 'get_status', description: 'Read the status.', parameters: { type: 'object', properties: {} } },
];

describe('the model behind an OpenAI-compatible endpoint', () => {
  it('sends one plain request where no deltas are wanted', () =>
    withModelServer(
      [{ text: 'Hello there.' }],
      async (model, server) => {
        expect(await ask(model, sentence('Hello', tools))).to.deep.equal({
          text: 'Hello there.',
          calls: [],
          completion: {
            id: 'chatcmpl-1',
            model: 'm-1',
            usage: { promptTokens: 100, completionTokens: 20, totalTokens: 120 },
          },
        });
        const [request] = server.requests;
        expect(request?.path).to.equal('/v1/chat/completions');
        expect(request?.headers.authorization).to.equal('Bearer sk-spec-key');
        expect(request?.headers['content-type']).to.equal('application/json');
        expect(request?.body).to.deep.equal({
          model: 'm-1',
          temperature: 0,
          top_p: 1,
          max_tokens: 4096,
          messages: [{ role: 'user', content: 'Hello' }],
          tools: [
            {
              type: 'function',
              function: {
                name: 'get_status',
                description: 'Read the status.',
                parameters: { type: 'object', properties: {} },
              },
            },
          ],
        });
      },
      { config: { model: 'm-1' } },
    ));

  it('streams where deltas are wanted, usage included', () =>
    withModelServer([{ text: 'It is 22 degrees.' }], async (model, server) => {
      const { deltas, reply } = await askStreamed(model);
      expect(deltas).to.deep.equal(['It ', 'is ', '22 ', 'degrees.']);
      expect(reply.text).to.equal('It is 22 degrees.');
      expect(reply.completion.usage.totalTokens).to.equal(120);
      expect(server.requests[0]?.body).to.include({ stream: true });
      expect(server.requests[0]?.body['stream_options']).to.deep.equal({ include_usage: true });
    }));

  for (const streamed of [false, true])
    it(`gives tool calls with parsed arguments, ${streamed ? 'streamed' : 'whole'}`, () =>
      withModelServer(
        [
          {
            calls: [
              { name: 'move', arguments: { shelf: 'B3', speed: 1.5 } },
              { name: 'get_status', arguments: {} },
            ],
          },
        ],
        async (model) => {
          const reply = streamed ? (await askStreamed(model)).reply : await ask(model);
          expect(reply.calls).to.deep.equal([
            { callId: 'call_1', name: 'move', arguments: { shelf: 'B3', speed: 1.5 } },
            { callId: 'call_2', name: 'get_status', arguments: {} },
          ]);
        },
      ));

  it('takes the config over the defaults', () =>
    withModelServer(
      [{ text: 'ok' }],
      async (model, server) => {
        await ask(model);
        expect(server.requests[0]?.body).to.include({
          model: 'big',
          temperature: 0.7,
          max_tokens: 100,
          top_p: 0.9,
        });
      },
      { config: { model: 'big', temperature: 0.7, maxTokens: 100, topP: 0.9 } },
    ));

  it('reads a whole answer where the endpoint does not stream', () =>
    withModelServer(
      [
        {
          answer: (response) =>
            sendJson(response, 200, { choices: [{ message: { content: 'All at once.' } }] }),
        },
      ],
      async (model) => {
        const { deltas, reply } = await askStreamed(model);
        expect(deltas).to.deep.equal(['All at once.']);
        expect(reply.text).to.equal('All at once.');
      },
    ));

  it('reads a stream where the endpoint streams unasked', () =>
    withModelServer(
      [{ answer: (response) => sendEvents(response, [{ choices: [{ delta: { content: 'Unasked.' } }] }]) }],
      async (model) => {
        expect((await ask(model)).text).to.equal('Unasked.');
      },
    ));

  it('does not wait for a connection that stays open after the last event', () =>
    withModelServer(
      [
        {
          answer: (response) => {
            response.writeHead(200, { 'content-type': 'text/event-stream' });
            response.write('data: {"choices":[{"delta":{"content":"Done."}}]}\n\ndata: [DONE]\n\n');
          },
        },
      ],
      async (model) => {
        expect((await askStreamed(model)).reply.text).to.equal('Done.');
      },
    ));

  it('finds the /v1 of an endpoint that was given as a bare host, and remembers it', async () => {
    const server = await startModelServer([{ status: 404 }, { text: 'one' }, { text: 'two' }]);
    const model = openModels({ fetch }).open({ baseUrl: server.baseUrl.replace('/v1', '') });
    expect([(await ask(model)).text, (await ask(model)).text]).to.deep.equal(['one', 'two']);
    expect(server.requests.map((request) => request.path)).to.deep.equal([
      '/chat/completions',
      '/v1/chat/completions',
      '/v1/chat/completions',
    ]);
    await server.close();
  });

  it('keeps the path and query of a base URL, also of a whole one', async () => {
    const server = await startModelServer([{ text: 'one' }, { text: 'two' }]);
    const host = server.baseUrl.replace('/v1', '');
    const models = openModels({ fetch });
    await ask(models.open({ baseUrl: `${host}/openai/deployments/x/?api-version=7` }));
    await ask(models.open({ baseUrl: `${host}/v2/chat/completions` }));
    expect(server.requests.map((request) => request.path)).to.deep.equal([
      '/openai/deployments/x/chat/completions?api-version=7',
      '/v2/chat/completions',
    ]);
    await server.close();
  });

  it('does not follow a redirect, which would take the key along', () =>
    withModelServer(
      [{ status: 307, headers: { location: 'http://127.0.0.1:1/elsewhere' } }],
      async (model) => {
        const failure = await ask(model).catch((error: unknown) => error);
        expect(failure).to.include({ name: 'ModelError', status: 307 });
      },
    ));

  it('shares no key between sessions of one endpoint', async () => {
    const server = await startModelServer([{ text: '1' }, { text: '2' }, { text: '3' }]);
    const models = openModels({ fetch });
    await Promise.all([
      ask(models.open({ baseUrl: server.baseUrl, apiKey: 'one' })),
      ask(models.open({ baseUrl: server.baseUrl, apiKey: 'two' })),
      ask(models.open({ baseUrl: server.baseUrl })),
    ]);
    const keys = server.requests.map((request) => request.headers.authorization);
    expect(new Set(keys)).to.deep.equal(new Set(['Bearer one', 'Bearer two', undefined]));
    await server.close();
  });
});

describe('a field that an endpoint refuses', () => {
  const refuse = (param: string | null, message: string, status = 400) => ({
    status,
    body: { error: { message, type: 'invalid_request_error', param, code: 'unsupported_parameter' } },
  });
  const sent = ['temperature', 'top_p', 'max_tokens', 'max_completion_tokens', 'stream_options'];
  const table = [
    {
      title: 'max_tokens is renamed',
      steps: [refuse('max_tokens', "'max_tokens' is not supported. Use 'max_completion_tokens' instead.")],
      left: ['temperature', 'top_p', 'max_completion_tokens'],
    },
    {
      title: 'max_tokens is left out when its other name is refused too',
      steps: [refuse('max_tokens', 'no'), refuse('max_completion_tokens', 'no')],
      left: ['temperature', 'top_p'],
    },
    {
      title: 'temperature is left out',
      steps: [refuse('temperature', "'temperature' does not support 0 with this model.")],
      left: ['top_p', 'max_tokens'],
    },
    {
      title: 'top_p goes when the endpoint takes only one of two, named in its words alone',
      steps: [refuse(null, '`temperature` and `top_p` cannot both be specified for this model.')],
      left: ['temperature', 'max_tokens'],
    },
    {
      title: 'one after the other',
      steps: [refuse('temperature', 'no'), refuse('top_p', 'no'), refuse('max_tokens', 'no')],
      left: ['max_completion_tokens'],
    },
    {
      title: 'also in the form of FastAPI',
      steps: [{ status: 422, body: { detail: [{ loc: ['body', 'top_p'], msg: 'extra field' }] } }],
      left: ['temperature', 'max_tokens'],
    },
  ];
  for (const { title, steps, left } of table)
    it(`${title}, once, and it is remembered`, () =>
      withModelServer([...steps, { text: 'ok' }, { text: 'again' }], async (model, server) => {
        expect([(await ask(model)).text, (await ask(model)).text]).to.deep.equal(['ok', 'again']);
        for (const request of server.requests.slice(-2))
          expect(sent.filter((field) => field in request.body)).to.deep.equal(left);
      }));

  it('stream_options is left out of streams', () =>
    withModelServer([refuse('stream_options', 'Unknown field'), { text: 'ok' }], async (model, server) => {
      expect((await askStreamed(model)).reply.text).to.equal('ok');
      expect(server.requests[1]?.body).to.not.have.property('stream_options');
    }));

  it('is remembered for this endpoint and model alone', async () => {
    const server = await startModelServer([refuse('temperature', 'no'), { text: '1' }, { text: '2' }]);
    const models = openModels({ fetch });
    await ask(models.open({ baseUrl: server.baseUrl, model: 'a' }));
    await ask(models.open({ baseUrl: server.baseUrl, model: 'b' }));
    expect(server.requests.map(({ body }) => 'temperature' in body)).to.deep.equal([true, false, true]);
    await server.close();
  });

  it('is an error when it is another one', () =>
    withModelServer([refuse('tools', 'tools are not supported')], async (model) => {
      const failure = await ask(model).catch((error: unknown) => error);
      expect(failure).to.include({ name: 'ModelError', status: 400 });
      expect((failure as Error).message).to.contain('answered 400: tools are not supported');
    }));
});
