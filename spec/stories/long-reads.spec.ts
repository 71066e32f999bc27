import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { systemClock } from '../../lib/common/clock.ts';
import { CallAudit } from '../../lib/devices/call-audit.ts';
import type { CommandTables } from '../../lib/devices/command-schema.ts';
import { connectDatabase } from '../../lib/store/database.ts';
import { fill } from '../bench/fill.ts';
import { sentRecord } from '../support/call-record.ts';
import { FloodServer } from '../support/flood-server.ts';
import { checkLoop } from '../support/loop-watchdog.ts';

const LINES = 100_000;
const ROWS = 50_000;
const SESSIONS = 100;
const SECRET = 'a secret of long reads, 32 characters.';
const ROOT = join(import.meta.dirname, '../..');

describe(`a server with ${LINES} lines and ${ROWS} rows of audit`, function () {
  this.timeout(240_000);
  let folder: string;
  let env: Record<string, string>;
  let server: FloodServer;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'long-reads-'));
    env = { DATA_DIR: folder, DATABASE_URL: `sqlite:${join(folder, 'a.db')}`, SECRET_KEY: SECRET };
    await fill(env['DATABASE_URL']!, SECRET, SESSIONS, LINES / SESSIONS);
    await fillAudit(env['DATABASE_URL']!);
    server = await FloodServer.open(env);
    await read('/api/audit?last=1');
    await server.report();
  });
  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  async function read(path: string): Promise<string> {
    const { status, text } = await server.send('127.0.0.10', 'GET', path);
    expect(status, text.slice(0, 200)).to.equal(200);
    return text;
  }

  it('exports the audit log, and holds the event loop for a moment only', async () => {
    const text = await read('/api/audit/export');
    expect(text.trimEnd().split('\n')).to.have.length(ROWS);
    checkLoop(await server.report(), 'the export of the audit log');
  });

  for (const path of ['/api/audit?limit=1000', '/api/audit?last=1000'])
    it(`shows ${path}, and holds the event loop for a moment only`, async () => {
      await read(path);
      checkLoop(await server.report(), path);
    });

  it('is backed up, and holds the event loop for a moment only', async () => {
    const backup = ['--import', 'tsx', join(ROOT, 'bin/lite-agent.ts'), 'backup', join(folder, 'all.backup')];
    await promisify(execFile)(process.execPath, backup, { cwd: ROOT, env: { ...process.env, ...env } });
    checkLoop(await server.report(), 'the backup');
  });
});

/** Writes that were sent to one device, in one transaction: every row waits for the hash of the one before. */
async function fillAudit(databaseUrl: string): Promise<void> {
  const database = await connectDatabase({ databaseUrl, onError: () => undefined });
  const db = database.tables<CommandTables>();
  const audit = new CallAudit(db, generateKeyPairSync('ed25519').privateKey, systemClock);
  await db.transaction().execute(async (trx) => {
    for (let to = 0; to < ROWS; to += 1) await audit.append(trx, 'boiler', sentRecord(to));
  });
  await database.close();
}
