import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { AppError, ModelError } from '../../lib/errors.ts';
import { openCompletions } from '../../lib/models/completions.ts';
import { openModels } from '../../lib/models/index.ts';
import { ask, askStreamed, rejection, sentence, withModelServer } from '../support/model-asking.ts';
import { sendEvents, sendJson, startModelServer, type ModelServerStep } from '../support/model-server.ts';
import { waitFor } from '../support/wait-for.ts';

const event = 'data: {"choices":[{"delta":{"content":"Half"}}]}\n\n';
const writes = (status: number, type: string, text: string): ModelServerStep => ({
  answer: (response) => {
    response.writeHead(status, { 'content-type': type }).end(text);
  },
});
const says = (text: string) => writes(200, 'application/json', text);
const streams = (text: string) => writes(200, 'text/event-stream', text);

describe('a model endpoint that fails', () => {
  const table: { title: string; step: ModelServerStep; message: string | RegExp; status?: number }[] = [
    {
      title: 'answers 401',
      step: { status: 401, body: { error: { message: 'Incorrect API key provided: sk-spec-key.' } } },
      status: 401,
      message:
        /^the model endpoint 127\.0\.0\.1:\d+ answered 401: Incorrect API key provided: \*\*\*\.?; check apiKey$/,
    },
    {
      title: 'answers 404 in words of its own',
      step: { status: 404, body: { error: 'model "m" not found' } },
      status: 404,
      message: /answered 404: "?model.*not found.*; check baseUrl and model$/,
    },
    {
      title: 'answers 403 with an HTML page',
      step: writes(403, 'text/html', '<html><h1>no</h1></html>'),
      status: 403,
      message: /answered 403; check apiKey$/,
    },
    {
      title: 'answers 400 without a body',
      step: writes(400, 'text/plain', ''),
      status: 400,
      message: /answered 400$/,
    },
    {
      title: 'answers 400 with a code and a field that are no texts',
      step: { status: 400, body: { error: { message: 'No.', code: 34, param: { a: 1 } } } },
      status: 400,
      message: /answered 400: No\.$/,
    },
    { title: 'answers 304', step: writes(304, 'text/plain', ''), status: 304, message: /answered 304$/ },
    {
      title: 'answers no JSON',
      step: writes(200, 'text/html', '<html>hello</html>'),
      message: 'the model endpoint answered with something that is not JSON (text/html); check baseUrl',
    },
    { title: 'answers half of the JSON', step: says('{"choices":[{"mess'), message: /not JSON/ },
    {
      title: 'answers an array',
      step: says('[]'),
      message: 'the model endpoint sent JSON that is no chat completion',
    },
    {
      title: 'answers no choices',
      step: says('{"choices":[]}'),
      message: 'the model endpoint answered without a reply (no choices)',
    },
    {
      title: 'answers 200 with an error',
      step: says('{"error":{"message":"upstream is down"}}'),
      message: 'the model endpoint reports: upstream is down',
    },
    {
      title: 'calls a tool without a name',
      step: says('{"choices":[{"message":{"tool_calls":[{"id":"1","function":{"arguments":"{}"}}]}}]}'),
      message: 'the model endpoint sent a tool call without a name',
    },
    {
      title: 'withholds the reply',
      step: says('{"choices":[{"message":{"content":"x"},"finish_reason":"content_filter"}]}'),
      message: "the model's reply was withheld by the provider's content filter",
    },
    {
      title: 'runs out of tokens at once',
      step: says('{"choices":[{"message":{"content":""},"finish_reason":"length"}]}'),
      message: 'the model used up maxTokens before it said anything; raise maxTokens',
    },
    {
      title: 'streams an event that is not JSON',
      step: streams('data: {half\n\n'),
      message: 'the model endpoint sent an event that is not JSON',
    },
    {
      title: 'streams an error',
      step: streams(`${event}data: {"error":{"message":"overloaded"}}\n\n`),
      message: 'the model endpoint reports: overloaded',
    },
    {
      title: 'ends the stream without an end',
      step: streams(event),
      message: "the model's reply broke off before its end",
    },
    { title: 'streams nothing', step: streams(''), message: "the model's reply broke off before its end" },
    {
      title: 'cuts the connection mid-stream',
      message: "the model's reply broke off before its end",
      step: {
        answer: (response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write(event, () => response.destroy());
        },
      },
    },
    {
      title: 'sends more than 16 MiB',
      step: says(`"${'x'.repeat(17 * 1024 * 1024)}"`),
      message: 'the model endpoint sent more than 16 MiB',
    },
  ];
  for (const { title, step, message, status } of table)
    it(`${title}: a ModelError says so`, () =>
      withModelServer([step], async (model) => {
        const failure = await rejection(askStreamed(model));
        expect(failure).to.be.instanceOf(ModelError);
        const error = failure as ModelError;
        if (typeof message === 'string') expect(error.message).to.equal(message);
        else expect(error.message).to.match(message);
        expect(error.status).to.equal(status);
        expect(error.message).to.not.contain('sk-spec-key');
      }));

  it('names its own host: its words leave it out, and the message for the log has it once', () =>
    withModelServer(
      [
        {
          answer: (response, { headers }) =>
            sendJson(response, 400, { error: { message: `No such model at http://${headers.host}/v1.` } }),
        },
      ],
      async (model) => {
        const failure = (await rejection(ask(model))) as ModelError;
        expect(failure.refusal?.words).to.equal('No such model at http://the endpoint/v1.');
        expect(failure.message).to.match(
          /^the model endpoint 127\.0\.0\.1:\d+ answered 400: No such model at http:\/\/the endpoint\/v1\.$/,
        );
      },
    ));

  it('names its own host in a stream that has begun: the error leaves it out', async () => {
    const step: ModelServerStep = {
      answer: (response, { headers }) =>
        sendEvents(response, [
          { choices: [{ index: 0, delta: { content: 'Half' } }] },
          { error: { message: `http://${headers.host}/v1 is out of memory.` } },
        ]),
    };
    const words = 'the model endpoint reports: http://the endpoint/v1 is out of memory.';
    await withModelServer([step], async (model) => {
      expect(await rejection(askStreamed(model))).to.include({ message: words });
    });
    const server = await startModelServer([step]);
    const completions = openCompletions({ fetch, endpoint: { baseUrl: server.baseUrl, model: 'm' } });
    const read = async () => {
      for await (const _chunk of completions.stream({ messages: [] }, new AbortController().signal));
    };
    expect(await rejection(read())).to.include({ message: words });
    await server.close();
  });

  it('is down: the error names it', async () => {
    const { port, close } = await closedPort();
    await close();
    const model = openModels({ fetch, timeoutMs: 300 }).open({ baseUrl: `http://127.0.0.1:${port}/v1` });
    const failure = await rejection(ask(model));
    expect((failure as Error).message).to.equal(
      `the model endpoint 127.0.0.1:${port} cannot be reached (ECONNREFUSED)`,
    );
  });

  it('hangs up without a word, again and again: it is asked three times in all', async () => {
    let count = 0;
    const { port, close } = await closedPort(() => count++);
    const model = openModels({ fetch }).open({ baseUrl: `http://127.0.0.1:${port}/v1` });
    expect(await rejection(ask(model))).to.be.instanceOf(ModelError);
    expect(count).to.equal(3);
    await close();
  });

  it('is slow: given up at the deadline', () =>
    withModelServer(
      [{ answer: () => {} }],
      async (model) => {
        const failure = await rejection(ask(model));
        expect((failure as Error).message).to.equal(
          'the model endpoint did not finish its answer for 0.2 s; given up',
        );
      },
      { options: { timeoutMs: 200 } },
    ));

  it('goes silent mid-stream: given up', () =>
    withModelServer(
      [
        {
          answer: (response) => {
            response.writeHead(200, { 'content-type': 'text/event-stream' });
            response.write(event);
          },
        },
      ],
      async (model) => {
        const failure = await rejection(askStreamed(model));
        expect((failure as Error).message).to.equal(
          'the model endpoint stayed silent mid-stream for 0.1 s; given up',
        );
      },
      { options: { silenceTimeoutMs: 100 } },
    ));

  it('is refused by the door out: the error says why, and it is not asked again', async () => {
    let count = 0;
    const refusing = () => {
      count++;
      return Promise.reject(new AppError('forbidden', 'refused by EGRESS_DENY: 127.0.0.1'));
    };
    const model = openModels({ fetch: refusing }).open({ baseUrl: 'http://127.0.0.1:9/v1' });
    const failure = await rejection(ask(model));
    expect(failure).to.be.instanceOf(ModelError);
    expect((failure as Error).message).to.equal('refused by EGRESS_DENY: 127.0.0.1');
    expect(count).to.equal(1);
  });

  it('makes a listener throw: a ModelError all the same', () =>
    withModelServer([{ text: 'Hello' }], async (model) => {
      const onDelta = () => {
        throw new Error('a bug');
      };
      const failure = await rejection(
        model.reply(sentence('x'), { signal: new AbortController().signal, onDelta }),
      );
      expect(failure).to.be.instanceOf(ModelError);
    }));
});

