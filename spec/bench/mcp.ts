import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMcpHost, type McpHost } from '../support/mcp-host.ts';
import { cpuMs, launch, pinDriver, type Program } from './processes.ts';
import { median, table } from './table.ts';

const HOSTS = 8;
const WARM_UP_CALLS = 20;
const CALLS = 100;
const ROUNDS = 3;

const document = {
  openapi: '3.1.0',
  info: { title: 'Device', version: '1' },
  paths: { '/status': { get: { operationId: 'get_status', summary: 'Gets the status.' } } },
};

/**
 * Calls of MCP hosts in a second, against a server on the bare SDK whose tool makes the same HTTP call. Both have the Streamable HTTP of
 * one version of the SDK, a connection with an id for each host, a stream of events for each answer, and a pool of undici to the device.
 * The bare server keeps nothing: no events for a host that lost its stream, and no call. Ours keeps both, and each call is two
 * commits. The hosts have one core together, and may reach its end before the bare server does: `CPU ms a call` compares without them.
 */
export async function run(): Promise<void> {
  pinDriver();
  const folder = mkdtempSync(join(tmpdir(), 'lite-agent-bench-'));
  const device = await launch(['spec/bench/peers/device.mjs'], {}, 'driver');
  const url = `http://127.0.0.1:${device.port}`;
  const targets = {
    'bare SDK': () => launch(['spec/bench/peers/mcp-floor.mjs'], { DEVICE: url }, 'server'),
    'ours, SQLite': () => ours(folder, url),
  };
  const rows = [];
  try {
    for (const [name, start] of Object.entries(targets)) {
      const program = await start();
      const rounds = [];
      try {
        for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measure(program));
      } finally {
        await program.stop();
      }
      const perSecond = median(rounds.map((round) => round.perSecond));
      const cpu = median(rounds.map((round) => round.cpuMsPerCall));
      rows.push({ server: name, 'calls a second': perSecond, 'CPU ms a call': cpu });
    }
  } finally {
    await device.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const [floor] = rows;
  console.log(
    table(rows.map((row) => ({ ...row, 'of the floor': row['calls a second'] / floor!['calls a second'] }))),
  );
}

/** A server of this repository that knows the device. */
async function ours(folder: string, server: string): Promise<Program> {
  const env = { DATA_DIR: folder, AUTH: 'none', LOG_LEVEL: 'error' };
  const program = await launch(['dist/bin/lite-agent.js', 'serve'], env, 'server');
  const answer = await fetch(`http://127.0.0.1:${program.port}/api/devices`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'device', openSpec: document, server }),
  });
  if (answer.status !== 201) throw new Error(await answer.text());
  return program;
}

async function measure(program: Program): Promise<{ perSecond: number; cpuMsPerCall: number }> {
  const url = `http://127.0.0.1:${program.port}/mcp`;
  const hosts = await Promise.all(Array.from({ length: HOSTS }, () => openMcpHost(url)));
  const all = (calls: number) => Promise.all(hosts.map((host) => callOften(host, calls)));
  await all(WARM_UP_CALLS);
  const cpuBefore = cpuMs(program.pid);
  const began = performance.now();
  await all(CALLS);
  const tookMs = performance.now() - began;
  const cpu = cpuMs(program.pid) - cpuBefore;
  await Promise.all(hosts.map((host) => host.close()));
  const count = HOSTS * CALLS;
  return { perSecond: (count / tookMs) * 1000, cpuMsPerCall: cpu / count };
}

async function callOften(host: McpHost, count: number): Promise<void> {
  for (let call = 0; call < count; call += 1) {
    const { isError } = await host.call('get_status');
    if (isError) throw new Error('a call failed');
  }
}
