import { LLMock, type ChaosConfig } from '@copilotkit/aimock';
import { expect } from 'chai';
import { openModels } from '../../lib/models/index.ts';
import { ask, askStreamed, rejection, sentence } from '../support/model-asking.ts';

describe('the model client against aimock, a mock of the OpenAI API by other people', () => {
  const mock = new LLMock({ port: 0, logLevel: 'silent' });
  before(() => mock.start());
  after(() => mock.stop());
  beforeEach(() => mock.reset());

  const open = (timeoutMs = 5_000) =>
    openModels({ fetch, timeoutMs }).open({ baseUrl: `${mock.url}/v1`, apiKey: 'mock' });
  const weather = [
    { name: 'get_status', description: 'Status', parameters: { type: 'object', properties: {} } },
  ];

  it('gets text, whole and streamed, with its usage', async () => {
    mock.onMessage(
      'hello',
      { content: 'Hi there, how are you?', usage: { prompt_tokens: 7, completion_tokens: 5 } },
      { chunkSize: 4 },
    );
    const whole = await ask(open(), sentence('hello'));
    const { deltas, reply } = await askStreamed(open(), sentence('hello'));
    expect([whole.text, reply.text, deltas.join('')]).to.deep.equal(Array(3).fill('Hi there, how are you?'));
    expect(deltas.length).to.be.greaterThan(3);
    expect(whole.completion.usage).to.deep.equal({ promptTokens: 7, completionTokens: 5, totalTokens: 12 });
    expect(reply.completion.usage).to.deep.equal(whole.completion.usage);
  });

  it('gets tool calls, whole and streamed, and gives their results back', async () => {
    const toolCalls = [
      { name: 'get_status', arguments: '{"of":"kitchen"}', id: 'call_k' },
      { name: 'get_status', arguments: '{"of":"hall"}', id: 'call_h' },
    ];
    mock.onToolResult('call_h', { content: 'Both are on.' });
    mock.onMessage('status', { toolCalls }, { chunkSize: 3 });
    const request = sentence('status', weather);
    const whole = await ask(open(), request);
    const { reply } = await askStreamed(open(), request);
    expect(reply.calls).to.deep.equal(whole.calls);
    expect(whole.calls).to.deep.equal([
      { callId: 'call_k', name: 'get_status', arguments: { of: 'kitchen' } },
      { callId: 'call_h', name: 'get_status', arguments: { of: 'hall' } },
    ]);
    const results = whole.calls.map(({ callId }) => ({
      role: 'tool' as const,
      callId,
      result: { on: true },
    }));
    const messages = [
      ...request.messages,
      { role: 'assistant' as const, text: '', calls: whole.calls },
      ...results,
    ];
    expect((await ask(open(), { messages, tools: weather })).text).to.equal('Both are on.');
  });

  it('waits for a slow answer', async () => {
    mock.onMessage('slow', { content: 'At last.' }, { streamingProfile: { ttft: 150, tps: 100 } });
    expect((await askStreamed(open(), sentence('slow'))).reply.text).to.equal('At last.');
  });

  it('gives up on one that is too slow', async () => {
    mock.onMessage('slow', { content: 'Too late.' }, { chaos: { latencyMs: 2_000 } });
    const failure = await rejection(ask(open(100), sentence('slow')));
    expect((failure as Error).message).to.equal(
      'the model endpoint did not finish its answer for 0.1 s; given up',
    );
  });

  it('notices a stream that breaks off', async () => {
    mock.onMessage(
      'break',
      { content: 'This will never be said in full.' },
      { chunkSize: 4, truncateAfterChunks: 3, latency: 10 },
    );
    const failure = await rejection(askStreamed(open(), sentence('break')));
    expect(failure).to.include({ name: 'ModelError', message: "the model's reply broke off before its end" });
  });

  it('tries again after a rate limit, as late as it is told', async () => {
    mock.nextRequestError(429, { message: 'slow down' });
    mock.onMessage('hello', { content: 'Hi.' });
    expect((await ask(open(), sentence('hello'))).text).to.equal('Hi.');
    expect(mock.getRequests().map(({ response }) => response.status)).to.deep.equal([429, 200]);
  });

  const chaos: [title: string, config: ChaosConfig, message: RegExp, status: number | undefined][] = [
    ['is down', { dropRate: 1 }, /answered 500/, 500],
    ['answers garbage', { malformedRate: 1 }, /not JSON/, undefined],
    ['hangs up', { disconnectRate: 1 }, /cannot be reached/, undefined],
    ['limits the rate', { rateLimitRate: 1 }, /answered 429: Chaos: rate limit exceeded/, 429],
  ];
  for (const [title, config, message, status] of chaos)
    it(`says so when the endpoint ${title}`, async () => {
      mock.onMessage('hello', { content: 'Hi.' }, { chaos: config });
      const failure = await rejection(ask(open(300), sentence('hello'))); // less than the first wait: no second try
      expect(failure).to.include({ name: 'ModelError', status });
      expect((failure as Error).message).to.match(message);
    });

  it('leaves out a parameter that is refused', async () => {
    const error = {
      message: "Unsupported value: 'temperature' does not support 0 with this model.",
      param: 'temperature',
    };
    mock.on(
      { userMessage: 'hello', predicate: (request) => request.temperature !== undefined },
      { error, status: 400 },
    );
    mock.onMessage('hello', { content: 'Hi.' });
    expect((await ask(open(), sentence('hello'))).text).to.equal('Hi.');
  });
});