describe('a whole answer that breaks off in mid-body', () => {
  const text = JSON.stringify({ choices: [{ message: { content: 'there' }, finish_reason: 'stop' }] });
  const cut = (headers: Record<string, string>): ModelServerStep => ({
    answer: (response) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers });
      response.write(text.slice(0, 20), () => response.destroy());
    },
  });
  /** Without a length and without chunks the cut looks like the end [RFC 9112 6.3, item 8]. */
  const cutAtClose: ModelServerStep = {
    answer: (response) => {
      const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n';
      response.socket?.end(head + text.slice(0, 20));
    },
  };
  const table = {
    'in chunks': cut({}),
    'with its length': cut({ 'content-length': String(text.length) }),
    'until the connection closes': cutAtClose,
  };
  for (const [title, step] of Object.entries(table)) {
    it(`${title}: it is asked for once more`, () =>
      withModelServer([step, { text: 'there' }], async (model, server) => {
        expect((await ask(model)).text).to.equal('there');
        expect(server.requests[1]?.body).to.deep.equal(server.requests[0]?.body);
      }));

    it(`${title}, twice: a ModelError says so`, () =>
      withModelServer([step, step], async (model) => {
        expect(await rejection(ask(model))).to.include({
          name: 'ModelError',
          message: "the model's reply broke off before its end",
        });
      }));
  }

  it('is asked for once more where completions are passed on', async () => {
    const server = await startModelServer([table['in chunks'], { text: 'there' }]);
    const completions = openCompletions({ fetch, endpoint: { baseUrl: server.baseUrl, model: 'm' } });
    const answer = await completions.ask({ messages: [] }, new AbortController().signal);
    expect(JSON.stringify(answer)).to.contain('there');
    await server.close();
  });

  it('is not asked for again when the caller stops', async () => {
    const stop = new AbortController();
    const step: ModelServerStep = {
      answer: (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(text.slice(0, 20), () => stop.abort(new Error('stopped')));
      },
    };
    await withModelServer([step], async (model) => {
      const error = await rejection(model.reply(sentence('x'), { signal: stop.signal }));
      expect(error).to.equal(stop.signal.reason);
    });
  });
});

