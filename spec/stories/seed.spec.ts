import { expect } from 'chai';
import { openHttpDevice } from '../support/http-device.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ModelServer } from '../support/model-server.ts';
import { line, openTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';

/** The transcript at the end of the protocol's first document, through a real model client, socket and HTTP device. */
describe('the AUT story', () => {
  let device: HttpDevice;
  let model: ModelServer;
  let app: TestApp;
  let id: string;

  before(async () => {
    device = await openHttpDevice();
    device.answer = (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"code":200,"message":"FAIL"}');
    model = await startModelServer([
      {
        calls: [
          { id: 'call_73xLVZDe70QgLHsURgY5BNT0', name: 'POST-AUT', arguments: { operation: 'result' } },
        ],
      },
      { text: 'AUT测试结果为FAIL。' },
    ]);
    app = await openTestApp();
    const document = {
      openapi: '3.0.0',
      info: { title: 'AUT', version: '1.0.0' },
      servers: [{ url: `${device.url}/api` }],
      paths: {
        '/AUT': {
          post: {
            summary: '自动化测试：启动、查询结果',
            requestBody: {
              content: {
                'application/json': {
                  schema: {
                    type: 'object',
                    required: ['operation'],
                    properties: { operation: { type: 'string', enum: ['start', 'result'] } },
                  },
                },
              },
            },
            responses: { 200: { description: 'OK' } },
          },
        },
      },
    };
    id = await app.init({
      llmConfig: { baseUrl: model.baseUrl, apiKey: 'sk-x', model: 'gpt-4o' },
      systemPrompt: '你是一名测试工程师。',
      openSpecList: [
        {
          openSpec: JSON.stringify(document),
          apiKey: { type: 'bearer', apiKey: 'device-key' },
          protocol: 'openapi',
        },
      ],
      timeoutSeconds: 3600,
    });
  });
  after(async () => {
    await app.close();
    await model.close();
    await device.close();
  });

  it('goes envelope by envelope as the protocol says', async () => {
    const chat = await app.chat(id);
    chat.say('查询AUT测试结果');
    await chat.tasksEnded(1);
    const call =
      '{"id":"call_73xLVZDe70QgLHsURgY5BNT0","name":"POST-AUT","parameters":{"operation":"result"}}';
    const result =
      '{"id":"call_73xLVZDe70QgLHsURgY5BNT0","result":{"statusCode":200,"body":"{\\"code\\":200,\\"message\\":\\"FAIL\\"}"}}';
    expect(chat.seen.map(line)).to.deep.equal([
      'AGENT -> CLIENT: [text] [TASK_START]',
      'USER -> AGENT: [text] 查询AUT测试结果',
      'AGENT -> LLM: [text] 查询AUT测试结果',
      `LLM -> AGENT: [functionCallList] [${call}]`,
      `AGENT -> TOOL: [functionCallList] [${call}]`,
      'AGENT -> CLIENT: [text] [TOOLS_START]',
      `TOOL -> AGENT: [toolReturn] ${result}`,
      `AGENT -> LLM: [toolReturn] ${result}`,
      'TOOL -> AGENT: [text] [TOOLS_DONE]',
      'AGENT -> CLIENT: [text] [TOOLS_DONE]',
      'LLM -> AGENT: [text] AUT测试结果为FAIL。',
      'AGENT -> USER: [text] AUT测试结果为FAIL。',
      'AGENT -> CLIENT: [text] [TASK_DONE]',
    ]);
    const [first] = chat.seen;
    for (const envelope of chat.seen) {
      expect([envelope.sessionId, envelope.taskId]).to.deep.equal([id, first?.taskId]);
      expect(envelope.createTime).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}$/);
    }
    const usage = { promptTokens: 100, completionTokens: 20, totalTokens: 120 };
    expect(
      chat.seen.flatMap(({ from, completions }) => (completions ? [{ from, completions }] : [])),
    ).to.deep.equal([
      { from: 'llm', completions: { tokenUsage: usage, id: 'chatcmpl-1', model: 'gpt-4o' } },
      { from: 'llm', completions: { tokenUsage: usage, id: 'chatcmpl-2', model: 'gpt-4o' } },
    ]);
    const [request] = device.seen;
    expect([
      request?.method,
      request?.url,
      request?.headers.authorization,
      request?.body.toString(),
    ]).to.deep.equal(['POST', '/api/AUT', 'Bearer device-key', '{"operation":"result"}']);
    expect(device.seen).to.have.length(1);
    expect(model.requests[0]?.headers.authorization).to.equal('Bearer sk-x');
    model.expectDone();

    const history = await app.history(id);
    expect(line(history[0]!)).to.equal('SYSTEM -> AGENT: [text] 你是一名测试工程师。');
    expect(history.slice(1)).to.deep.equal(chat.seen);
    const seqs = history.map(({ seq }) => seq!);
    expect(seqs).to.deep.equal([...new Set(seqs)].toSorted((a, b) => a - b));

    expect(await app.get(`/api/stop?id=${id}`)).to.deep.equal({ status: 200, body: { id } });
    await chat.tasksEnded(2);
    expect(chat.seen.slice(13).map((envelope) => [line(envelope), envelope.taskId])).to.deep.equal([
      ['AGENT -> CLIENT: [text] [TASK_STOP]', ''],
    ]);
    expect(await app.get(`/api/clear?id=${id}`)).to.deep.equal({ status: 200, body: { id } });
    await chat.until(() => chat.closed !== undefined);
    expect(chat.closed).to.equal(1000);
    expect(chat.seen).to.have.length(14);
    const fresh = await app.history(id);
    expect(fresh.map(line)).to.deep.equal(['SYSTEM -> AGENT: [text] 你是一名测试工程师。']);
    expect(fresh[0]!.seq).to.be.above(chat.seen.at(-1)!.seq!);
    expect(app.complaints).to.deep.equal([]);
  });
});
