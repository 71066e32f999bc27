import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import type { User } from '../../lib/accounts/users.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { openTestAccounts, testSecret, type TestAccounts } from '../support/accounts.ts';
import { openChat } from '../support/app.ts';
import { runCommand } from '../support/command.ts';
import { openCluster, type Cluster } from '../support/crash-nodes.ts';
import { documentOf, functionOf } from '../support/modbus-document.ts';
import { startModbusFake, type ModbusFake } from '../support/modbus-fake.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';
import { openRest, type RestOptions } from '../support/rest.ts';
import { waitFor } from '../support/wait-for.ts';

/** Long enough for a busy machine: a node that stands still for longer sends nothing, and the next one tries again. */
const LEASE_MS = 4000;
const TAKEOVER_TIMEOUT_MS = 30_000;

/** Ways to falsify the audit log, and the row that each shows. */
const attacks: Record<string, [sql: string, fault: { n: number; detail: string }]> = {
  'a changed row': [
    `update audit_rows set body = replace(body, '"approvedBy":"bob"', '"approvedBy":"eve"') where n = 3`,
    { n: 3, detail: 'its content does not fit its hash' },
  ],
  'a removed row': ['delete from audit_rows where n = 2', { n: 2, detail: 'it is missing' }],
  'a cut tail': [
    'delete from audit_rows where n > 2',
    { n: 3, detail: 'it and the rows after it were cut off: 4 were written' },
  ],
};

