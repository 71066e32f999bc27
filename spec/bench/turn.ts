import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { cpuMs, launch, pinDriver, rssKb } from './processes.ts';
import type { Program } from './processes.ts';
import { median, table } from './table.ts';

export const CLIENTS = 16;
const TURNS_A_SESSION = 10;
const WARM_UP_TURNS = 40;
const IDLE_SOCKETS = 1000;
/** The token of the operator. The WebSocket needs none. */
const TOKEN = 'the-token-of-this-benchmark';

/** One WebSocket on one session: `turn` resolves when the task is done. */
export interface Lane {
  turn(): Promise<void>;
  close(): Promise<void>;
}

export interface Target {
  name: string;
  start(env: NodeJS.ProcessEnv): Promise<Program>;
  open(program: Program, urls: Urls): Promise<Lane>;
}

export interface Urls {
  model: string;
  device: string;
}

interface Figures {
  cpuMsPerTurn: number;
  turnsPerSecond: number;
  coldStartMs: number;
  idleKb: number;
}

/** What a turn costs (one sentence, two model calls, one HTTP tool call), against the same by hand, in one run. */
export async function run(turns = 200, repetitions = 3): Promise<void> {
  pinDriver();
  const folder = mkdtempSync(join(tmpdir(), 'lite-agent-bench-'));
  const model = await launch(['spec/bench/peers/model.mjs'], {}, 'driver');
  const device = await launch(['spec/bench/peers/device.mjs'], {}, 'driver');
  const urls = { model: `http://127.0.0.1:${model.port}/v1`, device: `http://127.0.0.1:${device.port}` };
  const targets = [
    floor('floor', folder),
    floor('floor, SQLite', folder, 'sqlite'),
    ours(folder),
    responses(folder),
  ];
  const figures = new Map<string, Figures[]>(targets.map(({ name }) => [name, []]));
  try {
    for (let repetition = 0; repetition < repetitions; repetition += 1)
      for (const target of targets) figures.get(target.name)!.push(await measure(target, urls, turns));
  } finally {
    await Promise.all([model.stop(), device.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
  const medians = [...figures].map(([name, all]) => ({
    name,
    of: (key: keyof Figures) => median(all.map((one) => one[key])),
  }));
  const base = medians[0]!;
  const ratio = (value: number, key: keyof Figures): string => `${(value / base.of(key)).toFixed(2)}×`;
  console.log(
    `One turn, ${CLIENTS} clients × ${turns} turns, medians of ${repetitions}; × is the ratio to the floor:\n`,
  );
  console.log(
    table(
      medians.map(({ name, of }) => ({
        target: name,
        'CPU ms a turn': of('cpuMsPerTurn'),
        'CPU ×': ratio(of('cpuMsPerTurn'), 'cpuMsPerTurn'),
        'turns/s': of('turnsPerSecond'),
        'turns/s ×': ratio(of('turnsPerSecond'), 'turnsPerSecond'),
        'cold start ms': of('coldStartMs'),
        'cold start ×': ratio(of('coldStartMs'), 'coldStartMs'),
        'KB an idle session': of('idleKb'),
      })),
    ),
  );
}

function floor(name: string, folder: string, kind = ''): Target {
  return {
    name,
    start: (env) =>
      launch(
        ['spec/bench/peers/floor.mjs'],
        { ...env, FLOOR: kind, DB_FILE: join(folder, 'floor.db') },
        'server',
      ),
    open: ({ port }) => openLane(`ws://127.0.0.1:${port}/`),
  };
}

export function ours(folder: string): Target {
  let count = 0;
  return {
    name: 'this server',
    start(more) {
      count += 1;
      const env = { ...more, DATA_DIR: join(folder, `data-${count}`), LOG_LEVEL: 'error' };
      return launch(['dist/bin/lite-agent.js', 'serve'], env, 'server');
    },
    async open({ port }, { model, device }) {
      const { id } = await post<{ id: string }>(`http://127.0.0.1:${port}/api/init`, {
        llmConfig: { baseUrl: model, apiKey: 'x', model: 'mock' },
        systemPrompt: 'You control one device.',
        openSpecList: openSpecList(device),
      });
      return openLane(`ws://127.0.0.1:${port}/api/chat?id=${id}`);
    },
  };
}

/** The same turns as responses of a conversation, each a request that is answered whole. */
function responses(folder: string): Target {
  const server = ours(join(folder, 'responses'));
  return {
    name: '/v1/responses',
    start: (env) =>
      server.start({ ...env, AUTH_TOKEN: TOKEN, baseUrl: env['MODEL_URL'], apiKey: 'x', model: 'mock' }),
    async open({ port }, { device }) {
      const url = `http://127.0.0.1:${port}/v1`;
      const items = [{ role: 'developer', content: 'You control one device.' }];
      const body = { items, openSpecList: openSpecList(device) };
      const { id } = await post<{ id: string }>(`${url}/conversations`, body);
      return {
        async turn() {
          const asked = { model: 'mock', conversation: id, input: 'CALL 1' };
          const { status } = await post<{ status: string }>(`${url}/responses`, asked);
          if (status !== 'completed') throw new Error(`the response is ${status}`);
        },
        close: async () => undefined,
      };
    },
  };
}

/** The document of the device. */
function openSpecList(device: string): object[] {
  const status = {
    operationId: 'getStatus',
    summary: 'Read the status of the device.',
    responses: { 200: { description: 'Status' } },
  };
  const document = {
    openapi: '3.0.0',
    info: { title: 'Device', version: '1' },
    servers: [{ url: device }],
    paths: { '/status': { get: status } },
  };
  return [{ openSpec: JSON.stringify(document) }];
}

async function post<T>(url: string, body: object): Promise<T> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function openLane(url: string): Promise<Lane> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  let done: (() => void) | undefined;
  let broken: ((error: Error) => void) | undefined;
  socket.on('message', (data: Buffer) => {
    if (data.includes('[TASK_DONE]')) done?.();
    else if (data.includes('[TASK_STOP]')) broken?.(new Error(String(data)));
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('close', () => broken?.(new Error('the socket closed in mid-turn')));
  return {
    turn: () =>
      new Promise((resolve, reject) => {
        done = resolve;
        broken = reject;
        socket.send(JSON.stringify({ type: 'text', message: 'CALL 1' }));
      }),
    close: () =>
      new Promise((resolve) => {
        broken = undefined;
        socket.once('close', () => resolve());
        socket.close();
      }),
  };
}

async function measure(target: Target, urls: Urls, turns: number): Promise<Figures> {
  const program = await target.start({ MODEL_URL: urls.model, DEVICE_URL: urls.device });
  try {
    const first = await target.open(program, urls);
    await first.turn();
    const coldStartMs = performance.now() - program.startedAt;
    await first.close();
    const idleKb = await measureIdle(target, program, urls);
    await load(target, program, urls, WARM_UP_TURNS);
    const { wallMs, cpu } = await load(target, program, urls, turns);
    const count = CLIENTS * turns;
    return { coldStartMs, idleKb, cpuMsPerTurn: cpu / count, turnsPerSecond: (count / wallMs) * 1000 };
  } finally {
    await program.stop();
  }
}

async function measureIdle(target: Target, program: Program, urls: Urls): Promise<number> {
  const before = rssKb(program.pid);
  const lanes: Lane[] = [];
  while (lanes.length < IDLE_SOCKETS)
    lanes.push(...(await Promise.all(Array.from({ length: 20 }, () => target.open(program, urls)))));
  const idleKb = (rssKb(program.pid) - before) / IDLE_SOCKETS;
  await Promise.all(lanes.map((lane) => lane.close()));
  return idleKb;
}

async function load(
  target: Target,
  program: Program,
  urls: Urls,
  turns: number,
): Promise<{ wallMs: number; cpu: number }> {
  const lanes = await openLanes(target, [program], urls, turns);
  const figures = await turnLanes(lanes, [program], turns);
  await Promise.all(lanes.map((lane) => lane.close()));
  return figures;
}

/** The lanes for so many turns a client, on the programs in turn: a client goes on to a fresh session every so many turns. */
export async function openLanes(
  target: Target,
  programs: readonly Program[],
  urls: Urls,
  turns: number,
  clients = CLIENTS,
): Promise<Lane[]> {
  const lanes: Lane[] = [];
  for (let index = 0; index < clients * Math.ceil(turns / TURNS_A_SESSION); index += 1)
    lanes.push(await target.open(programs[index % programs.length]!, urls));
  return lanes;
}

/** Turns of all clients at once. The CPU is that of all programs together. */
export async function turnLanes(
  lanes: readonly Lane[],
  programs: readonly Program[],
  turns: number,
  clients = CLIENTS,
): Promise<{ wallMs: number; cpu: number }> {
  const used = (): number => programs.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
  const began = performance.now();
  const cpuBefore = used();
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let turn = 0; turn < turns; turn += 1)
        await lanes[client + clients * Math.floor(turn / TURNS_A_SESSION)]!.turn();
    }),
  );
  return { wallMs: performance.now() - began, cpu: used() - cpuBefore };
}
