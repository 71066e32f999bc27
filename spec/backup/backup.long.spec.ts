import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openTestApp, type Envelope, type TestApp } from '../support/app.ts';
import { runCommand, type CommandRun } from '../support/command.ts';
import { openLamp } from '../support/lamp.ts';
import { sendJson, startModelServer, type ModelServerStep } from '../support/model-server.ts';
import { openPostgresServer } from '../support/postgres.ts';
import { waitFor } from '../support/wait-for.ts';
import { gate } from '../support/world.ts';

const AUTH_TOKEN = 'operator-0123456789-0123456789-01';
const operator = { authorization: `Bearer ${AUTH_TOKEN}` };

/** The first number of a version, such as 18; undefined for a program that is not installed. */
function majorOf(command: string): string | undefined {
  try {
    return /\) (\d+)/.exec(execFileSync(command, ['--version'], { encoding: 'utf8' }))?.[1];
  } catch {
    return undefined; // it is not installed
  }
}

describe('a backup', function () {
  this.timeout(120_000); // each test starts processes, which take their time on a busy machine
  let folder: string;
  const closers: (() => Promise<unknown>)[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'backup-'));
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
    rmSync(folder, { recursive: true });
  });

  const settingsOf = (place: string, more: NodeJS.Dict<string> = {}): Record<string, string> => ({
    DATA_DIR: join(folder, place),
    DATABASE_URL: `sqlite:${join(folder, place, 'lite-agent.db')}`,
    ...(more as Record<string, string>),
  });
  const run = (args: string[], env: Record<string, string>): Promise<CommandRun> =>
    runCommand(args, { cwd: folder, env });

  /** A server whose model sets a registered lamp once in each turn, and a session on it. */
  async function openWorking(env: Record<string, string>, turns: number) {
    const lamp = await openLamp();
    const steps = Array.from({ length: turns }, (_, n): ModelServerStep[] => [
      { calls: [{ name: 'set_brightness', arguments: { brightness: n % 100 } }] },
      { text: `It is at ${n % 100}.` },
    ]).flat();
    const model = await startModelServer(steps);
    const app = await openTestApp({ ...env, baseUrl: model.baseUrl });
    closers.push(
      () => lamp.close(),
      () => model.close(),
      () => app.close(),
    );
    await app.post('/api/devices', lamp.registration('lamp'));
    const session = await app.init({ devices: ['lamp'] });
    const chat = await app.chat(session);
    closers.push(() => chat.close());
    return { app, session, chat, lamp, model, steps };
  }

  const wordsOf = (lines: readonly Envelope[]): unknown[] =>
    lines.map(({ seq, type, message }) => [seq, type, message]);

  async function fileOf(app: TestApp): Promise<string> {
    const form = new FormData();
    form.append('file', new Blob(['the bytes of a file']), 'a.txt');
    form.append('purpose', 'assistants');
    const answer = await fetch(`${app.url}/v1/files`, { method: 'POST', body: form, headers: operator });
    return ((await answer.json()) as { id: string }).id;
  }

  it('of a server under load has every answer of before, its files and keys, and the audit log fits after the restore', async () => {
    const env = settingsOf('first', { AUTH_TOKEN });
    const turns = 30;
    const { app, session, chat } = await openWorking(env, turns);
    const file = await fileOf(app);
    chat.say('0');
    await chat.tasksEnded(1);
    const before = await app.history(session);
    for (let n = 1; n < turns; n += 1) chat.say(String(n));
    const made = await run(['backup', 'house.backup'], env);
    expect([made.code, made.stderr]).to.deep.equal([0, '']);
    expect(made.stdout).to.match(
      /^The backup \S+house\.backup has \d files, and is checked\.\nIt has the keys/,
    );
    expect(statSync(join(folder, 'house.backup')).mode & 0o777).to.equal(0o600);
    await chat.tasksEnded(turns);
    await app.close();

    const second = settingsOf('second', { AUTH_TOKEN });
    const restored = await run(['restore', 'house.backup'], second);
    expect([restored.code, restored.stderr]).to.deep.equal([0, '']);
    const verified = await run(['audit', 'verify'], second);
    expect([verified.code, verified.stdout]).to.deep.equal([0, verified.stdout]);
    expect(verified.stdout).to.match(/^lamp: \d+ rows fit, \d+ signed heads\n$/);
    const again = await openTestApp(second);
    closers.push(() => again.close());
    const after = await again.history(session);
    expect(wordsOf(after).slice(0, before.length)).to.deep.equal(wordsOf(before));
    const content = await fetch(`${again.url}/v1/files/${file}/content`, { headers: operator });
    expect(await content.text()).to.equal('the bytes of a file');
    const devices = (await again.get('/api/devices')).body as { name: string; fault?: string }[];
    expect(devices.map(({ name, fault }) => [name, fault])).to.deep.equal([['lamp', undefined]]);
  });

  it('sends nothing of the tasks that were open in it: they were worked on since, and end as stopped', async () => {
    const env = settingsOf('first', { AUTH_TOKEN });
    const { app, session, chat, lamp, model, steps } = await openWorking(env, 0);
    const asked = gate();
    const decide = gate();
    const call = { name: 'set_brightness', arguments: '{"brightness":7}' };
    const message = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'a', type: 'function', function: call }],
    };
    const decision = { id: 'r', model: 'm', choices: [{ index: 0, message, finish_reason: 'tool_calls' }] };
    const set: ModelServerStep = { answer: (response) => sendJson(response, 200, decision) };
    steps.push(
      {
        async answer(response) {
          asked.open();
          await decide.opened;
          sendJson(response, 200, decision);
        },
      },
      { text: 'It is at 7.' },
    );
    chat.say('7');
    await asked.opened;
    expect((await run(['backup', 'house.backup'], env)).code).to.equal(0);
    decide.open();
    await chat.tasksEnded(1);
    await app.close();
    expect(lamp.seen.map(({ url }) => url)).to.deep.equal(['/brightness?brightness=7']);

    const second = settingsOf('second', { AUTH_TOKEN });
    const restored = await run(['restore', 'house.backup'], second);
    expect([restored.code, restored.stderr]).to.deep.equal([0, '']);
    expect(restored.stdout).to.include('1 open task ends as stopped');
    steps.push(set, { text: 'It is at 7 again.' });
    const again = await openTestApp({ ...second, baseUrl: model.baseUrl });
    closers.push(() => again.close());
    await waitFor(async () => (await again.history(session)).at(-1)?.message === '[TASK_STOP]');
    expect(lamp.seen).to.have.length(1);
  });

  it('overwrites nothing, and is restored into an empty place only', async () => {
    const env = settingsOf('first');
    await (await openTestApp(env)).close();
    expect((await run(['backup', 'b'], env)).code).to.equal(0);
    const nowhere = await run(['backup', 'none/b'], env);
    expect([nowhere.code, nowhere.stderr]).to.deep.equal([
      2,
      `lite-agent: ${join(folder, 'none/b')} cannot be written: there is no folder ${join(folder, 'none')}.\n`,
    ]);
    const twice = await run(['backup', 'b'], env);
    expect([twice.code, twice.stderr]).to.deep.equal([
      2,
      `lite-agent: ${join(folder, 'b')} exists: a backup overwrites nothing. Name another file.\n`,
    ]);
    const data = await run(['restore', 'b'], env);
    expect([data.code, data.stderr]).to.deep.equal([
      2,
      `lite-agent: A backup is restored into an empty place, and there is already: ${['secret.key', 'jwt.keys', 'audit.key'].map((name) => join(env['DATA_DIR']!, name)).join(', ')}. Move it away, or set DATA_DIR to a new folder.\n`,
    ]);
    const database = await run(['restore', 'b'], {
      ...settingsOf('new'),
      DATABASE_URL: env['DATABASE_URL']!,
    });
    expect([database.code, database.stderr]).to.deep.equal([
      2,
      `lite-agent: A backup is restored into an empty place, and ${join(folder, 'first/lite-agent.db')} exists. Move it away, or set DATABASE_URL to another file.\n`,
    ]);
    expect(existsSync(join(folder, 'new'))).to.equal(false);
    const nothing = await run(['backup', 'c'], settingsOf('nowhere'));
    expect(nothing.code).to.equal(2);
    expect(nothing.stderr).to.include('There is no database');
    expect(existsSync(join(folder, 'c'))).to.equal(false);
  });

  it('that is damaged, cut off, or something else is refused with words, and nothing is written', async () => {
    const env = settingsOf('first');
    await (await openTestApp(env)).close();
    await run(['backup', 'whole'], env);
    const whole = readFileSync(join(folder, 'whole'));
    const flipped = Buffer.from(whole);
    flipped[Math.floor(whole.length / 2)]! ^= 0xff;
    const damaged: Record<string, Buffer> = {
      flipped,
      cut: whole.subarray(0, whole.length - 2000),
      empty: Buffer.alloc(0),
      text: Buffer.from('this is a letter'),
    };
    const told: Record<string, unknown> = {};
    for (const [name, bytes] of Object.entries(damaged)) {
      writeFileSync(join(folder, name), bytes);
      const { code, stderr } = await run(['restore', name], settingsOf('new'));
      told[name] = [code, stderr.startsWith(`lite-agent: ${join(folder, name)} is no whole backup: `)];
    }
    const refused = [2, true];
    expect(told).to.deep.equal({ flipped: refused, cut: refused, empty: refused, text: refused });
    expect(existsSync(join(folder, 'new'))).to.equal(false);
  });

  it('that was made with a SECRET_KEY needs the same one', async () => {
    const SECRET_KEY = 'the secret of this house 1';
    const env = settingsOf('first', { SECRET_KEY });
    await (await openTestApp(env)).close();
    const made = await run(['backup', 'b'], env);
    expect(made.stdout).to.include('SECRET_KEY is not in it: keep SECRET_KEY apart from it.');
    const texts: string[] = [];
    for (const other of [undefined, 'another secret of the house'])
      texts.push(
        (await run(['restore', 'b'], settingsOf('new', other === undefined ? {} : { SECRET_KEY: other })))
          .stderr,
      );
    expect(texts).to.deep.equal([
      'lite-agent: The backup was made with a SECRET_KEY of the settings, which is not in it: set the same SECRET_KEY.\n',
      'lite-agent: The backup was made with another SECRET_KEY: set the one with which it was made.\n',
    ]);
    expect((await run(['restore', 'b'], settingsOf('new', { SECRET_KEY }))).code).to.equal(0);
  });

  it('of PostgreSQL says which program is missing, and is refused where the database is of another engine', async () => {
    const postgres = await openPostgresServer();
    const url = await postgres.createDatabase();
    const env = settingsOf('first', { DATABASE_URL: url });
    await (await openTestApp(env)).close();
    await mkdir(join(folder, 'bin'));
    const { code, stderr } = await run(['backup', 'b'], { ...env, PATH: join(folder, 'bin') });
    expect([code, stderr]).to.deep.equal([
      1,
      'lite-agent: pg_dump is missing. Install the client programs of PostgreSQL, in the version of the server.\n',
    ]);
    expect(existsSync(join(folder, 'b'))).to.equal(false);
    const sqlite = settingsOf('lite');
    await (await openTestApp(sqlite)).close();
    await run(['backup', 'c'], sqlite);
    const other = await run(['restore', 'c'], settingsOf('new', { DATABASE_URL: url }));
    expect(other.stderr).to.include('The backup is one of SQLite, and DATABASE_URL names PostgreSQL');
  });

  it('of PostgreSQL is made and restored by its own tools', async function () {
    const postgres = await openPostgresServer();
    if (Number(majorOf('pg_dump') ?? 0) < 18) this.skip(); // pg_dump must not be older than the server
    const env = settingsOf('first', { DATABASE_URL: await postgres.createDatabase() });
    const { app, session, chat } = await openWorking(env, 3);
    chat.say('0');
    await chat.tasksEnded(1);
    const before = await app.history(session);
    const made = await run(['backup', 'b'], env);
    expect([made.code, made.stderr]).to.deep.equal([0, '']);
    await app.close();
    const full = await run(['restore', 'b'], settingsOf('new', { DATABASE_URL: env['DATABASE_URL']! }));
    expect(full.stderr).to.include('the database of DATABASE_URL has tables');
    const second = settingsOf('second', { DATABASE_URL: await postgres.createDatabase() });
    const restored = await run(['restore', 'b'], second);
    expect([restored.code, restored.stderr]).to.deep.equal([0, '']);
    expect((await run(['audit', 'verify'], second)).code).to.equal(0);
    const again = await openTestApp(second);
    closers.push(() => again.close());
    expect(wordsOf(await again.history(session))).to.deep.equal(wordsOf(before));
  });
});
