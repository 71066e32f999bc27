import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openApp } from '../lib/app.ts';
import { readConfig } from '../lib/config.ts';
import { privatePathsOf } from '../lib/data-folder.ts';
import { openLog } from '../lib/log.ts';
import { refusalOf } from './support/refusal.ts';

describe('the files of the server', () => {
  let root: string;
  let umask: number;
  let logged: { message: string; path?: string; mode?: string }[];
  beforeEach(() => {
    umask = process.umask(0);
    root = mkdtempSync(join(tmpdir(), 'lite-agent-modes-'));
    logged = [];
  });
  afterEach(() => {
    process.umask(umask);
    rmSync(root, { recursive: true });
  });

  /** Runs a server over the folder `data`, and returns the mode of each file while it runs. */
  async function modesWhileRunning(): Promise<Record<string, string>> {
    const config = readConfig({
      env: { PORT: '0', DATA_DIR: 'data', LOG_FILE: 'logs/server.log' },
      cwd: root,
    });
    const log = await openLog({
      level: 'info',
      file: config.logFile,
      stream: { write: (line: string) => void logged.push(JSON.parse(line) as (typeof logged)[number]) },
    });
    const app = await openApp(config, log);
    const modes = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => [
      name,
      (statSync(join(root, name)).mode & 0o777).toString(8),
    ]);
    await app.close();
    await log.close();
    return Object.fromEntries(modes) as Record<string, string>;
  }

  it('are made for the user of the server alone, whatever the umask', async () => {
    const modes = await modesWhileRunning();
    expect(modes).to.include.keys('data/lite-agent.db', 'data/lite-agent.db-wal', 'data/lite-agent.db-shm');
    expect(modes).to.include.keys(
      'data/secret.key',
      'data/jwt.keys',
      'data/lite-agent.db.lock',
      'logs/server.log',
    );
    for (const [name, mode] of Object.entries(modes))
      expect(mode, name).to.equal(
        statSync(join(root, name), { throwIfNoEntry: false })?.isDirectory() ? '700' : '600',
      );
    expect(logged.filter(({ mode }) => mode !== undefined)).to.deep.equal([]);
  });

  it('of an earlier version are closed to others at the start, with a line in the log for each', async () => {
    await modesWhileRunning();
    const open = ['data', 'data/lite-agent.db', 'data/secret.key', 'data/jwt.keys', 'logs/server.log'];
    for (const name of open) chmodSync(join(root, name), name === 'data' ? 0o755 : 0o644);
    const modes = await modesWhileRunning();
    expect(open.map((name) => modes[name])).to.deep.equal(['700', '600', '600', '600', '600']);
    expect(
      logged
        .filter(({ mode }) => mode !== undefined)
        .map(({ path, mode }) => [path?.slice(root.length + 1), mode]),
    ).to.have.deep.members(open.map((name) => [name, name === 'data' ? '0755' : '0644']));
  });

  it('leave a folder of others, and a file in its place, as open as they were', () => {
    const closedBy = (dataDir: string): string[] =>
      privatePathsOf(readConfig({ env: { DATA_DIR: dataDir }, cwd: root })).filter(
        (path) => path === join(root, dataDir),
      );
    mkdirSync(join(root, 'shared'));
    mkdirSync(join(root, 'empty'));
    writeFileSync(join(root, 'shared', 'letter.txt'), 'of somebody else');
    writeFileSync(join(root, 'hostname'), 'h');
    expect(['shared', 'hostname', 'missing', 'empty'].map(closedBy)).to.deep.equal([
      [],
      [],
      [],
      [join(root, 'empty')],
    ]);
  });

  it('leave a file that is no database as it is, and say so', async () => {
    writeFileSync(join(root, 'hostname'), 'house', { mode: 0o644 });
    const env = { PORT: '0', DATA_DIR: 'data', DATABASE_URL: 'sqlite:hostname' };
    const config = readConfig({ env, cwd: root });
    const log = await openLog({ level: 'info', stream: { write: () => undefined } });
    const { code, message } = await refusalOf(openApp(config, log));
    await log.close();
    expect([code, message]).to.deep.equal([
      'invalid_request',
      `${join(root, 'hostname')} is no SQLite database: DATABASE_URL says where the database is.`,
    ]);
    expect((statSync(join(root, 'hostname')).mode & 0o777).toString(8)).to.equal('644');
  });
});
