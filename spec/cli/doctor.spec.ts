import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkNode } from '../../lib/cli/doctor/machine.ts';
import { connectDatabase } from '../../lib/store/database.ts';
import { runCommand } from '../support/command.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

interface Report {
  ok: boolean;
  checks: { name: string; state: string; detail: string }[];
  settings: { name: string; origin: string; value: string }[];
}

describe('lite-agent doctor', function () {
  this.timeout(60_000); // each test starts processes, which take their time on a busy machine
  let cwd: string;
  let device: HttpDevice;
  let model: ModelServer;
  beforeEach(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'doctor-'));
    device = await openHttpDevice();
    model = await startModelServer([]);
    model.models.push('m');
  });
  afterEach(async () => {
    await device.close();
    await model.close();
    rmSync(cwd, { recursive: true });
  });

  async function diagnose(
    places: string[],
    env: NodeJS.Dict<string>,
  ): Promise<{ code: number | null; report: Report }> {
    const { code, stdout, stderr } = await runCommand(['doctor', ...places, '--json'], { cwd, env });
    expect(stderr).to.equal('');
    return { code, report: JSON.parse(stdout) as Report };
  }

  it('finds everything well, and says where each setting comes from', async () => {
    chmodSync(cwd, 0o700);
    writeFileSync(join(cwd, '.env.local'), 'apiKey = sk-of-the-model-1\n');
    const databaseUrl = `sqlite:${join(cwd, 'data', 'lite-agent.db')}`;
    await (await connectDatabase({ databaseUrl, onError: () => {} })).close();
    const openSpec = {
      openapi: '3.1.0',
      info: { title: 'D', version: '1' },
      servers: [{ url: device.url }],
      paths: { '/a': { get: {} } },
    };
    writeFileSync(join(cwd, 'device.json'), JSON.stringify(openSpec));
    const address = `127.0.0.1:${device.port}`;
    const env = { baseUrl: model.baseUrl, model: 'm', SMS_WEBHOOK_URL: 'https://u:pw@sms.example/?token=t' };
    const { code, report } = await diagnose(['device.json', address], env);
    expect(report.checks.map(({ name, state }) => [name, state])).to.deep.equal(
      ['Node', 'settings', 'files', 'disk', 'database', 'model', 'device.json', address].map((name) => [
        name,
        'ok',
      ]),
    );
    const detailOf = (name: string): string | undefined =>
      report.checks.find((check) => check.name === name)?.detail;
    expect(detailOf('database')).to.match(/lite-agent\.db, newest schema$/);
    expect(detailOf('model')).to.equal(`${model.baseUrl} answers; it has m`);
    expect(detailOf('device.json')).to.equal(`openapi, 1 tools; ${device.url} can be reached`);
    expect([code, report.ok]).to.deep.equal([0, true]);
    const set = report.settings.filter(({ origin }) => origin !== 'default');
    expect(set).to.have.deep.members([
      { name: 'baseUrl', origin: 'env', value: model.baseUrl },
      { name: 'model', origin: 'env', value: 'm' },
      { name: 'apiKey', origin: '.env.local', value: '[secret]' },
      { name: 'SMS_WEBHOOK_URL', origin: 'env', value: 'https://[secret]@sms.example/?[secret]' },
    ]);
  });

  it('names each fault, and ends with 1', async () => {
    await device.close();
    await model.close();
    const databaseUrl = `sqlite:${join(cwd, 'data', 'lite-agent.db')}`;
    await (await connectDatabase({ databaseUrl, onError: () => {} })).close();
    chmodSync(join(cwd, 'data', 'lite-agent.db'), 0o644);
    const address = `127.0.0.1:${device.port}`;
    const { code, report } = await diagnose(['none.json', address], { baseUrl: model.baseUrl, apiKey: 'k' });
    const failed = report.checks.filter(({ state }) => state === 'failed');
    expect(failed.map(({ name }) => name)).to.have.members(['files', 'model', 'none.json', address]);
    expect(failed.find(({ name }) => name === 'files')?.detail).to.match(
      /lite-agent\.db is open to other users: chmod 600 /,
    );
    expect([code, report.ok]).to.deep.equal([1, false]);
    device = await openHttpDevice();
    model = await startModelServer([]);
  });

  it('prints a table for people, and the faults of settings', async () => {
    const { code, stdout } = await runCommand(['doctor'], { cwd, env: { PORT: 'x' } });
    expect(code).to.equal(1);
    expect(stdout)
      .to.match(/^Settings\n/)
      .and.to.match(/^ {2}failed {3}settings {6}A setting is wrong:\n {2}PORT "x" is not/m);
  });

  it('knows the oldest Node', () => {
    expect(
      ['20.18.9', '20.19.0', '22.1.0', '18.20.0'].map((version) => checkNode(version).state),
    ).to.deep.equal(['failed', 'ok', 'ok', 'failed']);
  });

  it('says that another file is in the place of the data folder, or of the database', async () => {
    const place = join(cwd, 'hostname');
    writeFileSync(place, 'house');
    const found = [];
    for (const env of [{ DATA_DIR: 'hostname' }, { DATABASE_URL: 'sqlite:hostname' }]) {
      const { code, report } = await diagnose([], env);
      found.push([code, report.checks.find(({ name }) => name === 'database')!.detail]);
    }
    expect(found).to.deep.equal([
      [1, `the folder ${place} cannot be made: ${place} is a file`],
      [1, `${place} is no SQLite database: DATABASE_URL says where the database is.`],
    ]);
  });
});
