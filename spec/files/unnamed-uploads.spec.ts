import { expect } from 'chai';
import { createCountedStore } from '../../lib/files/counted-store.ts';
import { openFileRoom, type FileRoom } from '../../lib/files/index.ts';
import type { ObjectStore } from '../../lib/files/object-store.ts';
import { openS3Store } from '../../lib/files/s3-store.ts';
import type { FilesDb } from '../../lib/files/schema.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { createTestClock } from '../support/test-clock.ts';

const HOUR_MS = 3_600_000;
const OWNER_MAX_BYTES = 5000;
const IMAGE_MAX_BYTES = 4000;
const onError = (error: unknown): void => {
  throw error;
};

function describeUploads(engine: string, open: () => Promise<Database>): void {
  describe(`pictures that clients send to a bucket, over ${engine},`, () => {
    const clock = createTestClock();
    let database: Database;
    let db: FilesDb;
    let s3: S3Server;
    let objects: ObjectStore;
    let room: FileRoom;
    before(async () => {
      database = await open();
      db = database.tables();
      s3 = await startS3Server('pictures');
      const place = { endpoint: s3.endpoint, region: 'eu-test-1', bucket: 'pictures' };
      const bucket = openS3Store({
        ...place,
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey: 'secret-0123456789',
      });
      objects = createCountedStore(bucket, {
        db,
        filesPerOwnerMaxBytes: OWNER_MAX_BYTES,
        awaited: { clock },
      });
      const limits = {
        fileMaxBytes: 1000,
        filesPerOwnerMaxBytes: OWNER_MAX_BYTES,
        uploadMaxBytes: 1000,
        uploadPartMaxBytes: 1000,
      };
      room = openFileRoom({ db, objects, fetch, limits, onError, clock });
    });
    beforeEach(() => {
      clock.skew = 0;
    });
    after(async () => {
      await room.close();
      objects.close();
      await s3.close();
      await database.close();
    });

    const sign = (name: string): Promise<string> =>
      objects.sign({ method: 'PUT', key: `ada/1/images/${name}.png`, seconds: 300, origin: '' });
    const put = async (url: string, bytes: number): Promise<void> => {
      const answer = await fetch(url, { method: 'PUT', body: Buffer.alloc(bytes) });
      expect(answer.status).to.equal(200);
    };
    const sweepAfter = async (ms: number): Promise<string[]> => {
      clock.skew = ms;
      await room.sweep();
      return [...s3.objects.keys()].map((key) => key.replace(/^.*images\//, '')).toSorted();
    };
    const usedBytes = async (): Promise<number | undefined> =>
      (await db.selectFrom('file_usage').select('bytes').where('owner', '=', 'ada').executeTakeFirst())
        ?.bytes;

    it('are removed when nobody has named them for an hour, and stay when somebody has', async () => {
      const [named, unnamed] = [await sign('named'), await sign('unnamed')];
      await sign('never-sent');
      await put(named, 100);
      await put(unnamed, 4_000_000);
      await objects.admit('ada/1/images/named.png', IMAGE_MAX_BYTES);
      expect(await sweepAfter(HOUR_MS)).to.deep.equal(['named.png', 'unnamed.png']);
      expect(await sweepAfter(HOUR_MS + 301_000)).to.deep.equal(['named.png']);
      expect(await usedBytes()).to.equal(100);
      expect(await db.selectFrom('awaited_uploads').selectAll().execute()).to.deep.equal([]);
    });

    it('are all looked at in one sweep: a client may ask for fifty URLs at once', async () => {
      for (let at = 0; at < 101; at += 1) await sign(`many-${at}`);
      await sweepAfter(HOUR_MS + 301_000);
      expect(await db.selectFrom('awaited_uploads').selectAll().execute()).to.deep.equal([]);
    });

    it('are counted again when another one was sent to the same URL, and removed where there is no room', async () => {
      const [grown, huge] = [await sign('grown'), await sign('huge')];
      for (const [name, url] of [
        ['grown', grown],
        ['huge', huge],
      ] as const) {
        await put(url, 50);
        await objects.admit(`ada/1/images/${name}.png`, IMAGE_MAX_BYTES);
      }
      expect(await usedBytes()).to.equal(200);
      await put(grown, 1000);
      await put(huge, 4_000_000);
      expect(await sweepAfter(HOUR_MS + 301_000)).to.deep.equal(['grown.png', 'named.png']);
      expect(await usedBytes()).to.equal(1100);
    });
  });
}

describe('unnamed uploads', function () {
  this.timeout(60_000);
  let server: Postgres;
  before(async () => {
    server = await openPostgresServer();
  });
  after(() => server.close());

  describeUploads('SQLite', () => connectDatabase({ databaseUrl: 'sqlite::memory:', onError }));
  describeUploads('PostgreSQL', async () =>
    connectDatabase({ databaseUrl: await server.createDatabase(), onError }),
  );
});
