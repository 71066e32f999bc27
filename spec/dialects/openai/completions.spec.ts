import { expect } from 'chai';
import OpenAI from 'openai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { openOpenAiDocument } from '../../support/openai-document.ts';
import { refusal } from '../../support/openai-refusal.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from '../../support/model-server.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../../support/threads.ts';
import { waitFor } from '../../support/wait-for.ts';

const document = openOpenAiDocument();
const valid = (schema: string, body: unknown): void => document?.expectValid(schema, body);

describe('chat completions', () => {
  let server: ThreadServer;
  let model: ModelServer;
  let ada: Caller;
  const steps: ModelServerStep[] = [];
  before(async () => {
    model = await startModelServer(steps);
    server = await openThreadServer({ baseUrl: model.baseUrl, apiKey: 'sk-of-the-endpoint' });
    ada = await server.caller('ada');
  });
  after(async () => {
    await server.close();
    await model.close();
  });

  const ask = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] } as const;

  it('are one call of the model, with every parameter, and whole in the end', async () => {
    steps.push({ text: 'Hello there.' });
    const answer = await ada.openai.chat.completions.create({
      ...ask,
      messages: [...ask.messages],
      seed: 7,
      logit_bias: { '1': 2 },
      response_format: { type: 'json_object' },
      metadata: { from: 'spec' },
    });
    valid('CreateChatCompletionResponse', answer);
    expect(answer).to.deep.equal({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'gpt-4o',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello there.', refusal: null },
          finish_reason: 'stop',
          logprobs: null,
        },
      ],
      usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
      metadata: { from: 'spec' },
    });
    const { body, headers } = model.requests.at(-1)!;
    expect(headers.authorization).to.equal('Bearer sk-of-the-endpoint');
    expect(body).to.deep.equal({
      ...ask,
      seed: 7,
      logit_bias: { '1': 2 },
      response_format: { type: 'json_object' },
    });
    const kept = await server.accounts.dump();
    expect(kept)
      .to.contain('chatcmpl-1')
      .and.to.contain(String.raw`{\"from\":\"spec\"}`);
  });

  it('pass on a seed beyond 2^53 with each digit, and refuse it where devices answer', async () => {
    const seed = '-9223372036854775807';
    const text = `{"model":"m","seed":${seed},"messages":[{"role":"user","content":"Hello!"}]`;
    for (const stream of ['false', 'true']) {
      steps.push({ text: 'Hello.' });
      const { status } = await ada.call('POST', '/v1/chat/completions', `${text},"stream":${stream}}`);
      expect([status, /"seed":([^,}]+)/.exec(model.requests.at(-1)!.text)?.[1]]).to.deep.equal([200, seed]);
    }
    const refused = await ada.call('POST', '/v1/chat/completions', `${text},"metadata":{"devices":"lamp"}}`);
    expect(refusal(refused)).to.deep.equal([400, 'seed']);
  });

  it('are streamed as chunks of one answer, then [DONE]', async () => {
    steps.push({ text: 'Hello there, Ada.' });
    const stream = await ada.openai.chat.completions.create({
      ...ask,
      messages: [...ask.messages],
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).to.equal(
      'Hello there, Ada.',
    );
    expect(new Set(chunks.map(({ id }) => id)).size).to.equal(1);
    for (const chunk of chunks) {
      valid('CreateChatCompletionStreamResponse', chunk);
      expect(chunk).to.include.keys('id', 'object', 'created', 'model', 'choices');
      expect(chunk.object).to.equal('chat.completion.chunk');
      for (const choice of chunk.choices)
        expect(choice).to.have.keys('index', 'delta', 'finish_reason', 'logprobs');
    }
    expect(chunks.at(-2)?.choices[0]?.finish_reason).to.equal('stop');
    expect(chunks.slice(0, -1).filter(({ usage }) => usage !== null)).to.deep.equal([]);
    expect(chunks.at(-1)?.usage?.total_tokens).to.equal(120);
    steps.push({ text: 'raw' });
    const raw = await ada.call('POST', '/v1/chat/completions', { ...ask, stream: true });
    expect(raw.headers.get('content-type')).to.equal('text/event-stream; charset=utf-8');
    expect((raw.body as string).trimEnd().split('\n\n').at(-1)).to.equal('data: [DONE]');
  });

  it('call the tools of the caller, none of ours', async () => {
    steps.push({ calls: [{ name: 'lamp', arguments: { on: true } }] });
    const answer = await ada.openai.chat.completions.create({
      ...ask,
      messages: [...ask.messages],
      tools: [{ type: 'function', function: { name: 'lamp', parameters: { type: 'object' } } }],
    });
    valid('CreateChatCompletionResponse', answer);
    expect(answer.choices[0]?.finish_reason).to.equal('tool_calls');
    expect(answer.choices[0]?.message.tool_calls?.[0]).to.deep.equal({
      id: 'call_1',
      type: 'function',
      function: { name: 'lamp', arguments: '{"on":true}' },
    });
    expect(JSON.stringify(model.requests.at(-1)?.body['tools'])).to.not.contain('memory');
  });

  it('pass pictures and voice on', async () => {
    steps.push({ text: 'A cat.' });
    const content = [
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
    ];
    await ada.call('POST', '/v1/chat/completions', { ...ask, messages: [{ role: 'user', content }] });
    expect(model.requests.at(-1)?.body['messages']).to.deep.equal([{ role: 'user', content }]);
  });

  it('have the content of files of the caller in the place of their ids', async () => {
    const file = await ada.openai.files.create({
      file: new File(['name,colour\nlamp,blue\n'], 'lamps.csv'),
      purpose: 'user_data',
    });
    steps.push({ text: 'Blue.' });
    const content = [
      { type: 'text' as const, text: 'Which colour?' },
      { type: 'file' as const, file: { file_id: file.id } },
    ];
    await ada.openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content }] });
    expect(model.requests.at(-1)!.body['messages']).to.deep.equal([
      {
        role: 'user',
        content: [
          content[0],
          {
            type: 'text',
            text: '[file "lamps.csv", text/csv]\nname,colour\nlamp,blue\n\n[end of file "lamps.csv"]',
          },
        ],
      },
    ]);
    const bob = await server.caller('bob who has no files');
    const messages = [{ role: 'user', content }];
    expect((await bob.call('POST', '/v1/chat/completions', { messages })).status).to.equal(403);
  });

  it('pass on a refusal of the endpoint with its status, and a failure with 502', async () => {
    const failing: [ModelServerStep, number, string][] = [
      [{ status: 404, body: { error: { message: 'no such model' } } }, 404, 'invalid_request_error'],
      [{ status: 401, body: { error: { message: 'bad key' } } }, 502, 'server_error'],
    ];
    for (const [step, status, type] of failing) {
      steps.push(step);
      const answer = await ada.call('POST', '/v1/chat/completions', { ...ask, stream: true });
      valid('ErrorResponse', answer.body);
      expect([answer.status, (answer.body as { error: { type: string } }).error.type]).to.deep.equal([
        status,
        type,
      ]);
      expect(JSON.stringify(answer.body)).to.not.contain('sk-of-the-endpoint');
    }
    steps.push({
      answer(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\n');
        response.write('data: {"error":{"message":"out of memory"}}\n\n');
        response.end();
      },
    });
    const broken = await ada.call('POST', '/v1/chat/completions', { ...ask, stream: true });
    expect(broken.body).to.contain('half').and.to.contain('out of memory').and.not.to.contain('[DONE]');
    for (const [body, param] of [
      [{}, 'messages'],
      [{ messages: [] }, 'messages'],
      [{ messages: ['hi'] }, 'messages.0'],
      [{ ...ask, stream: 'yes' }, 'stream'],
    ] as const) {
      const refused = await ada.call('POST', '/v1/chat/completions', body);
      expect([refused.status, (refused.body as { error: { param: string } }).error.param]).to.deep.equal([
        400,
        param,
      ]);
    }
    expect((await server.call('POST', '/v1/chat/completions', ask)).status).to.equal(401);
  });

  it('show the code, the field and the wait of the endpoint, not its host, and are tried as often as the client says', async () => {
    const refusal = (status: number, error: JsonObject, headers = {}): ModelServerStep => ({
      status,
      body: { error },
      headers,
    });
    const tooLong = {
      message: 'Too many tokens.',
      type: 'invalid_request_error',
      param: 'messages',
      code: 'context_length_exceeded',
    };
    const limited = { message: 'Slow down.', type: 'requests', param: null, code: 'rate_limit_exceeded' };
    const failure = (promise: Promise<unknown>) =>
      promise.then(
        () => 'nothing was thrown',
        (error: unknown) => {
          if (!(error instanceof OpenAI.APIError)) throw error;
          const { status, error: said, headers } = error;
          return [status, said, headers?.get('retry-after') ?? null] as unknown;
        },
      );
    const create = (maxRetries = 0) =>
      ada.openai.chat.completions.create({ ...ask, messages: [...ask.messages] }, { maxRetries });
    steps.push(refusal(400, tooLong));
    expect(await failure(create())).to.deep.equal([
      400,
      { ...tooLong, message: 'The model refused the request with 400: Too many tokens.' },
      null,
    ]);
    const slow = refusal(429, limited, { 'retry-after-ms': '1', 'retry-after': '7' });
    for (const retries of [0, 2]) {
      const before = model.requests.length;
      for (let tries = 0; tries <= retries; tries += 1) steps.push(slow);
      expect(await failure(create(retries))).to.deep.equal([
        429,
        {
          message: 'The model refused the request with 429: Slow down.',
          type: 'rate_limit_error',
          param: null,
          code: 'rate_limit_exceeded',
        },
        '1',
      ]);
      expect(model.requests.length - before).to.equal(retries + 1);
    }
  });

  it('end with the client that asked', async () => {
    let isGone = false;
    steps.push({
      async answer(response) {
        response.once('close', () => (isGone = true));
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"choices":[{"index":0,"delta":{"content":"and so on"}}]}\n\n');
      },
    });
    const stream = await ada.openai.chat.completions.create({
      ...ask,
      messages: [...ask.messages],
      stream: true,
    });
    for await (const chunk of stream) {
      expect(chunk.choices[0]?.delta.content).to.equal('and so on');
      break;
    }
    await waitFor(() => isGone);
  });

  it('list the models of the endpoint, or the one of the settings where it has no list', async () => {
    const none = await ada.call('GET', '/v1/models');
    valid('ListModelsResponse', none.body);
    expect((none.body as { data: { id: string }[] }).data.map(({ id }) => id)).to.deep.equal(['gpt-4o-mini']);
    model.models.push('large', 'small');
    const { data } = await ada.openai.models.list();
    expect(data).to.deep.equal(
      ['large', 'small'].map((id) => ({ id, object: 'model', created: 0, owned_by: 'endpoint' })),
    );
  });
});

describe('chat completions of the demo model', () => {
  it('have the same shapes, streamed or not', async () => {
    const server = await openThreadServer();
    try {
      const ada = await server.caller('ada');
      const ask = { model: 'demo', messages: [{ role: 'user' as const, content: 'Hello!' }] };
      const whole = await ada.openai.chat.completions.create(ask);
      valid('CreateChatCompletionResponse', whole);
      const pieces: string[] = [];
      for await (const chunk of await ada.openai.chat.completions.create({ ...ask, stream: true }))
        pieces.push(chunk.choices[0]?.delta.content ?? '');
      expect(pieces.join('')).to.equal(whole.choices[0]?.message.content);
      expect((await ada.openai.models.list()).data.map(({ id }) => id)).to.deep.equal(['demo']);
    } finally {
      await server.close();
    }
  });
});
