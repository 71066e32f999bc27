import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { openEgress, type Egress } from '../../../lib/drivers/egress.ts';
import { createHttpDriver } from '../../../lib/drivers/http.ts';
import { openMcp, type McpDriver } from '../../../lib/drivers/mcp/mcp.ts';
import { mcpProgram } from '../../support/mcp-program.ts';
import { refusalOf } from '../../support/refusal.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('MCP servers that are processes', () => {
  let egress: Egress;
  let mcp: McpDriver;
  beforeEach(() => {
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    const http = createHttpDriver({ egress, resultMaxBytes: 10_000 });
    mcp = openMcp({ http, egress, resultMaxBytes: 10_000, client: { name: 'spec', version: '1' } });
  });
  afterEach(async () => {
    await mcp.close();
    await egress.close();
  });

  const place = { command: mcpProgram('one'), env: { SECRET_TOKEN: 'for-the-program-only' } };
  const context = (timeoutMs = 10_000) => ({ signal: new AbortController().signal, timeoutMs });
  const call = (tool: string, effect: 'read' | 'write' = 'read', timeoutMs?: number) =>
    mcp.call(place, { tool, arguments: { text: 'x' }, effect }, context(timeoutMs));
  const names = async (): Promise<string[]> => {
    const { tools } = JSON.parse(await mcp.describe(place, context())) as { tools: { name: string }[] };
    return tools.map(({ name }) => name);
  };
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  it('get a few answers to requests that they send without reading, and no more', async () => {
    const flood = `
      const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
      let text = '', answers = 0, listing, quiet;
      process.stdin.on('data', (chunk) => {
        const lines = (text + chunk).split('\\n');
        text = lines.pop();
        clearTimeout(quiet); // the list of tools says how many answers came before the silence
        quiet = setTimeout(() => listing && say({ id: listing, result: { tools: [{ name: 'got_' + answers, inputSchema: {} }] } }), 500);
        for (const line of lines) {
          const { id, method } = JSON.parse(line);
          if (method === undefined) answers += 1;
          if (method === 'tools/list') listing = id;
          if (method !== 'initialize') continue;
          process.stdin.pause();
          say({ id, result: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'p', version: '1' } } });
          for (let n = 0; n < 100000; n += 1) say({ id: n, method: 'ping' });
          process.stdout.write('', () => setTimeout(() => process.stdin.resume(), 1000));
        }
      });`;
    const flooding = { command: [process.execPath, '-e', flood], env: {} };
    const { tools } = JSON.parse(await mcp.describe(flooding, context(30_000))) as {
      tools: { name: string }[];
    };
    const answers = Number(/^got_(\d+)$/.exec(tools[0]!.name)?.[1]);
    expect(answers).to.be.within(1, 20_000);
  });

  it('get their own variables, and none of this process', async () => {
    process.env['AUTH_TOKEN'] = 'of-this-process';
    try {
      expect(await call('read')).to.deep.equal({ body: '{"text":"x"} for-the-program-only ' });
    } finally {
      delete process.env['AUTH_TOKEN'];
    }
  });

  it('are asked for their tools again when these change', async () => {
    expect(await names()).to.deep.equal(['read', 'hang', 'crash', 'change', 'pid']);
    await call('change', 'write');
    await waitFor(async () => (await names()).includes('late'));
  });

  it('end a call with an unknown outcome when they end, and are started again by the next call', async () => {
    const { body: first } = await call('pid');
    const outcomes = await Promise.all([call('hang', 'write'), call('hang'), call('crash', 'write')]);
    const message = `${process.execPath}: it ended (code 3). Its last words: words that are no message\nout of oil`;
    expect(outcomes.map(({ error }) => error)).to.deep.equal([
      { code: 'unavailable', message, effect: 'unknown' },
      { code: 'unavailable', message, effect: 'none' },
      { code: 'unavailable', message, effect: 'unknown' },
    ]);
    const { body: second } = await call('pid');
    expect(Number(second)).to.be.greaterThan(0).and.not.to.equal(Number(first));
  });

  it('send the lines of their log to the only call that is under way, and to none of several', async () => {
    const heard: unknown[] = [];
    const hear = (tool: string, text: string, timeoutMs: number) => {
      const onNotice = (notice: unknown): void => void heard.push([text, notice]);
      return mcp.call(
        place,
        { tool, arguments: { text }, effect: 'read' },
        { ...context(timeoutMs), onNotice },
      );
    };
    await hear('read', 'first', 10_000);
    const alone = [['first', { type: 'log', level: 'info', data: { text: 'first' } }]];
    expect(heard).to.deep.equal(alone);
    await Promise.all([hear('hang', 'of somebody else', 500), hear('read', 'second', 10_000)]);
    expect(heard).to.deep.equal(alone);
  });

  it('have a time-out', async () => {
    await call('read');
    const { error } = await call('hang', 'write', 50);
    const { message, ...fate } = error as JsonObject;
    expect(fate).to.deep.equal({ code: 'ETIMEDOUT', effect: 'unknown' });
    expect(message).to.match(/^\S+ did not finish its answer within \d+ ms$/); // the time that was left
  });

  it('are ended with the driver, also one that does not end by itself', async () => {
    const stubborn = `process.on('SIGTERM',()=>{});setInterval(()=>{},1000);process.stderr.write(String(process.pid))`;
    const deaf = { command: [process.execPath, '-e', stubborn], env: {} };
    const asked = mcp.call(deaf, { tool: 'x', arguments: {}, effect: 'write' }, context(700));
    const { error } = await asked;
    expect(error).to.deep.equal({
      code: 'ETIMEDOUT',
      message: 'The MCP server did not begin to speak within 700 ms.',
      effect: 'none',
    });
    const { body } = await call('pid');
    await mcp.close();
    await waitFor(() => !isAlive(Number(body)));
  });

  it('that end have their last lines in the error, each from its beginning: the rest of a key would not be known', async () => {
    const said = `process.stderr.write(${JSON.stringify(`${'a'.repeat(450)}\nlast\n${'b'.repeat(600)}`)}, () => process.exit(1))`;
    const place = { command: [process.execPath, '-e', said], env: {} };
    const { message } = await refusalOf(mcp.describe(place, context()));
    expect(message).to.equal(
      `${process.execPath}: it ended (code 1). Its last words: last\n${'b'.repeat(400)}….`,
    );
  });

  it('that cannot be started say why', async () => {
    const nobody = { command: ['/nonexistent/program'], env: {} };
    const { message } = await refusalOf(mcp.describe(nobody, context()));
    expect(message).to.equal(
      '/nonexistent/program: it cannot be started: spawn /nonexistent/program ENOENT.',
    );
    const { error } = await mcp.call(nobody, { tool: 'x', arguments: {}, effect: 'write' }, context());
    expect((error as JsonObject)['effect']).to.equal('none');
  });
});
