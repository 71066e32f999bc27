import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { readConfig } from '../../lib/config.ts';
import { openApp } from '../../lib/app.ts';
import type { AgentMessage } from '../../lib/dialects/liteagent/envelope.ts';
import { quiet } from '../../lib/log.ts';
import { startCrashDevice } from '../support/crash-device.ts';
import { sentenceOf, startCrashModel } from '../support/crash-model.ts';
import { waitFor } from '../support/wait-for.ts';

describe('nodes that shut down', function () {
  this.timeout(240_000);
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'lite-agent-graceful-'));
  });
  after(() => rm(dataDir, { recursive: true }));

  it('refuse new work first, append the results of calls that have left, close with 1012, and go on at the next start', async () => {
    const model = await startCrashModel(() => 0);
    const device = await startCrashDevice(() => 500);
    const open = () =>
      openApp(
        readConfig({ env: {}, fixed: { DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'silent' }, cwd: dataDir }),
        quiet,
      );
    const first = await open();
    const init = await fetch(`${first.url}/api/init`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        openSpecList: [{ openSpec: JSON.stringify(device.document) }],
        llmConfig: { baseUrl: model.baseUrl, apiKey: 'none', model: 'crash' },
      }),
    });
    const { id } = (await init.json()) as { id: string };
    const before = listen(first.url, id);
    await before.opened;
    before.socket.send(JSON.stringify({ type: 'text', message: sentenceOf('t', 2, 1) }));
    await waitFor(() => device.writes.has('t.0.w0'));
    const closed = first.close();
    const ready = await fetch(`${first.url}/readyz`);
    const refused = await fetch(`${first.url}/api/history?id=${id}`);
    expect([ready.status, refused.status, refused.headers.get('retry-after')]).to.deep.equal([503, 503, '1']);
    expect(await before.closed).to.equal(1012);
    await closed;
    const results = before.seen.filter(({ to, type }) => to === 'agent' && type === 'toolReturn');
    expect(results.map(({ message }) => message)).to.deep.include({
      id: 'call-t.0.w0',
      result: { statusCode: 200, body: '{"ok":true}' },
    });
    expect(device.writes.get('t.0.w0')).to.have.length(1);

    const second = await open();
    const after = listen(second.url, id, before.seen.at(-1)?.seq);
    await after.until(({ message }) => message === '[TASK_DONE]');
    expect(after.seen.filter(({ from, to }) => from === 'agent' && to === 'user')).to.have.length(1);
    expect([...device.writes].map(([key, times]) => [key, times.length])).to.deep.equal([
      ['t.0.w0', 1],
      ['t.1.w0', 1],
    ]);
    after.socket.close();
    await second.close();
    await Promise.all([model.close(), device.close()]);
  });
});

/** A socket of a session, and every envelope that it got. */
function listen(url: string, id: string, since?: number) {
  const position = since === undefined ? '' : `&since=${since}`;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/chat?id=${id}${position}`);
  const seen: AgentMessage[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (data: Buffer) => {
    seen.push(JSON.parse(data.toString()) as AgentMessage);
    for (const one of waiting) one();
  });
  return {
    socket,
    seen,
    opened: new Promise<void>((resolve, reject) => socket.on('open', resolve).on('error', reject)),
    closed: new Promise<number>((resolve) => socket.on('close', resolve)),
    until: (holds: (envelope: AgentMessage) => boolean) =>
      new Promise<void>((resolve) => {
        const one = (): void => {
          if (seen.some(holds)) resolve();
        };
        waiting.add(one);
        one();
      }),
  };
}
