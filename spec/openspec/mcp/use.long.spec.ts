import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { runCall } from '../../../lib/cli/call.ts';
import { runTools } from '../../../lib/cli/tools.ts';
import { openTestApp, type TestApp } from '../../support/app.ts';
import { mcpProgram } from '../../support/mcp-program.ts';
import { echoTool, openDoorTool, openMcpPeer, type McpPeer } from '../../support/mcp-peer.ts';
import { startModelServer, type ModelServer } from '../../support/model-server.ts';
import { runCommand } from '../../support/command.ts';
import { captureOutput } from '../../support/output.ts';

describe('an MCP server as a device', () => {
  let folder: string;
  let peer: McpPeer;
  let app: TestApp | undefined;
  let model: ModelServer | undefined;
  const key = 'key-of-the-peer-0123456789';
  beforeEach(async () => {
    peer = await openMcpPeer();
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-mcp-'));
  });
  afterEach(async () => {
    await app?.close();
    await model?.close();
    await peer.close();
    await rm(folder, { recursive: true });
    app = undefined;
    model = undefined;
  });

  const entry = () => ({ protocol: 'mcp', server: peer.url, apiKey: { type: 'bearer', apiKey: key } });
  const put = async (name: string, value: object): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, JSON.stringify(value));
    return path;
  };
  const send = async (method: string, path: string, body?: object): Promise<[number, JsonObject]> => {
    const init = { method, headers: { 'content-type': 'application/json' } };
    const answer = await fetch(`${app!.url}${path}`, {
      ...init,
      ...(body && { body: JSON.stringify(body) }),
    });
    return [answer.status, (await answer.json()) as JsonObject];
  };

  it('is an entry of openSpecList: new tasks see the tools that it has now', async () => {
    app = await openTestApp();
    model = await startModelServer([
      { calls: [{ name: 'echo', arguments: { text: 'hello' } }] },
      { text: 'Said.' },
      { text: 'Nothing.' },
    ]);
    const llmConfig = { baseUrl: model.baseUrl, apiKey: 'sk-x', model: 'gpt-4o' };
    peer.answers['tools/call'] = ({ message, send: answer }) =>
      answer({ content: [{ type: 'text', text: `${JSON.stringify(message['params'])} ${key}` }] });
    const chat = await app.chat(await app.init({ llmConfig, openSpecList: [entry()] }));
    chat.say('Say hello.');
    await chat.tasksEnded(1);
    const returned = chat.seen.find(({ type }) => type === 'toolReturn')!.message;
    expect((returned as { result: JsonObject }).result).to.deep.equal({
      body: '{"name":"echo","arguments":{"text":"hello"}} [secret]',
    });
    peer.tools = [openDoorTool];
    peer.announce({ method: 'notifications/tools/list_changed' });
    peer.capabilities = { tools: {} };
    chat.say('What can you do?');
    await chat.tasksEnded(2);
    const offered = model.requests.map(({ body }) =>
      (body['tools'] as unknown as { function: { name: string } }[]).map((tool) => tool.function.name),
    );
    expect(offered).to.deep.equal([['echo', 'open_door'], ['echo', 'open_door'], ['open_door']]);
    expect(JSON.stringify([chat.seen, app.complaints])).not.to.contain(key);
  });

  it('is a registered device: its rules hold, and its key is masked', async () => {
    app = await openTestApp();
    const rules = { calls: [{ tools: ['open_door'], decision: 'deny' }] };
    const [status, made] = await send('POST', '/api/devices', { name: 'house', ...entry(), rules });
    expect([status, made['title'], made['kind'], (made['tools'] as JsonObject[]).length]).to.deep.equal([
      201,
      'The Peer',
      'mcp',
      2,
    ]);
    const call = (name: string) =>
      send('POST', `/api/devices/house/tools/${name}`, { arguments: name === 'echo' ? { text: 'x' } : {} });
    const shown = JSON.stringify([await send('GET', '/api/devices/house'), made]);
    expect(shown).to.contain('key…6789').and.not.to.contain(key);
    expect(peer.methods()).not.to.include('tools/call');
    const results = [await call('echo'), await call('open_door')];
    expect(results.map(([, body]) => JSON.stringify(body))).to.satisfy(
      ([echo, door]: string[]) => echo!.includes('echo {') && door!.includes('denied_by_rule'),
    );
    expect(peer.methods().filter((method) => method === 'tools/call')).to.have.length(1);
  });

  it('starts no program for a client, whoever it is and however it asks', async () => {
    app = await openTestApp();
    const started = join(folder, 'started');
    const program = {
      protocol: 'mcp',
      command: [process.execPath, '-e', `require('fs').writeFileSync(${JSON.stringify(started)}, '')`],
      env: { TOKEN: 'x' },
    };
    await send('POST', '/api/devices', { name: 'house', ...entry() });
    const answers = [
      await send('POST', '/api/init', { openSpecList: [program] }),
      await send('POST', '/api/init', { openSpecList: [{ ...entry(), env: { A: 'b' } }] }),
      await send('POST', '/api/devices', { name: 'shell', ...program }),
      await send('PUT', '/api/devices/house', { name: 'house', ...program }),
    ];
    const words = 'starts a program on the machine of the server. Only its operator may do that';
    expect(answers.map(([status]) => status)).to.deep.equal([403, 403, 400, 400]);
    for (const [, body] of answers) expect(JSON.stringify(body)).to.include(words);
    const isStarted = await import('node:fs').then(({ existsSync }) => existsSync(started));
    expect(isStarted).to.equal(false);
  });

  it('is a program of a file in DEVICES_DIR; its variables are shown to nobody', async () => {
    const secret = 'secret-of-the-program';
    await put('shop.json', {
      protocol: 'mcp',
      command: mcpProgram('--api-key', 'argument-canary-123'),
      env: { SECRET_TOKEN: secret },
    });
    app = await openTestApp({ DEVICES_DIR: folder });
    const shown = await send('GET', '/api/devices/shop');
    const called = await send('POST', '/api/devices/shop/tools/read', { arguments: { text: 'x' } });
    const checked = await send('POST', '/api/devices/shop/check');
    const reached = checked[1]['reachable'];
    expect([shown[0], called[0], reached]).to.deep.equal([200, 200, true]);
    expect(JSON.stringify(called)).to.contain('[secret]');
    expect(JSON.stringify([shown, called, checked, app.complaints]))
      .not.to.contain(secret)
      .and.not.to.contain('argument-canary-123');
  });

  it('is a program that the operator registered: admins change all but the program over the API', async () => {
    const env = { DATA_DIR: folder, LOG_LEVEL: 'silent' };
    const secret = 'secret-of-the-program';
    const program = await put('shop.json', {
      protocol: 'mcp',
      command: mcpProgram('--api-key', 'argument-canary-123'),
      env: { SECRET_TOKEN: secret },
    });
    const added = await runCommand(['device', 'add', 'shop', program], { cwd: folder, env });
    expect(added.code, added.stderr).to.equal(0);
    app = await openTestApp({ DATABASE_URL: `sqlite:${join(folder, 'lite-agent.db')}`, DATA_DIR: folder });
    const [, shown] = await send('GET', '/api/devices/shop');
    const renamed = await send('PUT', '/api/devices/shop', { ...shown, title: 'The shop', tags: ['home'] });
    expect([renamed[0], renamed[1]['title'], renamed[1]['version']]).to.deep.equal([200, 'The shop', 2]);
    const called = await send('POST', '/api/devices/shop/tools/read', { arguments: { text: 'x' } });
    expect([called[0], JSON.stringify(called[1])]).to.satisfy(
      ([status, text]: [number, string]) => status === 200 && text.includes('[secret]'),
    );
    const others = [
      await send('PUT', '/api/devices/shop', { ...shown, command: ['sh', '-c', 'true'] }),
      await send('PUT', '/api/devices/shop', { ...shown, env: { SECRET_TOKEN: 'another' } }),
      await send('PUT', '/api/devices/shop', {
        ...shown,
        env: { ...(shown['env'] as object), NODE_OPTIONS: '' },
      }),
    ];
    expect(others.map(([status]) => status)).to.deep.equal([400, 400, 400]);
    expect(JSON.stringify(others)).to.include(
      'To keep the program, send command and env exactly as GET shows them',
    );
    const moved = await send('PUT', '/api/devices/shop', { name: 'shop', ...entry() });
    expect([moved[0], moved[1]['version'], moved[1]['command']]).to.deep.equal([200, 3, undefined]);
    expect(JSON.stringify([shown, renamed, called, others, moved]))
      .not.to.contain(secret)
      .and.not.to.contain('argument-canary-123');
  });

  it('is a file for the command line, over HTTP and as a program', async () => {
    const overHttp = await put('peer.json', entry());
    const asProgram = await put('program.json', { protocol: 'mcp', command: mcpProgram(), env: {} });
    const run = async (place: string, tool: string): Promise<JsonObject> => {
      const io = captureOutput();
      await runCall(place, tool, '{"text":"x"}', { json: true }, io, new AbortController().signal);
      return (JSON.parse(io.text()) as { result: JsonObject }).result;
    };
    expect([await run(overHttp, 'echo'), await run(asProgram, 'read')]).to.deep.equal([
      { body: 'echo {"text":"x"}' },
      { body: '{"text":"x"} no token ' },
    ]);
    const io = captureOutput();
    await runTools(peer.url, { kind: 'mcp', json: true }, io);
    const { kind, tools } = JSON.parse(io.text()) as { kind: string; tools: { name: string }[] };
    expect([kind, tools.map(({ name }) => name)]).to.deep.equal([
      'mcp',
      [echoTool, openDoorTool].map(({ name }) => name),
    ]);
  });
});
