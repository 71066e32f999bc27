import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ObservedCall } from '../../lib/core/observer.ts';
import { failed } from '../../lib/core/tool.ts';
import { createMetrics } from '../../lib/metrics/metrics.ts';
import { boundNames } from '../../lib/metrics/bounded-names.ts';
import { packageRoot } from '../../lib/package.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { lampDocument } from '../support/lamp.ts';
import { waitFor } from '../support/wait-for.ts';

/** The samples of one metric by their labels, without buckets of histograms. */
function samples(text: string, name: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => new RegExp(`^${name}[{ ]`).test(line));
  return Object.fromEntries(
    lines.map((line) => {
      const [, labels = '', value] = /^\w+(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      return [labels, Number(value)];
    }),
  );
}

const lamp: ObservedCall = { callId: '1', name: 'set', device: 'lamp', effect: 'write', operation: 'set' };
const ok = { result: { ok: true } };

describe('the metrics of calls', () => {
  it('count each outcome by device, and calls that were never sent apart', async () => {
    const metrics = createMetrics('1');
    const task = metrics.tasks.task({ sessionId: 's', taskId: 't', owner: 'o' });
    task.began();
    const make = (call: ObservedCall, isSent: boolean, settled: typeof ok | undefined): void => {
      const step = task.call(call);
      if (isSent) task.send(call).done({});
      step.done(settled);
    };
    make(lamp, true, ok);
    make({ ...lamp, callId: '2' }, true, { result: failed('timeout', '', 'unknown') as never });
    make({ ...lamp, callId: '3' }, true, { result: failed('refused', '', 'none') as never });
    make({ ...lamp, callId: '4' }, false, { result: failed('rejected', '', 'none') as never });
    make({ ...lamp, callId: '5' }, false, undefined);
    make({ callId: '6', name: 'a', effect: 'read', operation: 'a' }, true, ok);
    make({ callId: '7', name: 'own function' }, false, ok);
    task.ended('done');
    const text = await metrics.text();
    expect(samples(text, 'lite_agent_calls_total')).to.deep.equal({
      'device="lamp",effect="write",outcome="done"': 1,
      'device="lamp",effect="write",outcome="unknown"': 1,
      'device="lamp",effect="write",outcome="none"': 1,
      'device="lamp",effect="write",outcome="refused"': 1,
      'device="lamp",effect="write",outcome="dropped"': 1,
      'device="(unregistered)",effect="read",outcome="done"': 1,
      'device="(none)",effect="none",outcome="done"': 1,
    });
    expect(samples(text, 'lite_agent_calls_open')).to.deep.equal({ 'state="waiting"': 0, 'state="sent"': 0 });
    expect(samples(text, 'lite_agent_turns_open')).to.deep.equal({
      'state="waiting"': 0,
      'state="running"': 0,
    });
    expect(samples(text, 'lite_agent_turns_total')).to.deep.equal({
      'status="done"': 1,
      'status="stopped"': 0,
      'status="failed"': 0,
      'status="left"': 0,
    });
  });

  it('have a bounded number of names: the first ones, and one for all others', () => {
    const name = boundNames(2);
    expect(['a', 'b', 'c', 'a', 'd'].map(name)).to.deep.equal(['a', 'b', '(other)', 'a', '(other)']);
  });
});

describe('GET /metrics', () => {
  let app: TestApp | undefined;
  afterEach(() => app?.close());
  const read = async (headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${app!.url}/metrics`, { headers });

  it('shows a turn with its model, its tokens, the commits, the socket, and the requests by route', async () => {
    app = await openTestApp();
    const id = await app.init({ openSpecList: [{ openSpec: lampDocument }] });
    const chat = await app.chat(id);
    chat.say('hello');
    await chat.tasksEnded(1);
    await app.get(`/nowhere/${id}`).catch(() => undefined);
    await app.get('/readyz');
    const response = await read();
    expect(response.headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    expect(samples(text, 'lite_agent_turns_total')).to.deep.include({ 'status="done"': 1 });
    expect(samples(text, 'lite_agent_sockets_open')).to.deep.equal({ '': 1 });
    expect(samples(text, 'lite_agent_model_seconds_count')).to.deep.equal({ 'model="demo"': 1 });
    expect(Object.keys(samples(text, 'lite_agent_model_tokens_total'))).to.deep.equal([
      'model="demo",kind="prompt"',
      'model="demo",kind="completion"',
    ]);
    expect(samples(text, 'lite_agent_http_requests_total')).to.deep.equal({
      'method="POST",route="/api/init",status="2xx"': 1,
      'method="(other)",route="(other)",status="4xx"': 1,
      'method="GET",route="/readyz",status="2xx"': 1,
    });
    expect(samples(text, 'lite_agent_store_commit_seconds_count')['']).to.be.above(2);
    expect(samples(text, 'process_resident_memory_bytes')['']).to.be.above(1e6);
    expect(Object.keys(samples(text, 'nodejs_eventloop_lag_p99_seconds'))).to.deep.equal(['']);
    await chat.close();
    await waitFor(async () => samples(await (await read()).text(), 'lite_agent_sockets_open')[''] === 0);
  });

  it('has the metrics that the manual lists, and no other of its own', async () => {
    app = await openTestApp();
    const text = await (await read()).text();
    const page = readFileSync(join(packageRoot(), 'lib/docs/running.md'), 'utf8');
    const listed = [...page.matchAll(/^\| `(lite_agent_\w+)`/gm)].map(([, name]) => name);
    const served = [...text.matchAll(/^# TYPE (lite_agent_\w+) /gm)].map(([, name]) => name);
    expect(served).to.have.members(listed);
  });

  it('is for admins, for everybody where METRICS says so, or for nobody', async () => {
    const AUTH_TOKEN = 'operator-0123456789-0123456789-01';
    const token = { authorization: `Bearer ${AUTH_TOKEN}` };
    const statuses: Record<string, number[]> = {};
    for (const METRICS of ['admins', 'open', 'off']) {
      app = await openTestApp({ AUTH: 'required', AUTH_TOKEN, METRICS });
      statuses[METRICS] = [(await read()).status, (await read(token)).status];
      await app.close();
    }
    app = undefined;
    expect(statuses).to.deep.equal({ admins: [401, 200], open: [200, 200], off: [404, 404] });
  });
});
