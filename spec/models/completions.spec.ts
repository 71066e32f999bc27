import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { ORIGIN_CONNECTIONS_MAX_COUNT, OriginTurns } from '../../lib/common/origin-turns.ts';
import { ModelError } from '../../lib/errors.ts';
import { openCompletions } from '../../lib/models/completions.ts';
import { openModels } from '../../lib/models/index.ts';
import { openHttpDevice } from '../support/http-device.ts';
import { sendEvents, sendJson, startModelServer, type ModelServerStep } from '../support/model-server.ts';

const signal = new AbortController().signal;
const lamp = {
  type: 'function',
  function: {
    name: 'lamp_on',
    description: 'Turns the lamp on.',
    parameters: { type: 'object', properties: {} },
  },
};
const chunk = (content: string, finish: string | null = null): JsonObject => ({
  id: 'c',
  model: 'm',
  choices: [{ index: 0, delta: { content }, finish_reason: finish }],
});
const whole = { id: 'c', model: 'm', choices: [{ index: 0, message: { content: 'all at once' } }] };

/** What comes of one request to an endpoint that answers as told. */
async function over<T>(
  step: ModelServerStep,
  work: (completions: ReturnType<typeof openCompletions>) => Promise<T>,
  more: { timeoutMs?: number; silenceTimeoutMs?: number } = {},
): Promise<T> {
  const server = await startModelServer([step]);
  try {
    const endpoint = { baseUrl: server.baseUrl, apiKey: 'sk-secret-key', model: 'm' };
    return await work(openCompletions({ fetch, endpoint, ...more }));
  } finally {
    await server.close();
  }
}

async function all(chunks: AsyncGenerator<JsonObject>): Promise<string> {
  let text = '';
  for await (const { choices } of chunks) {
    const [choice] = choices as { delta?: { content?: string } }[];
    text += choice?.delta?.content ?? '';
  }
  return text;
}

async function failure(promise: Promise<unknown>): Promise<ModelError> {
  const error: unknown = await promise.then(
    () => new Error('nothing was thrown'),
    (reason: unknown) => reason,
  );
  if (error instanceof ModelError) return error;
  throw error;
}

