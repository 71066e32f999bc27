import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openTestApp, type TestApp } from '../support/app.ts';
import { bundleOf } from '../support/bundle.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { lampDocument, openLamp } from '../support/lamp.ts';

const require = createRequire(import.meta.url);
const inspector = require.resolve('@modelcontextprotocol/inspector-cli/build/index.js');

describe('the inspector of MCP lists and calls', function () {
  this.timeout(60_000);
  let lamp: HttpDevice;
  let folder: string;
  let app: TestApp;
  const openDocument = { ...lampDocument, components: {}, security: [] };
  before(async () => {
    lamp = await openLamp();
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-inspector-'));
    await writeFile(join(folder, 'lamp.json'), JSON.stringify(openDocument));
    // The inspector looks for its own package.json above the folder in which it is started.
    await writeFile(join(folder, 'package.json'), '{}');
    await mkdir(join(folder, 'inside'));
    app = await openTestApp();
    await app.post('/api/devices', { name: 'lamp', openSpec: openDocument, server: lamp.url });
  });
  after(async () => {
    await app.close();
    await lamp.close();
    await rm(folder, { recursive: true });
  });

  function inspect(...args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [inspector, ...args],
        { cwd: join(folder, 'inside') },
        (error, stdout, stderr) => {
          if (error) reject(new Error(stderr, { cause: error }));
          else resolve(stdout);
        },
      );
    });
  }
  const call = ['--method', 'tools/call', '--tool-name', 'set_brightness', '--tool-arg', 'brightness=5'];
  const namesIn = (said: string): string[] =>
    (JSON.parse(said) as { tools: { name: string }[] }).tools.map(({ name }) => name);

  it('over HTTP', async () => {
    const place = [`${app.url}/mcp`, '--transport', 'http'];
    const listed = namesIn(await inspect(...place, '--method', 'tools/list'));
    expect(listed).to.deep.equal(['get_state', 'set_brightness']);
    const { structuredContent } = JSON.parse(await inspect(...place, ...call)) as {
      structuredContent: unknown;
    };
    expect(structuredContent).to.deep.equal({ answer: {} });
    expect(lamp.seen.map(({ method, url }) => `${method} ${url}`)).to.deep.equal([
      'PUT /brightness?brightness=5',
    ]);
  });

  it('over standard input and output', async () => {
    const place = [process.execPath, bundleOf('bin/lite-agent.ts'), 'mcp', join(folder, 'lamp.json')];
    const listed = namesIn(await inspect(...place, '--method', 'tools/list'));
    expect(listed).to.deep.equal(['get_state', 'set_brightness']);
    const { isError } = JSON.parse(await inspect(...place, ...call)) as { isError: boolean };
    expect(isError).to.equal(true); // nobody is at the address of the document
  });
});