describe('two people and a boiler', function () {
  this.timeout(120_000);
  let folder: string;
  let server: Postgres;
  let databaseUrl: string;
  let accounts: TestAccounts;
  let boiler: ModbusFake;
  let model: ModelServer;
  let cluster: Cluster;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-boiler-'));
    server = await openPostgresServer();
    databaseUrl = await server.createDatabase();
    boiler = await startModbusFake();
    model = await startModelServer([
      { calls: [{ name: 'set_target_temperature', arguments: { target_temperature: 27 } }] },
      { text: 'It is set to 27 °C.' },
    ]);
    const settings = {
      DATABASE_URL: databaseUrl,
      DATA_DIR: folder,
      PORT: '0',
      AUTH: 'required',
      JWT_SECRET: testSecret,
      SECRET_KEY: 'a secret of the story',
      LOG_LEVEL: 'silent',
    };
    cluster = await openCluster({ count: 2, settings, leaseMs: LEASE_MS, journal: true, stallMs: 0 });
    accounts = await openTestAccounts({ databaseUrl });
  });
  after(async () => {
    await accounts.close();
    await cluster.close();
    await Promise.all([model.close(), boiler.close(), server.close()]);
    await rm(folder, { recursive: true });
  });

  const tokenOf = async ({ uuid }: User): Promise<string> =>
    (await accounts.signIns.begin(uuid, { method: 'test' })).accessToken;
  const verify = async (): Promise<unknown> => {
    const env = { DATABASE_URL: databaseUrl, DATA_DIR: folder };
    return JSON.parse((await runCommand(['audit', 'verify', '--json'], { env })).stdout);
  };

  it('one asks for 27 °C, the server dies, the other approves on another node: the boiler is written to once', async () => {
    const root = await tokenOf(await accounts.users.create({ username: 'root', role: 'admin' }));
    const ann = await tokenOf(await accounts.users.create({ username: 'ann' }));
    const bob = await tokenOf(await accounts.users.create({ username: 'bob' }));
    const [first, second] = cluster.urls as [string, string];
    const ok = <T>(url: string, token: string, method: string, path: string, body?: RestOptions['body']) =>
      openRest(url).ok<T>(200, method, path, { token, body });
    const openSpec = documentOf(
      [
        functionOf({
          name: 'set_target_temperature',
          method: 'write',
          value: { name: 'target_temperature', type: 'uint16' },
        }),
      ],
      { port: boiler.port },
    );
    const rules = {
      calls: [
        {
          tools: ['set_*'],
          when: { target_temperature: { above: 26 } },
          decision: 'ask',
          approvers: 'other',
        },
      ],
    };
    const registration = { name: 'boiler', openSpec, rules };
    await openRest(first).ok(201, 'POST', '/api/devices', { token: root, body: registration });
    await ok(first, ann, 'POST', '/api/devices/boiler/tools/set_target_temperature', {
      arguments: { target_temperature: 21 },
    });

    const llmConfig = { baseUrl: model.baseUrl, apiKey: 'k', model: 'm' };
    const { id } = await ok<{ id: string }>(first, ann, 'POST', '/api/init', {
      llmConfig,
      devices: ['boiler'],
    });
    const chatOn = async (url: string) => {
      const { ticket } = await ok<{ ticket: string }>(url, ann, 'POST', '/api/ticket');
      return openChat(`${url.replace('http', 'ws')}/api/chat?id=${id}&ticket=${ticket}&since=0`);
    };
    const before = await chatOn(first);
    before.say('27 °C, please.');
    await before.until(() => before.seen.some(({ type }) => type === 'approvalRequest'));
    cluster.kill(0);
    await before.until(() => before.closed !== undefined);

    const approval = before.seen.find(({ type }) => type === 'approvalRequest')!.message as { id: string };
    const open = await ok<JsonObject[]>(second, bob, 'GET', `/api/approvals?id=${id}`);
    expect(open.map((one) => one['id'])).to.deep.equal([approval.id]);
    const path = `/api/approvals/${approval.id}`;
    expect(
      (await openRest(second).call('POST', path, { token: ann, body: { decision: 'approve' } })).status,
    ).to.equal(403);
    await ok(second, bob, 'POST', path, { decision: 'approve', reason: 'guests come' });
    const after = await chatOn(second);
    await waitFor(() => after.seen.some(({ message }) => message === '[TASK_DONE]'), TAKEOVER_TIMEOUT_MS);
    await after.close();

    expect(
      after.seen
        .filter(({ to }) => to === 'user' || to === 'client')
        .map(({ type, message }) => (type === 'text' ? message : type)),
    ).to.deep.equal([
      '[TASK_START]',
      '[TOOLS_START]',
      'approvalRequest',
      'approvalResult',
      '[TOOLS_DONE]',
      'It is set to 27 °C.',
      '[TASK_DONE]',
    ]);
    expect(boiler.writes.map(({ count }) => count)).to.deep.equal([21, 27]);
    model.expectDone();
    await cluster.settled();
    expect(cluster.faults).to.deep.equal([]);

    const rows = await ok<JsonObject[]>(second, root, 'GET', '/api/audit?device=boiler');
    expect(
      rows.map(({ event, arguments: args, approvedBy, outcome }) => ({ event, args, approvedBy, outcome })),
    ).to.deep.equal([
      { event: 'sent', args: { target_temperature: 21 }, approvedBy: null, outcome: 'done' },
      { event: 'sent', args: { target_temperature: 27 }, approvedBy: 'bob', outcome: 'done' },
    ]);
  });

  it('the audit log verifies, and shows a changed row, a removed row and a cut tail', async () => {
    const fits = [{ device: 'boiler', rows: 4, heads: 0 }];
    expect(await verify()).to.deep.equal(fits);
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      await client.query('create table copied_rows as select * from audit_rows');
      const faults: Record<string, unknown> = {};
      for (const [attack, [sql]] of Object.entries(attacks)) {
        await client.query(sql);
        const [check] = (await verify()) as [{ fault?: unknown }];
        faults[attack] = check.fault;
        await client.query('delete from audit_rows');
        await client.query('insert into audit_rows select * from copied_rows');
      }
      expect(faults).to.deep.equal(
        Object.fromEntries(Object.entries(attacks).map(([attack, [, fault]]) => [attack, fault])),
      );
      expect(await verify()).to.deep.equal(fits);
    } finally {
      await client.end();
    }
  });
});
