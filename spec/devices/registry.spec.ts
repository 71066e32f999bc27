import { expect } from 'chai';
import { sql } from 'kysely';
import type { DeviceDefinition } from '../../lib/devices/device-schema.ts';
import { createDeviceRegistry, type DeviceRegistry, type NewDevice } from '../../lib/devices/registry.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { createVault } from '../../lib/store/vault.ts';
import { openPostgresServer } from '../support/postgres.ts';
import { refusal } from '../support/refusal.ts';

const onError = (error: unknown): never => {
  throw error;
};

/** A device with a key. */
function deviceOf(name: string, changes: Partial<DeviceDefinition> = {}): NewDevice {
  const apiKey = { type: 'bearer', apiKey: 'canary-of-the-key' } as const;
  return {
    definition: { name, openSpec: '{}', apiKey, ...changes },
    facts: { title: name, kind: 'openapi', tools: 1, tags: [], users: ['*'], enabled: true },
  };
}

const engines: [string, () => Promise<string>][] = [
  ['SQLite', async () => 'sqlite::memory:'],
  ['PostgreSQL', async () => (await openPostgresServer()).createDatabase()],
];

for (const [engine, urlOf] of engines)
  describe(`the registry of devices on ${engine}`, function () {
    this.timeout(120_000); // the first one starts PostgreSQL
    let database: Database;
    let registry: DeviceRegistry;
    before(async () => {
      database = await connectDatabase({ databaseUrl: await urlOf(), onError });
      registry = createDeviceRegistry({ db: database.tables(), vault: createVault('a secret of sixteen') });
    });
    after(() => database.close());

    it('gives each change a version of its own, also at the same time, and keeps all of them', async () => {
      await registry.create(deviceOf('many'));
      const titles = Array.from({ length: 10 }, (_, index) => `title ${index}`);
      await Promise.all(titles.map((title) => registry.replace(deviceOf('many', { title }))));
      const versions = await Promise.all(
        Array.from({ length: 11 }, (_, index) => registry.version('many', index + 1)),
      );
      expect(versions.map((device) => device?.version)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
      const kept = versions.slice(1).map((device) => device?.definition?.title ?? '');
      expect(kept.toSorted()).to.deep.equal(titles);
      expect((await registry.find('many'))?.version).to.equal(11);
      expect(await registry.version('many', 12)).to.equal(undefined);
    });

    it('makes a name once, however many ask for it', async () => {
      const asked = Array.from({ length: 8 }, () =>
        refusal(registry.create(deviceOf('once'))).catch(() => 'made'),
      );
      expect((await Promise.all(asked)).toSorted()).to.deep.equal([
        ...Array<string>(7).fill('conflict'),
        'made',
      ]);
      expect((await registry.find('once'))?.version).to.equal(1);
    });

    it('goes on counting when a removed device is made again', async () => {
      await registry.create(deviceOf('again'));
      await registry.remove('again');
      expect(await refusal(registry.replace(deviceOf('again')))).to.equal('not_found');
      expect(await refusal(registry.remove('again'))).to.equal('not_found');
      expect((await registry.create(deviceOf('again'))).version).to.equal(2);
      expect((await registry.version('again', 1))?.definition?.name).to.equal('again');
    });

    it('keeps no key in clear', async () => {
      await registry.create(deviceOf('sealed'));
      const { rows } = await sql`select * from device_versions`.execute(database.db);
      expect(JSON.stringify(rows)).not.to.include('canary-of-the-key');
      const { definition } = (await registry.find('sealed'))!;
      expect(definition?.apiKey).to.deep.equal({ type: 'bearer', apiKey: 'canary-of-the-key' });
    });

    it('leaves the device of a file to its file', async () => {
      expect((await registry.putFile(deviceOf('file'))).origin).to.equal('file');
      expect((await registry.putFile(deviceOf('file'))).version).to.equal(1);
      expect((await registry.putFile(deviceOf('file', { title: 'x' }))).version).to.equal(2);
      const refusals = [
        refusal(registry.replace(deviceOf('file'))),
        refusal(registry.remove('file')),
        refusal(registry.create(deviceOf('file'))),
        refusal(registry.putFile(deviceOf('sealed'))),
        refusal(registry.breakFile('sealed', 'x')),
      ];
      expect(new Set(await Promise.all(refusals))).to.deep.equal(new Set(['conflict']));
      await registry.breakFile('file', 'it has a fault');
      expect((await registry.find('file'))?.fault).to.equal('it has a fault');
      await registry.keepFiles([]);
      expect((await registry.find('file'))?.isRemoved).to.equal(true);
      expect((await registry.find('sealed'))?.isRemoved).to.equal(false);
      expect((await registry.create(deviceOf('file'))).version).to.equal(3);
    });
  });