describe('completions that are passed on', () => {
  it('are put together when the endpoint streams unasked', async () => {
    const step = {
      answer: (response: Parameters<typeof sendEvents>[0]) =>
        sendEvents(response, [chunk('in '), chunk('pieces', 'stop')]),
    };
    const answer = await over(step, (completions) => completions.ask({ messages: [] }, signal));
    expect((answer['choices'] as { message: JsonObject }[])[0]?.message).to.deep.equal({
      role: 'assistant',
      content: 'in pieces',
      refusal: null,
    });
  });

  it('are taken apart when it does not stream although it was asked to', async () => {
    const step = { answer: (response: Parameters<typeof sendJson>[0]) => sendJson(response, 200, whole) };
    expect(await over(step, (completions) => all(completions.stream({ messages: [] }, signal)))).to.equal(
      'all at once',
    );
  });

  it('end at their deadline, and when the stream stays silent', async () => {
    const silent: ModelServerStep = {
      answer(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${JSON.stringify(chunk('and'))}\n\n`);
      },
    };
    const late = await over(silent, (completions) => failure(completions.ask({ messages: [] }, signal)), {
      timeoutMs: 50,
    });
    expect(late.message).to.contain('did not finish its answer');
    const quiet = await over(
      silent,
      (completions) => failure(all(completions.stream({ messages: [] }, signal))),
      { silenceTimeoutMs: 50 },
    );
    expect(quiet.message).to.contain('stayed silent');
  });

  it('never show the key that the endpoint sends back in pieces, or whole to a client that asked for a stream', async () => {
    const pieces = ['your key is sk-', 'secret', '-key', '.'].map((text) => chunk(text));
    const streamed = {
      answer: (response: Parameters<typeof sendEvents>[0]) =>
        sendEvents(response, [...pieces, chunk('', 'stop')]),
    };
    const echo = { id: 'c', choices: [{ index: 0, message: { content: 'your key is sk-secret-key.' } }] };
    const wholly = { answer: (response: Parameters<typeof sendJson>[0]) => sendJson(response, 200, echo) };
    for (const step of [streamed, wholly])
      expect(await over(step, (completions) => all(completions.stream({ messages: [] }, signal)))).to.equal(
        'your key is [secret].',
      );
  });

  it('never show the key in the tokens of a whole answer', async () => {
    const content = ['key: ', 'sk-', 'secret', '-key', '!'].map((token) => ({
      token,
      logprob: -1,
      bytes: null,
    }));
    const echo = { choices: [{ index: 0, message: { content: '' }, logprobs: { content, refusal: null } }] };
    const answer = (response: Parameters<typeof sendJson>[0]) => sendJson(response, 200, echo);
    const told = await over({ answer }, (completions) => completions.ask({ messages: [] }, signal));
    const mark = { token: '[secret]', logprob: 0, bytes: null, top_logprobs: [] };
    expect(told)
      .to.have.nested.property('choices[0].logprobs')
      .that.deep.equals({
        content: [content[0], mark, content[4]],
        refusal: null,
      });
  });

  it('are given up when a list of models does not come, and when their turn does not', async () => {
    const silent = await openHttpDevice();
    silent.answer = () => undefined;
    const turns = new OriginTurns();
    const endpoint = { baseUrl: `${silent.url}/v1`, apiKey: 'k', model: 'm' };
    const completions = openCompletions({ fetch, endpoint, turns, timeoutMs: 100 });
    const models = openModels({ fetch, turns, timeoutMs: 100 });
    expect((await failure(completions.models(signal))).message).to.include('given up');
    const { origin } = new URL(silent.url);
    const taken = Array.from({ length: ORIGIN_CONNECTIONS_MAX_COUNT }, (_, at) =>
      turns.waitForTurn(origin, { party: `${at}`, signal }),
    );
    const ends = await Promise.all(taken);
    const asked = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Hi' }] }];
    for (const outcome of [
      completions.ask({ messages: [] }, signal),
      completions.stream({ messages: [] }, signal).next(),
      models.open(endpoint).reply({ messages: asked, tools: [] }, { signal }),
    ])
      expect((await failure(outcome)).message).to.include('given up');
    expect(silent.seen.map(({ url }) => url)).to.deep.equal(['/v1/models']);
    for (const end of ends) end();
    await silent.close();
  });

  it('never show the key, and pass on nothing but completions', async () => {
    const told = await over(
      { status: 400, body: { error: { message: 'bad key sk-secret-key' } } },
      (completions) => failure(completions.ask({ messages: [] }, signal)),
    );
    expect([told.status, told.message.includes('secret')]).to.deep.equal([400, false]);
    for (const body of ['nonsense', { error: { message: 'out of memory' } }, { error: 'no' }]) {
      const step: ModelServerStep = { answer: (response) => sendJson(response, 200, body) };
      const error = await over(step, (completions) => failure(completions.ask({ messages: [] }, signal)));
      expect(error.message).to.match(/no chat completion|out of memory|reports: no/);
    }
    const refused: ModelServerStep = { text: 'unused' };
    const models = await over(refused, (completions) => completions.models(signal));
    expect(models).to.deep.equal([{ id: 'm' }]);
  });

  it('are the demo model’s where no endpoint is set, with the tools of the caller', async () => {
    const completions = openCompletions({ fetch, endpoint: { model: 'm' } });
    const said = { role: 'user', content: [{ type: 'text', text: 'Turn the lamp on.' }] };
    const asked = {
      messages: [{ role: 'system', content: 'Be brief.' }, said],
      tools: [lamp, { type: 'other' }],
    };
    const answer = await completions.ask(asked, signal);
    const [choice] = answer['choices'] as { message: { tool_calls: JsonObject[] }; finish_reason: string }[];
    expect(choice?.finish_reason).to.equal('tool_calls');
    const [call] = choice!.message.tool_calls;
    expect(call?.['function']).to.deep.equal({ name: 'lamp_on', arguments: '{}' });
    const chunks: JsonObject[] = [];
    for await (const one of completions.stream(asked, signal)) chunks.push(one);
    expect(JSON.stringify(chunks)).to.contain('lamp_on').and.to.contain('"index":0');
    const messages = [
      ...asked.messages,
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: call?.['id'], content: '{"ok":true}' },
    ];
    const text = await all(completions.stream({ ...asked, messages } as unknown as JsonObject, signal));
    expect(text).to.not.equal('');
  });

  it('leave their turn at the end, after a failure, and where a reader stops in the middle', async () => {
    let held = 0;
    class CountedTurns extends OriginTurns {
      override async waitForTurn(...turn: Parameters<OriginTurns['waitForTurn']>): Promise<() => void> {
        const leave = await super.waitForTurn(...turn);
        held += 1;
        return () => {
          held -= 1;
          leave();
        };
      }
    }
    const endless: ModelServerStep = {
      answer: (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${JSON.stringify(chunk('one'))}\n\n`);
      },
    };
    const turns = new CountedTurns();
    const server = await startModelServer([endless, { status: 400 }, { text: 'done' }]);
    const endpoint = { baseUrl: server.baseUrl, model: 'm' };
    const completions = openCompletions({ fetch, endpoint, turns });
    const chunks = completions.stream({ messages: [] }, signal, 'ann');
    expect((await chunks.next()).done).to.equal(false);
    expect(held).to.equal(1);
    await chunks.return(undefined);
    expect(held).to.equal(0);
    await failure(completions.ask({ messages: [] }, signal, 'ann'));
    expect(held).to.equal(0);
    await completions.ask({ messages: [] }, signal, 'ann');
    expect(held).to.equal(0);
    server.expectDone();
    await server.close();
  });
});
