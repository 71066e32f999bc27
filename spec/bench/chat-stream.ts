import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request as ask } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuMs, launch, pinDriver, type Program } from './processes.ts';
import { median, table } from './table.ts';

const CLIENTS = 8;
const WORDS = 3000;
const FIRST_BYTES = 200;
const WARM_UP_ROUNDS = 3;

/** Somebody who asks for so many words of the model. */
type Ask = (words: number) => { path: string; headers: Record<string, string>; body: string };

interface Target {
  name: string;
  start(modelUrl: string): Promise<Program>;
  /** What a client sends, one of its own for each of several. */
  client(program: Program, modelUrl: string): Promise<Ask>;
}

interface Figures {
  firstByteMs: number;
  chunksPerSecond: number;
  cpuMsPerThousand: number;
}

const agent = new Agent({ keepAlive: true });

/** What `/chat/send` costs (a known caller, two messages stored, one JSON line a word) against a stream that is only handed on. */
export async function run(words = WORDS, repetitions = 3): Promise<void> {
  pinDriver();
  const folder = mkdtempSync(join(tmpdir(), 'lite-agent-bench-'));
  const model = await launch(['spec/bench/peers/talker.mjs'], {}, 'driver');
  const modelUrl = `http://127.0.0.1:${model.port}/v1`;
  const targets = [passThrough, ours(folder)];
  const figures = new Map<string, Figures[]>(targets.map(({ name }) => [name, []]));
  try {
    for (let repetition = 0; repetition < repetitions; repetition += 1)
      for (const target of targets) figures.get(target.name)!.push(await measure(target, modelUrl, words));
  } finally {
    agent.destroy();
    await model.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const rows = [...figures].map(([name, all]) => {
    const of = (key: keyof Figures) => median(all.map((one) => one[key]));
    return { name, of };
  });
  const base = rows[0]!;
  const ratio = (value: number, key: keyof Figures): string => `${(value / base.of(key)).toFixed(2)}×`;
  console.log(
    `/chat/send, ${CLIENTS} streams of ${words} words at once, medians of ${repetitions}; × is the ratio to the pass-through:\n`,
  );
  console.log(
    table(
      rows.map(({ name, of }) => ({
        target: name,
        'first byte ms': of('firstByteMs'),
        'first byte ×': ratio(of('firstByteMs'), 'firstByteMs'),
        'chunks/s': of('chunksPerSecond'),
        'chunks/s ×': ratio(of('chunksPerSecond'), 'chunksPerSecond'),
        'CPU ms a 1000 chunks': of('cpuMsPerThousand'),
        'CPU ×': ratio(of('cpuMsPerThousand'), 'cpuMsPerThousand'),
      })),
    ),
  );
}

const passThrough: Target = {
  name: 'pass-through',
  start: (modelUrl) => launch(['spec/bench/peers/pass-through.mjs'], { MODEL_URL: modelUrl }, 'server'),
  client: async () => (words) => ({
    path: '/',
    headers: {},
    body: JSON.stringify({ model: `words-${words}`, stream: true, messages: [] }),
  }),
};

function ours(folder: string): Target {
  let count = 0;
  return {
    name: 'this server',
    start() {
      count += 1;
      const env = { DATA_DIR: join(folder, `data-${count}`), LOG_LEVEL: 'error' };
      return launch(['dist/bin/lite-agent.js', 'serve'], env, 'server');
    },
    async client({ port }, modelUrl) {
      count += 1;
      const call = async (path: string, body: object, token?: string) => {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify(body),
        });
        if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
        return (await answer.json()) as Record<string, never>;
      };
      const person = {
        email: `u${count}@example.com`,
        username: `u${count}`,
        password: 'correct horse battery',
      };
      const token: string = (await call('/user/register', person))['access_token']!;
      const place = { base_url: modelUrl, api_key: 'k' };
      const config = { name: 'x', model_name: 'words-1', params: {}, ...place };
      const { config_id: id } = await call('/model_config/create', config, token);
      const made = await call('/conversation/create', { model_config_id: id }, token);
      return (words) => ({
        path: '/chat/send',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({
          conversation_id: made['conversation_id'],
          messages: [{ role: 'user', content: 'Talk.' }],
          model_name: `words-${words}`,
          ...place,
        }),
      });
    },
  };
}

async function measure(target: Target, modelUrl: string, words: number): Promise<Figures> {
  const program = await target.start(modelUrl);
  try {
    const clients: Ask[] = [];
    while (clients.length < CLIENTS) clients.push(await target.client(program, modelUrl));
    for (let round = 0; round < WARM_UP_ROUNDS; round += 1)
      await Promise.all(clients.map((client) => stream(program, client(words))));
    const firsts: number[] = [];
    for (let asked = 0; asked < FIRST_BYTES; asked += 1) firsts.push(await stream(program, clients[0]!(1)));
    const cpuBefore = cpuMs(program.pid);
    const began = performance.now();
    await Promise.all(clients.map((client) => stream(program, client(words))));
    const wallMs = performance.now() - began;
    const chunks = CLIENTS * words;
    return {
      firstByteMs: median(firsts),
      chunksPerSecond: (chunks / wallMs) * 1000,
      cpuMsPerThousand: ((cpuMs(program.pid) - cpuBefore) / chunks) * 1000,
    };
  } finally {
    await program.stop();
  }
}

/** Asks, reads to the end, and resolves with the ms until the first word of the model was here. */
function stream({ port }: Program, { path, headers, body }: ReturnType<Ask>): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const asking = ask(
      {
        agent,
        port,
        host: '127.0.0.1',
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
      },
      (answer) => {
        let first = 0;
        let tail = '';
        answer.setEncoding('utf8');
        answer.on('data', (text: string) => {
          if (first === 0 && text.includes('word ')) first = performance.now() - began;
          tail = (tail + text).slice(-200);
        });
        answer.on('end', () => {
          if (first > 0 && /"complete"|\[DONE\]/.test(tail)) resolve(first);
          else reject(new Error(`the stream ended with ${tail}`));
        });
        answer.on('error', reject);
      },
    );
    asking.on('error', reject);
    asking.end(body);
  });
}
