import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { expect } from 'chai';
import { waitFor } from '../support/wait-for.ts';
import { printedConfig } from '../../lib/cli/mcp-config.ts';
import { bundleOf } from '../support/bundle.ts';
import { runCommand, startCommand } from '../support/command.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { lampDocument, openLamp } from '../support/lamp.ts';

describe('lite-agent mcp', function () {
  this.timeout(60_000);
  let lamp: HttpDevice;
  let folder: string;
  let document: string;
  before(async () => {
    lamp = await openLamp();
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-mcp-'));
    document = join(folder, 'My Lamp.json');
    const { components: _, security: _none, ...open } = lampDocument;
    await writeFile(document, JSON.stringify({ ...open, servers: [{ url: lamp.url }] }));
  });
  beforeEach(() => {
    lamp.seen.length = 0;
  });
  after(async () => {
    await lamp.close();
    await rm(folder, { recursive: true });
  });

  it('serves the tools of a document to a host on the official SDK', async () => {
    const client = new Client({ name: 'spec', version: '1' });
    const args = [bundleOf('bin/lite-agent.ts'), 'mcp', document];
    await client.connect(
      new StdioClientTransport({ command: process.execPath, args, cwd: folder, stderr: 'ignore' }),
    );
    try {
      const { tools } = await client.listTools();
      const { content } = await client.callTool({ name: 'set_brightness', arguments: { brightness: 5 } });
      const [{ text: shown } = {}] = content as { text?: string }[];
      expect([tools.map(({ name }) => name), JSON.parse(shown!)]).to.deep.equal([
        ['get_state', 'set_brightness'],
        { statusCode: 200, body: '{}' },
      ]);
      expect(lamp.seen.map(({ method, url }) => `${method} ${url}`)).to.deep.equal([
        'PUT /brightness?brightness=5',
      ]);
    } finally {
      await client.close();
    }
  });

  it('writes nothing but the protocol to standard output, and ends with standard input', async () => {
    const child = startCommand(['mcp', document], { cwd: folder });
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 's', version: '1' },
    };
    const output = text(child.stdout);
    let answers = 0;
    child.stdout.on('data', (chunk: Buffer) => (answers += chunk.toString().split('\n').length - 1));
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stderr.resume();
    // This host does not wait for the answer to its first message.
    for (const message of [
      { id: 1, method: 'initialize', params },
      { method: 'notifications/initialized' },
      { id: 2, method: 'ping' },
    ])
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    await waitFor(() => answers === 2, 30_000);
    child.stdin.end();
    expect(await ended).to.equal(0);
    const lines = (await output).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { id: number }).id)).to.deep.equal([1, 2]);
  });

  it('refuses documents together with devices, and names that are no files', async () => {
    const both = await runCommand(['mcp', document, '--device', 'lamp'], { cwd: folder });
    const missing = await runCommand(['mcp', 'lamp'], { cwd: folder });
    expect([both.code, both.stdout, missing.code, missing.stdout]).to.deep.equal([2, '', 2, '']);
    expect(both.stderr).to.contain('lite-agent device add NAME SPEC');
    expect(missing.stderr).to.contain('--device lamp');
  });

  it('prints the lines for the settings of a host, with places that hold in every folder', () => {
    const own = { command: process.execPath };
    const lines = (host: 'claude' | 'cursor' | 'vscode') =>
      JSON.parse(printedConfig(host, [document, 'https://a.example/d.json'], {})) as Record<
        string,
        Record<string, { command: string; args: string[]; type?: string }>
      >;
    const { args } = lines('claude')['mcpServers']!['lite-agent']!;
    expect(args.slice(-5)).to.deep.equal([
      'mcp',
      document,
      'https://a.example/d.json',
      '--settings',
      process.cwd(),
    ]);
    const server = { ...own, args };
    expect([lines('claude'), lines('cursor'), lines('vscode')]).to.deep.equal([
      { mcpServers: { 'lite-agent': server } },
      { mcpServers: { 'lite-agent': server } },
      { servers: { 'lite-agent': { type: 'stdio', ...server } } },
    ]);
    expect(printedConfig('cursor', [], { device: ['a', 'b'], url: 'http://127.0.0.1:1' })).to.match(
      /"--device",\s+"a",\s+"b",\s+"--url",\s+"http:\/\/127\.0\.0\.1:1"/,
    );
  });

  it('prints lines that work in every folder, with the settings and the devices of the one where they were printed', async () => {
    const known = join(folder, 'known');
    const elsewhere = join(folder, 'elsewhere');
    for (const made of [known, elsewhere]) await mkdir(made);
    await writeFile(join(known, '.env'), 'DATA_DIR=house');
    const added = await runCommand(['device', 'add', 'lamp', document], { cwd: known });
    expect(added.code, added.stderr).to.equal(0);
    const printed = await runCommand(['mcp', '--device', 'lamp', '--print-config', 'claude'], { cwd: known });
    const { mcpServers } = JSON.parse(printed.stdout) as {
      mcpServers: Record<string, { command: string; args: string[] }>;
    };
    const client = new Client({ name: 'spec', version: '1' });
    await client.connect(
      new StdioClientTransport({ ...mcpServers['lite-agent']!, cwd: elsewhere, stderr: 'ignore' }),
    );
    try {
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).to.deep.equal(['get_state', 'set_brightness']);
      expect(await readdir(elsewhere)).to.deep.equal([]);
    } finally {
      await client.close();
    }
  });

  it('prints the place of the program behind the link that started it, and no line for a file that is not there', async () => {
    const link = join(folder, 'lite-agent');
    await symlink(bundleOf('bin/lite-agent.ts'), link);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [link, 'mcp', document, '--print-config', 'cursor'],
      { cwd: folder },
    );
    expect(stdout)
      .to.contain(JSON.stringify(await realpath(link)))
      .and.not.to.contain(JSON.stringify(link));
    const missing = await runCommand(['mcp', './a.json', './b.json', '--print-config', 'claude'], {
      cwd: folder,
    });
    expect([missing.code, missing.stdout]).to.deep.equal([2, '']);
    expect(missing.stderr).to.contain('There is no file ./a.json, ./b.json.');
    const nowhere = await runCommand(['mcp', document, '--settings', './none'], { cwd: folder });
    expect([nowhere.code, nowhere.stdout]).to.deep.equal([2, '']);
    expect(nowhere.stderr).to.contain('--settings: there is no folder ./none.');
  });
});
