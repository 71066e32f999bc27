import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import type { Principal } from '../../lib/core/principal.ts';
import { openDiskStore } from '../../lib/files/disk-store.ts';
import { openFileRoom, type FileRoom } from '../../lib/files/index.ts';
import type { Upload } from '../../lib/files/uploads.ts';
import { createUrlSigner } from '../../lib/files/url-signer.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { AppError } from '../../lib/errors.ts';
import { outcomeOf } from '../support/refusal.ts';
import { createTestClock } from '../support/test-clock.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';

const hour = 3_600_000;
const ada: Principal = { id: 'ada', kind: 'user' };
const errors: unknown[] = [];
const onError = (error: unknown): void => void errors.push(error);
const bytes = (text: string): Readable => Readable.from([Buffer.from(text)], { objectMode: false });
const fine = (): Promise<void> => Promise.resolve();

/** Files and uploads over a database. */
function describeFileRoom(engine: string, open: () => Promise<Database>): void {
  describe(`files and uploads over ${engine}`, () => {
    let database: Database;
    let folder: string;
    let room: FileRoom;
    const clock = createTestClock();
    const limits = {
      fileMaxBytes: 1000,
      filesPerOwnerMaxBytes: 100,
      uploadMaxBytes: 90,
      uploadPartMaxBytes: 50,
    };
    before(async () => {
      database = await open();
    });
    after(async () => {
      expect(errors).to.deep.equal([]);
      await database.close();
    });
    beforeEach(async () => {
      clock.skew = 0;
      folder = await mkdtemp(join(tmpdir(), 'lite-agent-files-'));
      const objects = openDiskStore(folder, createUrlSigner('secret'));
      room = openFileRoom({ db: database.tables(), objects, fetch, limits, onError, clock });
    });
    afterEach(async () => {
      for (const file of (await room.files.list('ada', { limit: 100, order: 'asc' })).files)
        await room.files.remove(file.id, ada);
      await room.close();
      await rm(folder, { recursive: true });
    });

    const begin = (size: number): Promise<Upload> =>
      room.uploads.create({
        owner: 'ada',
        filename: 'a.txt',
        purpose: 'batch',
        mimeType: 'text/plain',
        bytes: size,
      });
    const create = (text: string, lifeMs?: number) =>
      room.files.create('ada', bytes(text), async () => ({ filename: 'a.txt', purpose: 'batch', lifeMs }));
    async function onDisk(): Promise<string[]> {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    }

    it('limit the bytes of one owner, with begun uploads, and give the room back', async () => {
      const upload = await begin(60);
      expect(await outcomeOf(begin(41))).to.equal('invalid_request');
      expect(await outcomeOf(create('x'.repeat(41)))).to.equal('invalid_request');
      await create('x'.repeat(40));
      await room.uploads.cancel(upload);
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => outcomeOf(create('x'.repeat(20)))));
      expect(outcomes.filter((outcome) => outcome === 'nothing was thrown')).to.have.length(3);
      expect(await onDisk()).to.have.length(4);
    });

    it('make one file of an upload that many requests complete at once', async () => {
      const upload = await begin(6);
      const parts = [];
      for (const text of ['abc', 'def', 'xyz'])
        parts.push(await room.uploads.addPart(upload, bytes(text), fine));
      const ids = [parts[0]!.id, parts[1]!.id];
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, () => room.uploads.complete(upload, ids)),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
      const { files } = await room.files.list('ada', { limit: 10, order: 'asc' });
      expect(files.map((file) => file.bytes)).to.deep.equal([6]);
      expect((await room.files.open(files[0]!).toArray()).join('')).to.equal('abcdef');
      expect(await onDisk()).to.have.length(2);
      await room.files.remove(files[0]!.id, ada);
      expect(await onDisk()).to.deep.equal([]);
      await room.uploads.cancel(await begin(90)); // all of the room is there again
    });

    it('keep nothing of a part that breaks off, or that is refused at its end', async () => {
      const upload = await begin(50);
      const broken = Readable.from(
        (async function* () {
          yield Buffer.from('half');
          throw new AppError('invalid_request', 'It broke off.');
        })(),
      );
      expect(await outcomeOf(room.uploads.addPart(upload, broken, fine))).to.equal('invalid_request');
      const refused = room.uploads.addPart(upload, bytes('all'), () =>
        Promise.reject(new AppError('forbidden', 'No.')),
      );
      expect(await outcomeOf(refused)).to.equal('forbidden');
      expect(await onDisk()).to.deep.equal([]);
      await room.uploads.cancel(upload);
    });

    it('end uploads after an hour, and sweep their parts', async () => {
      const upload = await begin(90);
      const part = await room.uploads.addPart(upload, bytes('abc'), fine);
      clock.skew = hour + 1000;
      const expired = await room.uploads.find(upload.id, ada);
      expect(expired.status).to.equal('expired');
      for (const attempt of [
        () => room.uploads.addPart(upload, bytes('x'), fine),
        () => room.uploads.complete(upload, [part.id]),
        () => room.uploads.cancel(expired),
      ])
        expect(await outcomeOf(attempt())).to.equal('invalid_request');
      await Promise.all([room.sweep(), room.sweep()]);
      expect(await onDisk()).to.deep.equal([]);
      expect((await room.uploads.find(upload.id, ada)).status).to.equal('expired');
      await room.uploads.cancel(await begin(90));
    });

    it('sweep files that have expired', async () => {
      const file = await create('abc', hour);
      await create('stays');
      clock.skew = hour + 1000;
      expect(await outcomeOf(room.files.find(file.id, ada))).to.equal('not_found');
      await room.sweep();
      expect(await onDisk()).to.have.length(1);
    });

    it('sweep objects without a row, but not objects that are just being stored', async () => {
      const kept = await create('kept');
      const old = new Date(Date.now() - 3 * hour);
      for (const name of ['ab111', 'ab222']) await writeFile(join(folder, 'objects', name), 'orphan');
      await writeFile(join(folder, 'unfinished', 'cd111'), 'half');
      for (const name of await readdir(folder, { recursive: true, withFileTypes: true }))
        if (name.isFile() && name.name !== 'ab222') await utimes(join(name.parentPath, name.name), old, old);
      await room.sweep();
      const left = await onDisk();
      expect(left).to.have.length(3);
      expect(left).to.include('ab222');
      expect((await room.files.open(kept).toArray()).join('')).to.equal('kept');
    });
  });
}

describe('file rooms', function () {
  this.timeout(60_000);
  let server: Postgres;
  before(async () => {
    server = await openPostgresServer();
  });
  after(() => server.close());

  describeFileRoom('SQLite', () => connectDatabase({ databaseUrl: 'sqlite::memory:', onError }));
  describeFileRoom('PostgreSQL', async () =>
    connectDatabase({ databaseUrl: await server.createDatabase(), onError }),
  );
});
