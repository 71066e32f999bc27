import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { expect } from 'chai';
import { runCommand, startCommand } from '../support/command.ts';

/** Who tells whom in a turn with one call; what the lines say is left out. */
const turn = [
  'AGENT → CLIENT [TASK_START]',
  'USER → AGENT',
  'AGENT → LLM',
  'LLM → AGENT',
  'AGENT → TOOL',
  'AGENT → CLIENT [TOOLS_START]',
  'TOOL → AGENT',
  'AGENT → LLM',
  'TOOL → AGENT',
  'AGENT → CLIENT [TOOLS_DONE]',
  'LLM → AGENT',
  'AGENT → USER',
  'AGENT → CLIENT [TASK_DONE]',
];

describe('lite-agent demo', function () {
  this.timeout(60_000); // each test starts processes, which take their time on a busy machine
  let cwd: string;
  beforeEach(() => (cwd = mkdtempSync(join(tmpdir(), 'demo-'))));
  afterEach(() => rmSync(cwd, { recursive: true }));

  it('moves three devices with three sentences, shows every step, and ends with --once', async () => {
    const { code, stdout, stderr } = await runCommand(['demo', '--once'], { cwd, env: { PORT: '0' } });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    const steps = stdout
      .split('\n')
      .flatMap((line) => /^([A-Z]+ → [A-Z]+)( \[TASK_\w+\]| \[TOOLS_\w+\])?/.exec(line) ?? [])
      .filter((_, index) => index % 3 === 0);
    expect(steps.map((step) => step.replace(/^(?!AGENT → CLIENT)(\w+ → \w+).*/, '$1'))).to.deep.equal([
      ...turn,
      ...turn,
      ...turn,
    ]);
    const states = (title: string) =>
      new RegExp(`^${title}\\n((?:  .+\\n)+)`, 'm')
        .exec(stdout)?.[1]
        ?.split('\n')
        .filter(Boolean)
        .map((line) => line.slice(19));
    expect(states('The devices before')).to.deep.equal([
      'room 28.4 ℃, target 26 ℃, off, cool',
      'living-room off, kitchen off, bedroom off',
      'at shelf 1, carries 0, battery 96 %',
    ]);
    expect(states('The devices after')).to.deep.equal([
      'room 28.4 ℃, target 23.5 ℃, off, cool',
      'living-room off, kitchen on 100 % white, bedroom off',
      'at shelf 7, carries 0, battery 93 %',
    ]);
  });

  /** The devices, and the light in the kitchen, as a host that starts the printed lines in a folder of its own sees them. */
  async function seenByHost(said: string): Promise<unknown[]> {
    const [printed = ''] = /^\{\n  "mcpServers"[\s\S]*?^\}$/m.exec(said) ?? [];
    const { mcpServers } = JSON.parse(printed) as {
      mcpServers: Record<string, { command: string; args: string[] }>;
    };
    const client = new Client({ name: 'spec', version: '1' });
    await client.connect(new StdioClientTransport({ ...mcpServers['lite-agent']!, cwd: tmpdir() }));
    try {
      const { resources } = await client.listResources();
      const named = { name: 'get_light', arguments: { room: 'kitchen' } };
      const { structuredContent } = await client.callTool(named);
      const names = resources.map(({ name }) => name).filter((name) => !name.includes('/'));
      return [names, (structuredContent as { answer: unknown }).answer];
    } finally {
      await client.close();
    }
  }

  it('stays up, suggests the next commands, lets an MCP host in, and leaves nothing behind', async () => {
    const env = { PORT: '0', apiKey: 'sk-never-used', baseUrl: 'http://127.0.0.1:1' };
    const child = startCommand(['demo'], { cwd, env });
    const ended = once(child, 'close');
    let stdout = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    while (!stdout.includes('Ctrl-C ends the demo.')) await once(child.stdout, 'data');
    const [, url = '', session = ''] = /chat --url (\S+) --session (\S+)/.exec(stdout) ?? [];
    const history = (await (await fetch(`${url}/history?id=${session}`)).json()) as unknown[];
    expect(history).to.have.length(40);
    expect(await seenByHost(stdout)).to.deep.equal([
      ['air-conditioner', 'lights', 'robot'],
      { room: 'kitchen', power: 'on', brightness: 100, color: 'white' },
    ]);
    child.kill('SIGINT');
    expect(await ended).to.deep.equal([0, null]);
    const gone: unknown = await fetch(`${url}/version`).catch((error: unknown) => error);
    expect(gone).to.be.instanceOf(TypeError);
  });
});
