import { expect } from 'chai';
import { openHttpDevice } from '../support/http-device.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ModelServer, ModelServerStep } from '../support/model-server.ts';
import { openTestApp } from '../support/app.ts';
import type { Chat, Envelope, TestApp } from '../support/app.ts';
import { freePort } from '../support/free-port.ts';

/** Everything that goes wrong between a client, a model and a device, with the whole server in between. */
describe('when something goes wrong', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one.close();
  });
  function closing<T extends { close(): Promise<void> }>(one: T): T {
    open.push(one);
    return one;
  }

  interface Scene {
    app: TestApp;
    model: ModelServer;
    device: HttpDevice;
    id: string;
    chat: Chat;
  }

  async function scene(
    steps: ModelServerStep[],
    env: Record<string, string> = {},
    server?: string,
  ): Promise<Scene> {
    const device = closing(await openHttpDevice());
    const model = closing(await startModelServer(steps));
    const app = closing(await openTestApp(env));
    const openSpec = {
      openapi: '3.0.0',
      info: { title: 'Lamp', version: '1' },
      servers: [{ url: server ?? device.url }],
      paths: {
        '/lamp': {
          get: { operationId: 'getLamp', responses: { 200: { description: 'ok' } } },
          put: {
            operationId: 'setLamp',
            parameters: [
              {
                name: 'level',
                in: 'query',
                required: true,
                schema: { type: 'integer', minimum: 0, maximum: 100 },
              },
            ],
            responses: { 200: { description: 'ok' } },
          },
        },
      },
    };
    const id = await app.init({
      llmConfig: { baseUrl: model.baseUrl, apiKey: 'sk-x', model: 'm' },
      openSpecList: [{ openSpec }],
    });
    return { app, model, device, id, chat: closing(await app.chat(id)) };
  }
  const read = { calls: [{ name: 'getLamp', arguments: {} }] };
  const write = { calls: [{ name: 'setLamp', arguments: { level: 5 } }] };
  const results = (seen: readonly Envelope[]) =>
    seen.flatMap(({ type, from, message }) =>
      type === 'toolReturn' && from === 'tool'
        ? [(message as { result: Record<string, unknown> }).result]
        : [],
    );
  const ends = (seen: readonly Envelope[]) =>
    seen.flatMap(({ message, error }) =>
      /^\[TASK_(DONE|STOP)\]$/.test(String(message))
        ? [error ? `${String(message)} ${error.code}` : message]
        : [],
    );

  it('a device that is down is told to the model, and nothing was done', async () => {
    const { chat } = await scene(
      [write, { text: 'The lamp is not there.' }],
      {},
      `http://127.0.0.1:${await freePort()}`,
    );
    chat.say('Light!');
    await chat.tasksEnded(1);
    expect(results(chat.seen)).to.have.length(1);
    expect(results(chat.seen)[0])
      .to.have.property('error')
      .that.includes({ code: 'ECONNREFUSED', effect: 'none' });
    expect(ends(chat.seen)).to.deep.equal(['[TASK_DONE]']);
  });

  it('a device that hangs: the write may have happened, is said to be unknown, and is not sent again', async () => {
    const { chat, device } = await scene([write, { text: 'I do not know.' }], { CALL_TIMEOUT_MS: '150' });
    device.answer = () => undefined;
    chat.say('Light!');
    await chat.tasksEnded(1);
    expect(results(chat.seen)[0])
      .to.have.property('error')
      .that.includes({ code: 'ETIMEDOUT', effect: 'unknown' });
    expect(device.seen).to.have.length(1);
  });

  it('a device that answers 5 MB of garbage: the model is shown 64 KiB of it and told how long it was', async () => {
    const { chat, device, model } = await scene([read, { text: 'It was long.' }]);
    device.answer = (response) =>
      response.writeHead(200, { 'content-type': 'text/plain' }).end('\u{1F4A1}'.repeat(1_310_720));
    chat.say('Read!');
    await chat.tasksEnded(1);
    const [result] = results(chat.seen);
    const body = String(result?.['body']);
    expect(Buffer.byteLength(body)).to.be.within(60_000, 66_000);
    expect(body).to.match(/5242880/);
    expect(JSON.stringify(model.requests[1]?.body).length).to.be.below(200_000);
  });

  it('a device that breaks off in the middle of its answer', async () => {
    const { chat, device } = await scene([read, { text: 'It broke off.' }]);
    device.answer = (response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => response.destroy());
    };
    chat.say('Read!');
    await chat.tasksEnded(1);
    expect(results(chat.seen)[0]).to.have.property('error').that.has.property('effect', 'none');
    expect(ends(chat.seen)).to.deep.equal(['[TASK_DONE]']);
  });

  it('a model that asks for unknown tools, sends malformed arguments or arguments that do not fit: the device sees nothing', async () => {
    const calls = [
      { name: 'fly', arguments: {} },
      { name: 'setLamp', arguments: { level: 500 } },
      { name: 'setLamp', arguments: {} },
    ];
    const malformed: ModelServerStep = {
      answer: (response) => {
        const call = { id: 'c9', type: 'function', function: { name: 'setLamp', arguments: '{"level": 5' } };
        const choices = [
          {
            index: 0,
            message: { role: 'assistant', content: null, tool_calls: [call] },
            finish_reason: 'tool_calls',
          },
        ];
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ id: 'x', model: 'm', choices }));
      },
    };
    const { chat, device, model } = await scene([{ calls }, malformed, { text: 'Sorry.' }]);
    chat.say('Light!');
    await chat.tasksEnded(1);
    const codes = results(chat.seen).map((result) => result['error'] as { code: string; effect: string });
    expect(codes.map(({ code, effect }) => [code, effect])).to.deep.equal([
      ['unknown_tool', 'none'],
      ['invalid_arguments', 'none'],
      ['invalid_arguments', 'none'],
      ['invalid_arguments', 'none'],
    ]);
    const asked = chat.seen.filter(({ type, from }) => type === 'functionCallList' && from === 'llm');
    expect(asked[1]?.message).to.deep.equal([{ id: 'c9', name: 'setLamp', parameters: '{"level": 5' }]);
    expect(device.seen).to.deep.equal([]);
    const history = model.requests[2]?.body['messages'] as { role: string }[];
    expect(history.map(({ role }) => role)).to.deep.equal([
      'user',
      'assistant',
      'tool',
      'tool',
      'tool',
      'assistant',
      'tool',
    ]);
  });

  it('a model that is down, answers nonsense or breaks off mid-stream ends the task with a reason, and the next one works', async () => {
    const down: ModelServerStep = { status: 401, body: { error: { message: 'bad key' } } };
    const nonsense: ModelServerStep = { answer: (response) => void response.writeHead(200).end('<html>') };
    const broken: ModelServerStep = {
      answer: (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const chunk = { id: 'x', choices: [{ index: 0, delta: { content: 'Hel' } }] };
        response.write(`data: ${JSON.stringify(chunk)}\n\n`, () => response.destroy());
      },
    };
    const { chat } = await scene([down, nonsense, broken, { text: 'Hello.' }]);
    chat.say('one');
    chat.say('two');
    chat.send({ contentList: [{ type: 'text', message: 'three' }], stream: true });
    chat.say('four');
    await chat.tasksEnded(4);
    expect(ends(chat.seen)).to.deep.equal([
      '[TASK_STOP] model_error',
      '[TASK_STOP] model_error',
      '[TASK_STOP] model_error',
      '[TASK_DONE]',
    ]);
    expect(chat.seen.filter(({ type }) => type === 'chunk').map(({ part }) => part)).to.deep.equal(['Hel']);
    expect(JSON.stringify(chat.seen)).to.not.contain('sk-x');
  });

  it('a model that is slow is given up at the limit', async () => {
    const { chat } = await scene([{ answer: () => undefined }], { MODEL_TIMEOUT_MS: '150' });
    chat.say('think');
    await chat.tasksEnded(1);
    expect(ends(chat.seen)).to.deep.equal(['[TASK_STOP] model_error']);
  });

  it('a model that calls without end is stopped at the limit of rounds', async () => {
    const rounds = Array.from({ length: 3 }, (_, level) => ({
      calls: [{ name: 'setLamp', arguments: { level } }],
    }));
    const { chat, device } = await scene(rounds, { TASK_ROUNDS_MAX_COUNT: '3' });
    chat.say('forever');
    await chat.tasksEnded(1);
    expect(ends(chat.seen)).to.deep.equal(['[TASK_STOP] limit_reached']);
    expect(device.seen.map(({ url }) => url)).to.deep.equal([
      '/lamp?level=0',
      '/lamp?level=1',
      '/lamp?level=2',
    ]);
  });

  it('a client that vanishes: the task goes on and stands in the history', async () => {
    const { app, id, chat, device } = await scene([write, { text: 'Done.' }]);
    device.answer = (response) => {
      void chat.close().then(() => response.writeHead(200).end('{}'));
    };
    chat.say('Light!');
    await chat.until(() => chat.closed !== undefined);
    const again = closing(await app.chat(id, 0));
    await again.tasksEnded(1);
    expect(ends(again.seen)).to.deep.equal(['[TASK_DONE]']);
    expect((await app.history(id)).slice(1)).to.deep.equal(again.seen.slice(0));
  });

  it('a stop while a call is on the wire: its result is recorded, and the task stops after it', async () => {
    const { app, id, chat, device } = await scene([write]);
    device.answer = (response) => {
      void app.get(`/api/stop?id=${id}`).then(() => response.writeHead(200).end('{"on":true}'));
    };
    chat.say('Light!');
    await chat.tasksEnded(1);
    expect(
      chat.seen
        .slice(-3)
        .map(({ from, to, type, message }) => [
          from,
          to,
          type,
          typeof message === 'string' ? message : 'result',
        ]),
    ).to.deep.equal([
      ['tool', 'agent', 'toolReturn', 'result'],
      ['agent', 'llm', 'toolReturn', 'result'],
      ['agent', 'client', 'text', '[TASK_STOP]'],
    ]);
    expect(results(chat.seen)).to.deep.equal([{ statusCode: 200, body: '{"on":true}' }]);
  });

  it('documents that cannot be used are refused with what is wrong and where, and leave nothing behind', async () => {
    const app = closing(await openTestApp());
    const refused = async (...openSpecs: unknown[]) => {
      const { status, body } = await app.post('/api/init', {
        openSpecList: openSpecs.map((openSpec) => ({ openSpec })),
      });
      return {
        status,
        ...(body as { type: string; title: string; detail: string; errors: { pointer: string }[] }),
      };
    };
    const good = {
      openapi: '3.0.0',
      info: { title: 'x', version: '1' },
      servers: [{ url: 'http://127.0.0.1:1' }],
      paths: { '/a': { get: { responses: {} } } },
    };
    const empty = { openapi: '3.0.0', info: { title: 'x', version: '1' }, paths: {} };
    for (const [bad, detail] of [
      ['{"openapi": "3.0.0",', /JSON/],
      [': : :', /YAML/],
      [{ hello: 1 }, /openapi.*openrpc.*openmodbus/is],
      [empty, /no operation/],
      ['[1]', /object/],
    ] as const) {
      const problem = await refused(good, bad);
      expect([problem.status, problem.errors[0]?.pointer.startsWith('/openSpecList/1')]).to.deep.equal([
        400,
        true,
      ]);
      expect(problem.detail).to.match(detail);
    }
    const all = await refused('[1]', good, empty, { hello: 1 });
    expect(all.errors.map(({ pointer }) => pointer)).to.deep.equal([
      '/openSpecList/0',
      '/openSpecList/2/openSpec',
      '/openSpecList/3/openSpec',
    ]);
    expect((await refused()).status).to.equal(200);
    expect(app.complaints).to.deep.equal([]);
  });
});
