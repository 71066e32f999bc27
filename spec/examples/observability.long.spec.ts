import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { packageRoot } from '../../lib/package.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { freePort } from '../support/free-port.ts';
import { needPeer } from '../support/peers.ts';
import { waitFor } from '../support/wait-for.ts';

const folder = join(packageRoot(), 'examples/observability');
const dashboard = JSON.parse(readFileSync(join(folder, 'dashboard.json'), 'utf8')) as {
  panels: { title: string; targets: { expr: string }[] }[];
};
const alerts = parse(readFileSync(join(folder, 'alerts.yaml'), 'utf8')) as {
  groups: { rules: { alert: string; expr: string }[] }[];
};
const expressions = [
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...alerts.groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
];

/** The metrics that an expression names. */
function namesIn(expression: string): string[] {
  return expression.match(/\b(?:lite_agent|nodejs|process)_\w+/g) ?? [];
}

describe('the dashboard and the alerts', () => {
  let app: TestApp;
  beforeEach(async () => {
    app = await openTestApp();
  });
  afterEach(() => app.close());
  const read = async (): Promise<string> => (await fetch(`${app.url}/metrics`)).text();

  it('name metrics that the server has, and no others', async () => {
    const served = new Set([...(await read()).matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));
    const named = [...new Set(expressions.flatMap(namesIn))];
    expect(named.length).to.be.above(10);
    expect(named.filter((name) => !served.has(name.replace(/_(?:bucket|sum|count)$/, '')))).to.deep.equal([]);
  });

  it('are taken by promtool, and so is the format of the metrics', async function () {
    needPeer(this, 'prometheus');
    const check = (args: string[], input = ''): (string | number | null)[] => {
      const { status, stderr } = spawnSync('promtool', ['check', ...args], { input, encoding: 'utf8' });
      return [status, stderr];
    };
    expect(check(['config', join(folder, 'prometheus.yaml')])).to.deep.equal([0, '']);
    expect(check(['rules', join(folder, 'alerts.yaml')])).to.deep.equal([0, '']);
    const [, faults] = check(['metrics'], await read());
    expect(String(faults).match(/^lite_agent.*/gm) ?? []).to.deep.equal([]);
  });

  it('work on a real Prometheus: it reads the server, and answers every question', async function () {
    needPeer(this, 'prometheus');
    const data = mkdtempSync(join(tmpdir(), 'prometheus-'));
    const port = await freePort();
    const config = readFileSync(join(folder, 'prometheus.yaml'), 'utf8')
      .replace('127.0.0.1:9527', new URL(app.url).host)
      .replace('scrape_interval: 15s', 'scrape_interval: 1s')
      .replace('alerts.yaml', join(folder, 'alerts.yaml'));
    writeFileSync(join(data, 'prometheus.yaml'), config);
    const prometheus = spawn('prometheus', [
      `--config.file=${join(data, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(data, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    const ended = once(prometheus, 'exit');
    const ask = async (
      query: string,
    ): Promise<{ status: string; error?: string; data?: { result: unknown[] } }> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`;
      return (await fetch(url)).json() as never;
    };
    try {
      const isUp = 'up{job="lite-agent"} == 1';
      await waitFor(async () => ((await ask(isUp).catch(() => undefined))?.data?.result.length ?? 0) > 0);
      const faults: string[] = [];
      for (const expression of expressions) {
        const query = expression.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m');
        const { status, error = '' } = await ask(query);
        if (status !== 'success') faults.push(`${expression}: ${error}`);
      }
      expect(faults).to.deep.equal([]);
      expect((await ask('sum(lite_agent_version)')).data?.result).to.have.length(1);
    } finally {
      prometheus.kill();
      await ended;
      rmSync(data, { recursive: true });
    }
  });
});
