import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request as ask } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import { cpuMs, launch, pinDriver, type Program } from './processes.ts';
import { median, table } from './table.ts';

const CLIENTS = 16;
const MESSAGES = 60;
const SECRET = 'a-secret-of-the-bench-0123456789-abcdefgh';

interface Figures {
  perSecond: number;
  cpuMsPerThousand: number;
}

/** One kind of request that is asked for again and again. */
interface Load {
  name: string;
  method: 'GET' | 'POST';
  path: (thread: string) => string;
  body?: string;
}

const loads: Load[] = [
  { name: 'GET thread', method: 'GET', path: (thread) => `/v1/threads/${thread}` },
  { name: 'GET 20 messages', method: 'GET', path: (thread) => `/v1/threads/${thread}/messages` },
  {
    name: 'POST message',
    method: 'POST',
    path: (thread) => `/v1/threads/${thread}/messages`,
    body: JSON.stringify({ role: 'user', content: 'Is the light in room 3 on?' }),
  },
];

/** Requests of a signed-in user on threads and messages, a second, against a bare express route that does the same SQL. */
export async function run(ms = 3000, repetitions = 3): Promise<void> {
  pinDriver();
  const folder = mkdtempSync(join(tmpdir(), 'lite-agent-bench-'));
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  try {
    const prepared = await prepare(folder, agent);
    const figures = new Map<string, Figures[]>();
    for (let repetition = 0; repetition < repetitions; repetition += 1)
      for (const target of ['bare express', 'LiteAgent']) {
        const program = await start(target, folder, String(repetition));
        const token = target === 'LiteAgent' ? prepared.token : prepared.bareToken;
        try {
          for (const load of loads) {
            await drive(program, load, prepared.thread, token, agent, ms / 6);
            const key = `${load.name} ${target}`;
            const measured = await drive(program, load, prepared.thread, token, agent, ms);
            figures.set(key, [...(figures.get(key) ?? []), measured]);
          }
        } finally {
          await program.stop();
        }
      }
    report(figures, repetitions);
  } finally {
    agent.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(figures: ReadonlyMap<string, Figures[]>, repetitions: number): void {
  const of = (load: Load, target: string, key: keyof Figures): number =>
    median((figures.get(`${load.name} ${target}`) ?? []).map((one) => one[key]));
  console.log(`${CLIENTS} connections, medians of ${repetitions}; × is the ratio to the bare route:\n`);
  console.log(
    table(
      loads.map((load) => {
        const [bare, ours] = ['bare express', 'LiteAgent'].map((target) => of(load, target, 'perSecond'));
        const [bareCpu, ourCpu] = ['bare express', 'LiteAgent'].map((target) =>
          of(load, target, 'cpuMsPerThousand'),
        );
        return {
          request: load.name,
          'bare /s': bare!,
          'ours /s': ours!,
          'rate ×': ours! / bare!,
          'bare CPU ms/1000': bareCpu!,
          'ours CPU ms/1000': ourCpu!,
          'CPU ×': ourCpu! / bareCpu!,
        };
      }),
    ),
  );
}

/** A database with a user, and a thread of that user with some messages. */
async function prepare(folder: string, agent: Agent) {
  const env = { DATA_DIR: folder, JWT_SECRET: SECRET };
  const cli = (...args: string[]): Record<string, string> =>
    JSON.parse(
      execFileSync(process.execPath, ['dist/bin/lite-agent.js', ...args, '--json'], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      }),
    ) as Record<string, string>;
  cli('user', 'add', 'ada', '--password', 'correct horse battery');
  const token = cli('user', 'token', 'ada')['token']!;
  const program = await launch(['dist/bin/lite-agent.js', 'serve'], { ...env, LOG_LEVEL: 'error' }, 'server');
  try {
    const post = async (path: string, body: string) =>
      JSON.parse(await send(program, agent, token, 'POST', path, body)) as { id: string };
    const thread = (await post('/v1/threads', '{}')).id;
    for (let n = 0; n < MESSAGES; n += 1)
      await post(
        `/v1/threads/${thread}/messages`,
        JSON.stringify({ role: 'user', content: `Message ${n}.` }),
      );
    const { sid } = jwt.decode(token) as { sid: string };
    return { thread, token, bareToken: jwt.sign({ sid }, SECRET) };
  } finally {
    await program.stop();
  }
}

/** Each run works on a copy of its own. */
function start(target: string, folder: string, name: string): Promise<Program> {
  const copy = join(folder, `${target} ${name}`);
  mkdirSync(copy);
  copyFileSync(join(folder, 'lite-agent.db'), join(copy, 'lite-agent.db'));
  copyFileSync(join(folder, 'secret.key'), join(copy, 'secret.key'));
  if (target === 'LiteAgent')
    return launch(
      ['dist/bin/lite-agent.js', 'serve'],
      { DATA_DIR: copy, JWT_SECRET: SECRET, LOG_LEVEL: 'error' },
      'server',
    );
  const env = { DATABASE: join(copy, 'lite-agent.db'), SECRET };
  return launch(['spec/bench/peers/threads-floor.mjs'], env, 'server');
}

/** Asks on all connections for so long. */
async function drive(
  program: Program,
  { method, path, body }: Load,
  thread: string,
  token: string,
  agent: Agent,
  ms: number,
): Promise<Figures> {
  const cpuBefore = cpuMs(program.pid);
  const began = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (performance.now() - began < ms) {
        await send(program, agent, token, method, path(thread), body);
        count += 1;
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  return {
    perSecond: count / seconds,
    cpuMsPerThousand: ((cpuMs(program.pid) - cpuBefore) / count) * 1000,
  };
}

function send(
  { port }: Program,
  agent: Agent,
  token: string,
  method: string,
  path: string,
  body?: string,
): Promise<string> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }),
  };
  return new Promise((resolve, reject) => {
    const asking = ask({ agent, port, host: '127.0.0.1', path, method, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece: string) => (text += piece));
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve(text) : reject(new Error(`${answer.statusCode}: ${text}`)),
      );
      answer.on('error', reject);
    });
    asking.on('error', reject);
    asking.end(body);
  });
}
