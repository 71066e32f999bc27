import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { readPassword } from '../../lib/cli/read-password.ts';
import type { AppError } from '../../lib/errors.ts';
import { openApp } from '../../lib/app.ts';
import { readConfig } from '../../lib/config.ts';
import { quiet } from '../../lib/log.ts';
import { runCommand } from '../support/command.ts';

describe('lite-agent user', function () {
  this.timeout(60_000);
  let cwd: string;
  before(() => (cwd = mkdtempSync(join(tmpdir(), 'user-'))));
  after(() => rmSync(cwd, { recursive: true }));

  const user = (args: string[], input = '') => runCommand(['user', ...args], { cwd, input });
  const json = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await user([...args, '--json']);
    expect([code, stderr]).to.deep.equal([0, '']);
    return JSON.parse(stdout) as unknown;
  };

  it('finds a user by the display name that the list shows, when exactly one has it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'user-names-'));
    try {
      const app = await openApp(readConfig({ env: { PORT: '0', REGISTRATION: 'open' }, cwd: folder }), quiet);
      const register = async (username: string, nickname: string) => {
        const body = JSON.stringify({ username, nickname, password: 'a long enough one' });
        const headers = { 'content-type': 'application/json' };
        await (await fetch(`${app.url}/api/v1/users`, { method: 'POST', headers, body })).json();
      };
      await register('lisi', '李四');
      await register('wang', '小王');
      await register('wang2', '小王');
      await app.close();
      const run = (...args: string[]) => runCommand(['user', ...args], { cwd: folder });
      expect((await run('disable', '李四')).stdout).to.equal('李四 is disabled.\n');
      const all = JSON.parse((await run('list', '--json')).stdout) as {
        uuid: string;
        name: string;
        disabled: boolean;
      }[];
      expect(all.filter(({ disabled }) => disabled).map(({ name }) => name)).to.deep.equal(['李四']);
      const uuids = all.filter(({ name }) => name === '小王').map(({ uuid }) => uuid);
      const several = await run('disable', '小王');
      expect([several.code === 0, several.stdout]).to.deep.equal([false, '']);
      expect(several.stderr).to.include(
        `2 users have the name "小王": name one by its uuid (${uuids.join(', ')}).`,
      );
      expect((await run('disable', uuids[1]!)).stdout).to.equal('小王 is disabled.\n');
      expect((await run('disable', '王五')).stderr).to.include('There is no user "王五".');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('makes users, whose tokens and keys a running server takes, and lets them go', async () => {
    const added = await user(
      ['add', 'ann', '--email', 'ann@example.com', '--role', 'admin', '--json'],
      'a long enough one\n',
    );
    const { uuid, ...ann } = JSON.parse(added.stdout) as { uuid: string };
    expect([added.code, ann]).to.deep.equal([0, { name: 'ann', role: 'admin' }]);
    const bob = (await json('add', 'bob', '--password', 'another long one')) as { uuid: string };
    expect(bob).to.deep.equal({ uuid: bob.uuid, name: 'bob', role: 'user' });
    expect(await json('list')).to.deep.equal([
      { uuid, name: 'ann', role: 'admin', email: 'ann@example.com', disabled: false },
      { uuid: bob.uuid, name: 'bob', role: 'user', email: null, disabled: false },
    ]);
    const { token, expires_in: seconds } = (await json('token', 'ann@example.com')) as {
      token: string;
      expires_in: number;
    };
    expect(seconds).to.equal(900);
    const { key } = (await json('key', uuid)) as { key: string };
    expect(key).to.match(/^sk-[\w-]{43}$/);

    const app = await openApp(readConfig({ env: { PORT: '0', AUTH: 'required' }, cwd }), quiet);
    const statusFor = async (bearer: string) =>
      (await fetch(`${app.url}/api/init`, { method: 'POST', headers: { authorization: `Bearer ${bearer}` } }))
        .status;
    try {
      expect([await statusFor(token), await statusFor(key), await statusFor(`${token}x`)]).to.deep.equal([
        400, 400, 401,
      ]);
      expect(await json('scopes', 'bob', 'add_more_model_config')).to.deep.equal({
        uuid: bob.uuid,
        name: 'bob',
        scopes: ['add_more_model_config'],
      });
      expect((await user(['scopes', 'bob'])).stdout).to.equal('bob has no scopes.\n');
      expect((await user(['scopes', 'bob', 'a b'])).code).to.equal(2);
      expect(await json('role', 'ann', 'visitor')).to.include({ uuid, role: 'visitor', disabled: false });
      expect(await json('disable', 'ann')).to.deep.equal({
        uuid,
        name: 'ann',
        role: 'visitor',
        email: 'ann@example.com',
        disabled: true,
      });
      expect([await statusFor(token), await statusFor(key)]).to.deep.equal([401, 401]);
      expect(await json('enable', 'ann')).to.include({ uuid, disabled: false });
      // Visitors may not act.
      expect([await statusFor(token), await statusFor(key)]).to.deep.equal([401, 403]);
    } finally {
      await app.close();
    }
    expect(statSync(join(cwd, 'data/jwt.keys')).mode & 0o777).to.equal(0o600);
  });

  it('approves a user who registered, and makes, shows and revokes keys with scopes', async () => {
    await json('add', 'eve', '--password', 'a long enough one');
    const app = await openApp(readConfig({ env: { PORT: '0', REGISTRATION: 'approval' }, cwd }), quiet);
    try {
      const body = JSON.stringify({
        username: 'self',
        email: 's@example.com',
        password: 'a long enough one',
      });
      const headers = { 'content-type': 'application/json' };
      await fetch(`${app.url}/user/register`, { method: 'POST', headers, body });
      const shownUser = { name: 'self', role: 'user', email: 's@example.com', disabled: false };
      const all = (await json('list')) as { name: string; uuid: string }[];
      const { uuid } = all.find(({ name }) => name === 'self')!;
      expect(all).to.deep.include({ uuid, ...shownUser, approved: false });
      expect((await user(['list'])).stdout).to.match(
        /^[\da-f-]{36} {2}user {5}self {2}s@example.com {4}not approved$/m,
      );
      expect(await json('approve', 'self')).to.deep.equal({ uuid, ...shownUser });
      expect((await user(['approve', 'self'])).stdout).to.equal('self is approved.\n');
      const { key } = (await json('key', 'eve', '--scope', 'chat', 'app:a-1', '--dialect', 'openai')) as {
        key: string;
      };
      const keys = (await json('keys', 'eve')) as { id: string }[];
      const { id } = keys[0]!;
      const shownKey = { scopes: ['chat', 'app:a-1'], dialects: ['openai'] };
      expect(keys).to.deep.equal([{ id, name: 'command line', masked: `sk-…${key.slice(-4)}`, ...shownKey }]);
      expect((await user(['keys', 'eve'])).stdout).to.equal(
        `${id}  sk-…${key.slice(-4)}  chat app:a-1  openai  command line\n`,
      );
      expect(await json('revoke-key', 'eve', id)).to.deep.equal({ id, revoked: true });
      const again = await user(['revoke-key', 'eve', id]);
      expect([again.code, again.stderr]).to.deep.equal([
        1,
        `lite-agent: eve has no key "${id}": \`lite-agent user keys eve\` shows the keys.\n`,
      ]);
      expect((await user(['keys', 'eve'])).stdout).to.equal('There are no keys.\n');
      const wrong = await user(['key', 'eve', '--scope', 'all']);
      expect([wrong.code, wrong.stderr]).to.deep.equal([
        2,
        'lite-agent: The scopes of a key are chat, devices, admin, metrics and app:<id>: /scopes/0 "all" is no scope.\n',
      ]);
    } finally {
      await app.close();
    }
  });

  it('sets a new password, and removes a user', async () => {
    await json('add', 'olga', '--password', 'a long enough one');
    const { code, stdout } = await user(['password', 'olga'], 'another long one\n');
    expect([code, stdout]).to.deep.equal([0, 'olga has a new password, and is signed out everywhere.\n']);
    const before = (await json('list')) as { uuid: string; name: string }[];
    const { uuid } = before.find(({ name }) => name === 'olga')!;
    expect(await json('remove', 'olga')).to.deep.equal({ uuid, removed: true });
    expect((await user(['remove', 'olga'])).stderr).to.include('There is no user "olga".');
    expect(((await json('list')) as { name: string }[]).map(({ name }) => name)).to.not.include('olga');
  });

  it('names the fault, with exit code 1 or 2', async () => {
    const outcomes = await Promise.all([
      user(['add', 'carol', '--password', 'password1']),
      user(['add', 'carol'], ''),
      user(['add', ' ', '--password', 'a long enough one']),
      user(['disable', 'nobody']),
      user(['role', 'nobody', 'king']),
      user([]),
      runCommand(['user', 'list'], { cwd, env: { DATABASE_URL: 'sqlite::memory:' } }),
      runCommand(['user', 'list'], { cwd, env: { JWT_SECRET: 'secret' } }),
      runCommand(['serve'], { cwd, env: { HOST: '0.0.0.0', AUTH_TOKEN: 'abc', PORT: '0' } }),
    ]);
    const said = outcomes.map(({ code, stdout, stderr }) => [code, stdout, stderr.split('\n')[0]]);
    expect(said.slice(0, 5)).to.deep.equal([
      [2, '', 'lite-agent: The password is too common.'],
      [2, '', 'lite-agent: A password is needed: on the terminal, from a pipe, or with --password.'],
      [2, '', 'lite-agent: The username must have 1 to 50 characters.'],
      [1, '', 'lite-agent: There is no user "nobody".'],
      [2, '', 'lite-agent: "king" is none of visitor, user, admin.'],
    ]);
    expect(said.slice(5).map(([code]) => code)).to.deep.equal([2, 2, 2, 2]);
    expect(outcomes.at(-1)?.stderr).to.equal(
      'lite-agent: A setting is wrong:\n  AUTH_TOKEN is too short for HOST=0.0.0.0, where others can guess it: at least 32 characters, e.g. of `openssl rand -hex 32`\n',
    );
  });

  it('answers in plain words', async () => {
    const { code, stdout } = await user(['add', 'dora', '--password', 'a long enough one']);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^dora is a user now \(user, [\da-f-]{36}\)\n$/);
    const taken = await user(['add', 'DORA', '--password', 'a long enough one']);
    expect([taken.code, taken.stderr]).to.deep.equal([1, 'lite-agent: The username is taken.\n']);
    expect((await user(['list'])).stdout).to.match(/^[\da-f-]{36} {2}user {5}dora$/m);
    expect((await user(['disable', 'dora'])).stdout).to.equal('dora is disabled.\n');
    expect((await user(['list'])).stdout).to.match(/^[\da-f-]{36} {2}user {5}dora {4}disabled$/m);
    expect(readFileSync(join(cwd, 'data/jwt.keys'), 'utf8')).to.match(/^[\w-]{64}\n$/);
  });
});

describe('cli/readPassword', () => {
  /** What a person types, line by line, and what the terminal shows meanwhile. */
  async function typed(...lines: string[]): Promise<{ answer: string; shown: string }> {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const prompts = new PassThrough();
    prompts.on('data', () => {
      const line = lines.shift();
      if (line !== undefined) setImmediate(() => input.write(line));
    });
    const chunks: Buffer[] = [];
    prompts.on('data', (chunk: Buffer) => chunks.push(chunk));
    const answer = await readPassword(input, prompts).catch((error: unknown) => (error as AppError).message);
    return { answer, shown: Buffer.concat(chunks).toString() };
  }

  it('asks twice on a terminal and shows nothing', async () => {
    expect(await typed('s3cret words\r', '', 's3cret words\r')).to.deep.equal({
      answer: 's3cret words',
      shown: 'Password: \nThe same again: \n',
    });
    expect((await typed('one\r', '', 'two\r')).answer).to.equal('The two passwords differ.');
  });

  it('gives up at Ctrl-C and Ctrl-D', async () => {
    for (const key of ['\u0003', '\u0004'])
      expect((await typed(key)).answer).to.match(/^A password is needed/);
  });
});
