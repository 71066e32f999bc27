import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ElicitResult } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { startCommand } from '../support/command.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { openLamp } from '../support/lamp.ts';
import { openMcpHost, type McpHost } from '../support/mcp-host.ts';
import { waitFor } from '../support/wait-for.ts';

type Lamp = HttpDevice & { registration(name: string): JsonObject };
const rules: JsonObject = { calls: [{ tools: ['set_*'], decision: 'ask' }] };
const changed = { name: 'set_brightness', arguments: { brightness: 5 } };

interface OpenApproval {
  id: string;
  session: string;
}

/** Asks the server for JSON. */
async function ask(url: string, path: string, body?: object): Promise<JsonObject> {
  const headers = { 'content-type': 'application/json' };
  const init = body && { method: 'POST', headers, body: JSON.stringify(body) };
  return (await (await fetch(url + path, init)).json()) as JsonObject;
}
const approvalsAt = async (url: string): Promise<OpenApproval[]> =>
  (await ask(url, '/api/approvals')) as unknown as OpenApproval[];
const decide = (url: string, id: string, decision: 'approve' | 'reject'): Promise<JsonObject> =>
  ask(url, `/api/approvals/${id}`, { decision });

describe('a write of an MCP host that waits for an approval', function () {
  this.timeout(60_000);
  let lamp: Lamp;
  beforeEach(async () => {
    lamp = await openLamp();
  });
  afterEach(() => lamp.close());
  const moved = (): number => lamp.seen.filter(({ method }) => method === 'PUT').length;

  describe('while the server runs', () => {
    let app: TestApp;
    const hosts: McpHost[] = [];
    beforeEach(async () => {
      app = await openTestApp();
      await app.post('/api/devices', { ...lamp.registration('lamp'), rules });
    });
    afterEach(async () => {
      for (const host of hosts.splice(0)) await host.client.close();
      await app.close();
      expect(app.complaints).to.deep.equal([]);
    });
    const connect = async (decideForm?: () => ElicitResult | Promise<ElicitResult>): Promise<McpHost> => {
      const host = await openMcpHost(`${app.url}/mcp`, decideForm && { decide: decideForm });
      hosts.push(host);
      return host;
    };
    const onlyOpen = async (): Promise<OpenApproval> => {
      await waitFor(async () => (await approvalsAt(app.url)).length === 1);
      return (await approvalsAt(app.url))[0]!;
    };

    it('waits on when the form comes back with a decision that is none', async () => {
      const odd: ElicitResult[] = [
        { action: 'accept' },
        { action: 'accept', content: { decision: 'yes' } },
        { action: 'accept', content: { decision: ['approve'] as unknown as string } },
      ];
      for (const answer of odd) {
        const host = await connect(() => answer);
        const called = host.call(changed.name, changed.arguments);
        await waitFor(() => host.forms.length === 1);
        const { id } = await onlyOpen();
        expect(moved()).to.equal(0);
        await decide(app.url, id, 'reject');
        const { result } = await called;
        expect((result['error'] as JsonObject)['code']).to.equal('rejected');
      }
      expect(moved()).to.equal(0);
    });

    it('is not sent when the form is approved after somebody else has rejected the call', async () => {
      let approve = (): void => undefined;
      const approved = new Promise<ElicitResult>((resolve) => {
        approve = () => resolve({ action: 'accept', content: { decision: 'approve' } });
      });
      const host = await connect(() => approved);
      const called = host.call(changed.name, changed.arguments);
      await waitFor(() => host.forms.length === 1);
      await decide(app.url, (await onlyOpen()).id, 'reject');
      expect((await called).isError).to.equal(true);
      approve();
      await host.client.ping(); // the late answer has come by then
      expect([moved(), await approvalsAt(app.url)]).to.deep.equal([0, []]);
    });

    it('is sent once when two hosts of a user wait for the same device, and each person decides about his own', async () => {
      const yes = await connect(() => ({ action: 'accept', content: { decision: 'approve' } }));
      const no = await connect(() => ({ action: 'decline' }));
      const [sent, refused] = await Promise.all([
        yes.call(changed.name, changed.arguments),
        no.call(changed.name, changed.arguments),
      ]);
      expect([sent.isError, refused.isError, moved()]).to.deep.equal([false, true, 1]);
      expect([yes.forms.length, no.forms.length]).to.deep.equal([1, 1]);
    });

    it('asks the person again on the stream that a host resumes, and moves the device once', async () => {
      const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
      const say = (message: object, session?: string, signal?: AbortSignal): Promise<Response> =>
        fetch(`${app.url}/mcp`, {
          method: 'POST',
          headers: { ...headers, ...(session !== undefined && { 'mcp-session-id': session, ...version }) },
          body: JSON.stringify({ jsonrpc: '2.0', ...message }),
          ...(signal && { signal }),
        });
      const version = { 'mcp-protocol-version': '2025-11-25' };
      const params = {
        protocolVersion: '2025-11-25',
        capabilities: { elicitation: {} },
        clientInfo: { name: 'h', version: '1' },
      };
      const first = await say({ id: 1, method: 'initialize', params });
      const session = first.headers.get('mcp-session-id')!;
      await first.text();
      const lost = new AbortController();
      const stream = await say({ id: 2, method: 'tools/call', params: changed }, session, lost.signal);
      const { value } = await stream.body!.getReader().read();
      const lastEvent = /^id: (\d+)$/m.exec(new TextDecoder().decode(value))![1]!;
      await onlyOpen();
      // The host has lost the stream, and is back before the server notices that.
      const resumed = await fetch(`${app.url}/mcp`, {
        headers: { ...headers, ...version, 'mcp-session-id': session, 'last-event-id': lastEvent },
      });
      expect(resumed.status).to.equal(200);
      const reader = resumed.body!.pipeThrough(new TextDecoderStream()).getReader();
      let seen = '';
      while (!seen.includes('elicitation/create')) seen += (await reader.read()).value;
      const [, form] = /^data: (.*elicitation\/create.*)$/m.exec(seen)!;
      const { id } = JSON.parse(form!) as { id: number };
      const result = { action: 'accept', content: { decision: 'approve' } };
      await Promise.all([say({ id, result }, session), say({ id, result }, session)]); // and a second time
      while (!/"id":2\b/.test(seen)) seen += (await reader.read()).value;
      await reader.cancel();
      lost.abort();
      const again = await say({ id: 2, method: 'tools/call', params: changed }, session);
      expect([/"id":2\b/.test(await again.text()), moved()]).to.deep.equal([true, 1]);
    });

    it('is not sent when its host ends the connection', async () => {
      const host = await connect(() => new Promise(() => undefined));
      const called = host.call(changed.name, changed.arguments).catch(String);
      const { id } = await onlyOpen();
      await host.close();
      await called;
      await waitFor(async () => (await approvalsAt(app.url)).length === 0);
      await decide(app.url, id, 'approve');
      expect(moved()).to.equal(0);
    });
  });

  it('waits on when the server is killed; after a restart one decision moves the device once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lite-agent-mcp-'));
    const running: ChildProcess[] = [];
    const start = async (): Promise<string> => {
      const env = { PORT: '0', AUTH: 'none', DATA_DIR: folder, LOG_LEVEL: 'silent' };
      const child = startCommand(['serve'], { cwd: folder, env });
      running.push(child);
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      return /listening on (\S+)\/api\n/.exec(line.toString())![1]!;
    };
    try {
      const before = await start();
      await ask(before, '/api/devices', { ...lamp.registration('lamp'), rules });
      const host = await openMcpHost(`${before}/mcp`, { decide: () => new Promise(() => undefined) });
      const called = host.client.callTool(changed).catch(String);
      await waitFor(() => host.forms.length === 1);
      running[0]!.kill('SIGKILL');
      await once(running[0]!, 'exit');
      const after = await start();
      const [left, ...others] = await approvalsAt(after);
      expect([left!.session, others]).to.deep.equal([host.id, []]);
      const gone = await fetch(`${after}/mcp`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-session-id': host.id!,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: changed }),
      });
      expect([gone.status, await gone.text()]).to.satisfy(
        ([status, text]: [number, string]) => status === 404 && text.includes('send initialize again'),
      );
      const next = await openMcpHost(`${after}/mcp`, { decide: () => ({ action: 'decline' }) });
      const repeated = await next.call(changed.name, changed.arguments); // a call of its own, which its person declines
      expect([repeated.isError, moved()]).to.deep.equal([true, 0]);
      await decide(after, left!.id, 'approve');
      await waitFor(() => moved() === 1);
      await waitFor(async () =>
        JSON.stringify(await ask(after, `/api/history?id=${host.id}`)).includes('toolReturn'),
      );
      expect([moved(), await approvalsAt(after)]).to.deep.equal([1, []]);
      await next.close();
      await host.client.close();
      await called;
    } finally {
      for (const child of running) {
        child.kill('SIGTERM');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
      await rm(folder, { recursive: true });
    }
  });
});
