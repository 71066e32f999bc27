import { expect } from 'chai';
import { AppError } from '../../lib/errors.ts';
import { connectStore } from '../../lib/store/index.ts';
import { newSession } from '../support/stored.ts';
import { openOwnPostgresServer } from '../support/postgres.ts';
import { openTestApp } from '../support/app.ts';
import { waitFor } from '../support/wait-for.ts';

const first = { type: 'session_started', systemPrompt: '', seq: 1, time: 1 } as const;

/** A listening connection comes back after half a second, on a busy machine later. */
const RECOVERY_MS = 20_000;

describe('a PostgreSQL that goes away', function () {
  this.timeout(60_000);

  it('is reported as unavailable to calls and to /readyz, and everything continues when it is back', async () => {
    const server = await openOwnPostgresServer();
    const databaseUrl = await server.createDatabase();
    const errors: unknown[] = [];
    const store = await connectStore({
      databaseUrl,
      secret: 'a secret',
      onError: (error) => errors.push(error),
    });
    const app = await openTestApp({ DATABASE_URL: databaseUrl, SECRET_KEY: 'a secret of the outage' });
    expect((await app.get('/readyz')).status).to.equal(200);
    const session = newSession();
    await store.createSession(session, first);

    await server.cut();
    let heard = false;
    store.subscribe((id) => (heard ||= id === session.id));
    const found = () => store.findSession(session.id).catch(() => undefined);
    await waitFor(async () => (await found()) !== undefined, RECOVERY_MS);
    const other = await connectStore({ databaseUrl, secret: 'a secret', onError: () => undefined });
    await waitFor(async () => {
      await other.addControl(session.id, { kind: 'stop' });
      return heard; // the listening connection is back
    }, RECOVERY_MS);
    await other.close();
    expect(errors).to.not.deep.equal([]);

    await server.close();
    const refused: unknown = await store
      .append(session.id, 1, [{ ...first, seq: 2 }])
      .catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(AppError).and.include({ code: 'unavailable' });
    const ready = await fetch(`${app.url}/readyz`);
    expect([ready.status, ready.headers.get('retry-after')]).to.deep.equal([503, '1']);
    await ready.body?.cancel();
    expect((await app.get('/api/history?id=x')).status).to.equal(503);
    await app.close();
    await store.close();
  });
});
