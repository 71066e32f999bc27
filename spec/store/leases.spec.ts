import { expect } from 'chai';
import pg from 'pg';
import type { Store } from '../../lib/core/store.ts';
import { connectStore } from '../../lib/store/index.ts';
import { openPostgresServer } from '../support/postgres.ts';
import type { Postgres } from '../support/postgres.ts';
import { first, line, newSession } from '../support/stored.ts';
import { refusal } from '../support/refusal.ts';
import { waitFor } from '../support/wait-for.ts';

/** Longer than the shortest lease of these specs. */
const LEASE_END_MS = 10_000;

describe('the leases of nodes on PostgreSQL', function () {
  this.timeout(60_000);
  let server: Postgres;
  let databaseUrl: string;
  const stores: Store[] = [];
  before(async () => {
    server = await openPostgresServer();
    databaseUrl = await server.createDatabase();
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });
  after(() => server.close());

  async function open(leaseMs: number): Promise<Store> {
    const onError = (error: unknown): never => {
      throw error;
    };
    const store = await connectStore({ databaseUrl, secret: 'a secret', onError, leaseMs });
    stores.push(store);
    return store;
  }

  async function claimed(store: Store, id: string): Promise<number> {
    let standing: Awaited<ReturnType<Store['claim']>> = 'held';
    await waitFor(async () => (standing = await store.claim(id)) !== 'held', LEASE_END_MS);
    // Assigned in a function, which the compiler does not follow.
    standing = standing as Awaited<ReturnType<Store['claim']>>;
    if (standing === 'held' || standing === undefined) throw new Error('the session cannot be claimed');
    return standing.epoch;
  }

  it('are one for all sessions of a node; an expired lease is never renewed', async () => {
    const b = await open(10_000);
    const a = await open(1000); // last, so that its lease lasts until its first renewal
    const [taken, left] = [newSession(), newSession()];
    for (const session of [taken, left]) await a.createSession(session, first);
    const owned = new Map([taken, left].map(({ id }) => [id, 1]));
    expect(await a.renew(owned)).to.deep.equal(new Set(owned.keys()));
    expect(await b.claim(taken.id)).to.equal('held');
    expect(await claimed(b, taken.id)).to.equal(2);
    expect(await a.renew(owned)).to.deep.equal(new Set());
    expect(await refusal(a.append(taken.id, 1, [line(2)]))).to.equal('conflict');
    expect(await a.claim(taken.id)).to.equal('held');
    expect(await claimed(a, left.id)).to.equal(2);
    expect(await a.renew(new Map([[left.id, 2]]))).to.deep.equal(new Set([left.id]));
  });

  it('end when their node closes', async () => {
    const [a, b] = [await open(10_000), await open(10_000)];
    const session = newSession();
    await a.createSession(session, first);
    expect(await b.claim(session.id)).to.equal('held');
    stores.shift();
    await a.close();
    expect(await b.claim(session.id)).to.deep.include({ epoch: 2 });
  });

  it('are renewed while another client has a session locked, and no claim waits for the lock', async () => {
    const [a, b] = [await open(10_000), await open(10_000)];
    const session = newSession();
    await a.createSession(session, first);
    const stranger = new pg.Client({ connectionString: databaseUrl });
    await stranger.connect();
    await stranger.query('begin');
    await stranger.query('select from sessions where id = $1 for update', [session.id]);
    expect(await a.renew(new Map([[session.id, 1]]))).to.deep.equal(new Set([session.id]));
    await a.close();
    stores.shift();
    expect(await b.claim(session.id)).to.equal('held');
    await stranger.end();
    expect(await claimed(b, session.id)).to.equal(2);
  });
});
