import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { OpenAI } from 'openai';
import { Pool } from 'undici';
import type { ModelRequest } from '../../lib/core/model.ts';
import { egressFetch } from '../../lib/drivers/egress-fetch.ts';
import { openEgress } from '../../lib/drivers/egress.ts';
import { openModels } from '../../lib/models/index.ts';
import { median, table } from './table.ts';

const CONCURRENT_COUNT = 16;

/** Measures our model client beside an undici Pool and the official client as it comes, in turns in one run. */
export async function run(calls = 3_000, turns = 3): Promise<void> {
  const endpoint = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('model-endpoint.ts', import.meta.url))],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
  const [line] = (await once(endpoint.stdout, 'data')) as [Buffer];
  const origin = `http://127.0.0.1:${line.toString().trim()}`;
  const pool = new Pool(origin, { connections: 64 });
  try {
    const costs = await measure(waysToAsk(origin, pool, egressFetch(egress)), calls, turns);
    const least = Math.min(...costs.values());
    const rows = [...costs].map(([client, cost]) => ({
      client,
      'CPU µs a call': cost,
      ratio: `${(cost / least).toFixed(2)}×`,
    }));
    console.log(table(rows));
  } finally {
    await pool.close();
    await egress.close();
    endpoint.kill();
    await once(endpoint, 'exit');
  }
}

function waysToAsk(
  origin: string,
  pool: Pool,
  lightFetch: typeof fetch,
): Record<string, () => Promise<unknown>> {
  const text = 'You control one device. '.repeat(20);
  const parameters = { type: 'object', properties: {} };
  const tools = [{ name: 'getStatus', description: 'Read the status.', parameters }];
  const request: ModelRequest = {
    tools,
    messages: [
      { role: 'system', text },
      { role: 'user', content: [{ type: 'text', text: 'How is it?' }] },
    ],
  };
  const wire = {
    model: 'mock',
    messages: [
      { role: 'system' as const, content: text },
      { role: 'user' as const, content: 'How is it?' },
    ],
    tools: tools.map((fn) => ({ type: 'function' as const, function: fn })),
  };
  const fresh = () => new AbortController().signal; // as each task has its own
  const config = { baseUrl: `${origin}/v1`, apiKey: 'x', model: 'mock' };
  const light = openModels({ fetch: lightFetch }).open(config);
  const platform = openModels({ fetch }).open(config);
  const official = new OpenAI({ baseURL: config.baseUrl, apiKey: 'x' });
  const officialLight = new OpenAI({ baseURL: config.baseUrl, apiKey: 'x', fetch: lightFetch });
  const post = (body: string) =>
    pool.request({
      path: '/v1/chat/completions',
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer x' },
      body,
    });
  const onDelta = () => {};
  const drain = async (stream: AsyncIterable<unknown>) => {
    for await (const _ of stream) onDelta();
  };
  return {
    'undici Pool': async () => (await post(JSON.stringify(wire))).body.json(),
    'ours, egress fetch': () => light.reply(request, { signal: fresh() }),
    'ours, platform fetch': () => platform.reply(request, { signal: fresh() }),
    'openai, egress fetch': () => officialLight.chat.completions.create(wire),
    'openai as it comes': () => official.chat.completions.create(wire),
    'undici Pool, streamed, read as text': async () =>
      (await post(JSON.stringify({ ...wire, stream: true }))).body.text(),
    'ours, egress fetch, streamed': () => light.reply(request, { signal: fresh(), onDelta }),
    'openai, egress fetch, streamed': async () =>
      drain(await officialLight.chat.completions.create({ ...wire, stream: true })),
    'openai as it comes, streamed': async () =>
      drain(await official.chat.completions.create({ ...wire, stream: true })),
  };
}

async function measure(
  ways: Record<string, () => Promise<unknown>>,
  calls: number,
  turns: number,
): Promise<Map<string, number>> {
  const costs = new Map<string, number[]>();
  for (let turn = 0; turn <= turns; turn++)
    for (const [client, ask] of Object.entries(ways)) {
      const count = turn === 0 ? Math.ceil(calls / 4) : calls; // the first turn warms up
      let left = count;
      const worker = async () => {
        while (left-- > 0) await ask();
      };
      const before = process.cpuUsage();
      await Promise.all(Array.from({ length: CONCURRENT_COUNT }, worker));
      const { user, system } = process.cpuUsage(before);
      if (turn > 0) costs.set(client, [...(costs.get(client) ?? []), (user + system) / count]);
    }
  return new Map([...costs].map(([client, all]) => [client, median(all)]));
}
