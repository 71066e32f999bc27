import { expect } from 'chai';
import { initSchema, toSessionConfig, type InitBody } from '../../../lib/dialects/liteagent/init.ts';
import { readerOf } from '../../../lib/server/validate.ts';

describe('the body of /init', () => {
  async function read(body: unknown) {
    return (await readerOf(initSchema))(body);
  }

  it('may be empty: then the defaults of the contract hold', async () => {
    const { value, faults, ignored } = await read({});
    expect({ faults, ignored }).to.deep.equal({ faults: [], ignored: [] });
    expect(toSessionConfig(value as InitBody, 60_000)).to.deep.equal({
      model: { temperature: 0, maxTokens: 4096, topP: 1 },
      systemPrompt: '',
      documents: [],
      children: [],
      taskStrategy: 'serial',
      toolStrategy: 'parallel',
      memoryTools: false,
      timeoutSeconds: 60,
    });
  });

  it('becomes a session configuration, whole', async () => {
    const entry = {
      openSpec: { openapi: '3.1.0', paths: { '/a': null } },
      apiKey: { type: 'bearer', apiKey: 'k' },
      protocol: 'openapi',
      server: 'http://127.0.0.1:1',
      paramStructure: 'by-position',
      include: { tags: ['a'], methods: ['GET'], paths: ['/a*'] },
      exclude: { tags: [] },
      credentials: {
        a: 'text',
        b: { username: 'u', password: 'p' },
        c: { clientId: 'i', clientSecret: 's' },
      },
    };
    const { value, faults } = await read({
      llmConfig: {
        baseUrl: 'https://m/v1',
        apiKey: 'k',
        model: 'm',
        temperature: 1,
        maxTokens: 5,
        topP: 0.5,
      },
      systemPrompt: 'Be kind.',
      openSpecList: [entry, { openSpec: 'text' }],
      sessionList: [{ id: 'a', name: 'b', description: 'c' }, { id: 'd' }],
      taskPipelineStrategy: 'reject',
      toolPipelineStrategy: 'serial',
      memoryTools: true,
      timeoutSeconds: 1.5,
    });
    expect(faults).to.deep.equal([]);
    expect(toSessionConfig(value as InitBody, 60_000)).to.deep.equal({
      model: { baseUrl: 'https://m/v1', apiKey: 'k', model: 'm', temperature: 1, maxTokens: 5, topP: 0.5 },
      systemPrompt: 'Be kind.',
      documents: [entry, { openSpec: 'text' }],
      children: [{ id: 'a', name: 'b', description: 'c' }, { id: 'd' }],
      taskStrategy: 'reject',
      toolStrategy: 'serial',
      memoryTools: true,
      timeoutSeconds: 1.5,
    });
  });

  it('may hold nulls for unset fields, as generated clients send them', async () => {
    const { value, faults } = await read({
      llmConfig: { baseUrl: null, temperature: null },
      systemPrompt: null,
      openSpecList: [{ openSpec: 'x', apiKey: null, protocol: null }],
      timeoutSeconds: null,
    });
    expect({ value, faults }).to.deep.equal({
      value: { llmConfig: {}, openSpecList: [{ openSpec: 'x' }] },
      faults: [],
    });
  });

  it('has its unknown fields dropped, and named', async () => {
    const { value, ignored, faults } = await read({
      mood: 1,
      llmConfig: { model: 'm', frequency: 2 },
      openSpecList: [
        { openSpec: { any: { thing: 1 } }, 'a/b~c': 3, apiKey: { type: 'basic', apiKey: 'k', x: 1 } },
      ],
    });
    expect({ value, ignored, faults }).to.deep.equal({
      value: {
        llmConfig: { model: 'm' },
        openSpecList: [{ openSpec: { any: { thing: 1 } }, apiKey: { type: 'basic', apiKey: 'k' } }],
      },
      ignored: ['/mood', '/llmConfig/frequency', '/openSpecList/0/a~1b~0c', '/openSpecList/0/apiKey/x'],
      faults: [],
    });
  });

  it('has every fault named, by JSON pointer', async () => {
    const { faults } = await read({
      llmConfig: { baseUrl: 'ftp://x', apiKey: 7, model: '', temperature: 3, maxTokens: 0, topP: 'x' },
      systemPrompt: [],
      openSpecList: [
        {},
        { openSpec: 5 },
        { openSpec: 'x', apiKey: { type: 'digest' }, protocol: 'soap', credentials: { a: 5 } },
        'x',
      ],
      sessionList: [{ id: '' }],
      taskPipelineStrategy: 'random',
      memoryTools: 'yes',
      timeoutSeconds: 0,
    });
    expect(Object.fromEntries(faults.map(({ pointer, detail }) => [pointer, detail]))).to.deep.equal({
      '/llmConfig/baseUrl': 'must be an http or https URL',
      '/llmConfig/apiKey': 'must be string',
      '/llmConfig/model': 'must not be empty',
      '/llmConfig/temperature': 'must be <= 2',
      '/llmConfig/maxTokens': 'must be >= 1',
      '/llmConfig/topP': 'must be number',
      '/systemPrompt': 'must be string',
      '/openSpecList/0/openSpec': 'is missing',
      '/openSpecList/1/openSpec': 'must be string or object',
      '/openSpecList/2/apiKey/apiKey': 'is missing',
      '/openSpecList/2/apiKey/type': 'must be one of basic, bearer',
      '/openSpecList/2/protocol': 'must be one of openapi, openmodbus, jsonrpcHttp, openrpc, mcp',
      '/openSpecList/2/credentials/a': 'must be a text, {username, password} or {clientId, clientSecret}',
      '/openSpecList/3': 'must be object',
      '/sessionList/0/id': 'must not be empty',
      '/taskPipelineStrategy': 'must be one of parallel, serial, reject',
      '/memoryTools': 'must be boolean',
      '/timeoutSeconds': 'must be > 0',
    });
  });

  it('is refused as a whole when it is no object', async () => {
    for (const body of [[], 'x', 7, true])
      expect((await read(body)).faults).to.deep.equal([{ pointer: '', detail: 'must be object' }]);
    expect((await read(null)).faults).to.deep.equal([{ pointer: '', detail: 'must be object' }]);
  });

  it('names the first fault, or its size, when very many things in it are wrong', async () => {
    const { faults } = await read({ openSpecList: Array.from({ length: 1_000_000 }, () => 0) });
    expect(faults).to.deep.equal([{ pointer: '', detail: 'has more than 100000 values: send it in parts' }]);
    const many = await read({ openSpecList: Array.from({ length: 50_000 }, () => 0) });
    expect(many.faults).to.deep.equal([{ pointer: '/openSpecList/0', detail: 'must be object' }]);
    const hundred = await read({ openSpecList: Array.from({ length: 5000 }, () => 0) });
    expect(hundred.faults).to.have.length(100);
  });
});