describe('a model request that is worth another try', () => {
  const again = { 'retry-after-ms': '1' };
  for (const status of [408, 409, 429, 500, 502, 503, 529])
    it(`HTTP ${status} is tried again`, () =>
      withModelServer([{ status, headers: again }, { text: 'there' }], async (model, server) => {
        expect((await ask(model)).text).to.equal('there');
        expect(server.requests[1]?.body).to.deep.equal(server.requests[0]?.body);
      }));

  it('is given up after three', () =>
    withModelServer(
      [503, 503, 503].map((status) => ({ status, headers: again })),
      async (model) => {
        expect(await rejection(ask(model))).to.include({ name: 'ModelError', status: 503 });
      },
    ));

  it('is not tried again when the endpoint says so', () =>
    withModelServer([{ status: 500, headers: { 'x-should-retry': 'false' } }], async (model) => {
      expect(await rejection(ask(model))).to.include({ status: 500 });
    }));

  it('is not waited for beyond the deadline, and the caller hears when to come back', () =>
    withModelServer(
      [{ status: 429, headers: { 'retry-after': '30' } }],
      async (model) => {
        expect(await rejection(ask(model))).to.include({ status: 429, retryAfterSeconds: 30 });
      },
      { options: { timeoutMs: 1_000 } },
    ));

  it('ends at once when it is stopped while it waits', async () => {
    const stop = new AbortController();
    const reason = new Error('stopped');
    const answer: ModelServerStep = { status: 503, headers: { 'retry-after': '20' } };
    await withModelServer([answer], async (model, server) => {
      const reply = rejection(model.reply(sentence('x'), { signal: stop.signal }));
      await waitFor(() => server.requests.length > 0);
      stop.abort(reason);
      expect(await reply).to.equal(reason);
    });
  });

  it('leaves no listener on the signal', async () => {
    const stop = new AbortController();
    let listeners = 0;
    const add = stop.signal.addEventListener.bind(stop.signal);
    const remove = stop.signal.removeEventListener.bind(stop.signal);
    stop.signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    stop.signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    const server = await startModelServer([
      { text: 'a' },
      { answer: (response) => sendEvents(response, [{ error: 'no' }]) },
    ]);
    const model = openModels({ fetch }).open({ baseUrl: server.baseUrl });
    await model.reply(sentence('x'), { signal: stop.signal });
    await rejection(model.reply(sentence('x'), { signal: stop.signal, onDelta: () => {} }));
    expect(listeners).to.equal(0);
    await server.close();
  });
});

/** A port that accepts and hangs up. */
async function closedPort(onConnect = () => {}): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer((socket) => {
    onConnect();
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
