import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { AppError } from '../../lib/errors.ts';
import { asOutcome, isOutcome, Repeats, sinceBegun, type WorkRequest } from '../../lib/server/repeats.ts';
import { statusOf, toAppError } from '../../lib/server/status.ts';
import { openTestAccounts, type TestAccounts } from '../support/accounts.ts';
import { waitFor } from '../support/wait-for.ts';
import { gate } from '../support/world.ts';

type Work = (asked: WorkRequest) => Promise<void>;

describe('repeats of a request', () => {
  let accounts: TestAccounts;
  const servers: Server[] = [];
  beforeEach(async () => {
    accounts = await openTestAccounts();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    await accounts.close();
  });

  /** A node that does `work` for first requests; resolves with a call of it under the key "k". */
  async function openNode(work: Work, waitMs = 20_000) {
    const repeats = new Repeats(accounts.firstRequests, waitMs);
    const server = createServer((request, response) => {
      const { url: target = '/' } = request;
      const asked = { request, response, caller: 'ada', route: 'POST /work', target, body: {} };
      repeats
        .answer(asked, () => work(asked))
        .catch((error: unknown) => {
          if (response.headersSent) return response.destroy();
          const { code, message } = toAppError(error);
          return response.writeHead(statusOf(code)).end(message);
        });
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return async (
      headers: Record<string, string> = { 'idempotency-key': 'k' },
      method = 'POST',
    ): Promise<[number, string]> => {
      const answer = await fetch(`http://127.0.0.1:${port}/work`, { method, headers });
      return [answer.status, await answer.text()];
    };
  }
  const unknown =
    'This request came before, and its answer is not known: the work may have been done. ' +
    'Look at its outcome before you send it again as a new request.';

  it('wait for the answer of another node', async () => {
    const [begun, goOn] = [gate(), gate()];
    let count = 0;
    const work: Work = async ({ response }) => {
      count += 1;
      begun.open();
      await goOn.opened;
      response.end(`done ${count}`);
    };
    const [here, there] = [await openNode(work), await openNode(work)];
    const first = here();
    await begun.opened;
    const second = there();
    goOn.open();
    expect(await Promise.all([first, second])).to.deep.equal([
      [200, 'done 1'],
      [200, 'done 1'],
    ]);
    expect(count).to.equal(1);
  });

  it('get a stream as it was, in one piece', async () => {
    const call = await openNode(async ({ response }) => {
      response.writeHead(201, { 'content-type': 'text/event-stream' });
      for (const part of ['eins ', 'zwei ', 'drei']) response.write(part);
      response.end();
    });
    expect([await call(), await call()]).to.deep.equal([
      [201, 'eins zwei drei'],
      [201, 'eins zwei drei'],
    ]);
  });

  it('are refused when the process of the first one died', async () => {
    const call = await openNode(async ({ response }) => void response.end('done'), 50);
    await accounts.firstRequests.begin({ caller: 'ada', key: 'counted x', digest: 'x' }, 60_000, true);
    let count = 0;
    const dying = await openNode(() => {
      count += 1;
      return new Promise(() => undefined); // a process that dies answers nothing
    }, 50);
    void dying().catch(() => undefined);
    await waitFor(() => count === 1);
    expect(await call()).to.deep.equal([409, unknown]);
  });

  it('are carried out, where they remove something, when the first one failed or its process died', async () => {
    let count = 0;
    const call = await openNode(async ({ response }) => {
      count += 1;
      if (count === 1) throw new AppError('unavailable', 'The database is not there.');
      response.end('removed');
    });
    const key = { 'idempotency-key': 'of a removal' };
    expect([await call(key, 'DELETE'), await call(key, 'DELETE'), await call(key, 'DELETE')]).to.deep.equal([
      [503, 'The database is not there.'],
      [200, 'removed'],
      [200, 'removed'],
    ]);
    expect(count).to.equal(2);
    let isBegun = false;
    const dying = await openNode(() => {
      isBegun = true;
      return new Promise(() => undefined); // a process that dies answers nothing
    }, 50);
    const other = { 'idempotency-key': 'of another one' };
    void dying(other, 'DELETE').catch(() => undefined);
    await waitFor(() => isBegun);
    const next = await openNode(async ({ response }) => void response.end('removed'), 50);
    expect(await next(other, 'DELETE')).to.deep.equal([200, 'removed']);
  });

  it('know the outcome of work that had begun, whatever was thrown', async () => {
    const outcome = await sinceBegun(Promise.reject(new TypeError('a bug'))).catch((error: unknown) => error);
    expect([outcome instanceof AppError, isOutcome(toAppError(outcome))]).to.deep.equal([true, true]);
  });

  it('are refused when the stream of the first one broke off', async () => {
    let count = 0;
    const call = await openNode(async ({ response }) => {
      count += 1;
      response.write('half');
      throw new AppError('model_error', 'The model failed.');
    });
    await call().catch(() => undefined);
    expect(await call()).to.deep.equal([409, unknown]);
    expect(count).to.equal(1);
  });

  it('are carried out when the endpoint of the model refused the first one, and not when that was an outcome', async () => {
    let count = 0;
    const fail = (): Error => new AppError('model_error', `refused ${++count}`);
    const call = await openNode(() => Promise.reject(fail()));
    expect([await call(), await call()]).to.deep.equal([
      [502, 'refused 1'],
      [502, 'refused 2'],
    ]);
    const other = await openNode(() => Promise.reject(asOutcome(fail())));
    const key = { 'idempotency-key': 'of an outcome' };
    expect([await other(key), await other(key)]).to.deep.equal([
      [502, 'refused 3'],
      [502, 'refused 3'],
    ]);
  });

  it('get the same failure, when the work failed in the middle', async () => {
    let count = 0;
    const call = await openNode(async () => {
      count += 1;
      throw new AppError('unavailable', 'The database is not there.');
    });
    expect([await call(), await call(), count]).to.deep.equal([
      [503, 'The database is not there.'],
      [503, 'The database is not there.'],
      1,
    ]);
  });

  it('are carried out when a day has gone by, or ten minutes without a key', async () => {
    let count = 0;
    const call = await openNode(async ({ response }) => void response.end(`done ${++count}`));
    const counted = { 'x-stainless-retry-count': '1' };
    const calls = async () => [(await call())[1], (await call(counted))[1]];
    expect(await calls()).to.deep.equal(['done 1', 'done 2']);
    accounts.skew += 10 * 60_000;
    expect(await calls()).to.deep.equal(['done 1', 'done 3']);
    accounts.skew += 24 * 3600_000;
    expect(await calls()).to.deep.equal(['done 4', 'done 5']);
    accounts.skew += 48 * 3600_000;
    await accounts.sweep();
    expect(await accounts.db.selectFrom('first_requests').select('key').execute()).to.deep.equal([]);
  });

  it('of a removed user are removed', async () => {
    await accounts.firstRequests.begin({ caller: 'ada', key: 'k', digest: 'x' }, 60_000, false);
    await accounts.firstRequests.begin({ caller: 'ben', key: 'k', digest: 'x' }, 60_000, false);
    await accounts.firstRequests.removeCaller('ada');
    expect(await accounts.db.selectFrom('first_requests').select('caller').execute()).to.deep.equal([
      { caller: 'ben' },
    ]);
  });
});
