import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { defaultKinds } from '../../../lib/defaults.ts';
import { parseText } from '../../../lib/openspec/parse.ts';
import { simulateDocument } from '../../../lib/openspec/simulate-document.ts';
import { openTestApp, type TestApp } from '../../support/app.ts';
import { checkLoop, startWatchdog } from '../../support/loop-watchdog.ts';
import { openMcpHost, type McpHost } from '../../support/mcp-host.ts';

const CORPUS = process.env['CORPUS_DIR'] ?? join(import.meta.dirname, '../../../../shared/corpus');
/** A real document with 1,223 operations, written by others. */
const source = join(CORPUS, 'openapi/github.json');

/** What a person says, and an operation that does it. */
const wishes: [string, string][] = [
  ['create an issue in a repository', 'issues_create'],
  ['lock an issue', 'issues_lock'],
  ['add a label to an issue', 'issues_add-labels'],
  ['merge a pull request', 'pulls_merge'],
  ['list workflow runs', 'actions_list-workflow-runs'],
  ['re-run a failed job', 'actions_re-run-workflow-failed-jobs'],
  ['invite someone to an organization', 'orgs_create-invitation'],
  ['what is the rate limit', 'rate-limit_get'],
  ['upload a release asset', 'repos_upload-release-asset'],
  ['search for code', 'search_code'],
  ['show the contents of a file', 'repos_get-content'],
  ['star a repository', 'activity_star-repo-for-authenticated-user'],
  ['compare two commits', 'repos_compare-commits'],
];

describe('an MCP host of a device with 1,223 operations', function () {
  this.timeout(60_000);
  let app: TestApp;
  let host: McpHost;
  let device: { server: string; close(): Promise<void> };
  const watchdog = startWatchdog();
  before(async function () {
    if (!existsSync(source)) {
      console.log(`      skipped: there is no ${source} (CORPUS_DIR names another place)`);
      this.skip();
    }
    const { document } = await parseText(readFileSync(source, 'utf8'));
    ({ device } = await simulateDocument(defaultKinds, document, { source }));
    app = await openTestApp();
    const wanted = { name: 'github', openSpec: document, server: device.server };
    expect((await app.post('/api/devices', wanted)).status).to.equal(201);
    host = await openMcpHost(`${app.url}/mcp`);
    watchdog.take();
  });
  after(async () => {
    watchdog.stop();
    await host?.close();
    await app?.close();
    await device?.close();
  });
  afterEach(function () {
    checkLoop(watchdog.take(), this.currentTest!.title);
  });

  it('is shown three tools, in 300 tokens', async () => {
    const { tools } = await host.client.listTools();
    expect(tools.map(({ name }) => name)).to.deep.equal(['search_tools', 'describe_tool', 'call_tool']);
    expect(JSON.stringify(tools).length).to.be.below(1200);
  });

  it('finds operations by the words of a person', async () => {
    const missing: string[] = [];
    for (const [query, wanted] of wishes) {
      const { result } = await host.call('search_tools', { query });
      const found = (result['tools'] as { name: string }[]).map(({ name }) => name);
      if (!found.slice(0, 5).includes(wanted)) missing.push(`${query}: ${found.slice(0, 5).join(', ')}`);
      expect(JSON.stringify(result).length).to.be.below(6000);
    }
    expect(missing).to.deep.equal([]);
  });

  it('learns what an operation takes, calls it, and hears each fault of its arguments', async () => {
    const name = 'issues_create';
    const { result: described } = await host.call('describe_tool', { name });
    const { required } = described['parameters'] as JsonObject;
    expect(required).to.deep.equal(['owner', 'repo', 'title']);
    const args = { owner: 'ann', repo: 'house', title: 'The lamp is dark' };
    const { result, isError } = await host.call('call_tool', { name, arguments: args });
    expect([result['statusCode'], isError]).to.deep.equal([201, false]);
    const faulty = await host.call('call_tool', { name, arguments: { repo: 'house', labels: 5 } });
    expect(faulty).to.deep.equal({
      result: {
        error: {
          code: 'invalid_arguments',
          message:
            "The arguments do not fit the tool: / must have required property 'owner'; / must have required property 'title'; " +
            '/labels must be array.',
          effect: 'none',
        },
      },
      isError: true,
    });
  });

  it('reads no document that no model takes', async () => {
    const refused = await host.client.readResource({ uri: 'lite-agent://devices/github' }).catch(String);
    expect(refused).to.match(/The document of "github" has \d{7} characters, and a host gets 1048576/);
  });
});
