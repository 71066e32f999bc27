import { expect } from 'chai';
import { anonymous } from '../../lib/accounts/access.ts';
import { createOperatorAccess } from '../../lib/accounts/operator.ts';
import { createTickets } from '../../lib/accounts/tickets.ts';
import { AppError } from '../../lib/errors.ts';

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => 'nothing was thrown',
    (thrown: unknown) => thrown,
  );
  return error instanceof AppError ? error.code : String(error);
}

describe('operator access', () => {
  it('knows the one token, and no other', async () => {
    const access = createOperatorAccess('t0ken');
    expect(await access.identify('t0ken')).to.deep.equal({ id: 'operator', kind: 'operator' });
    for (const token of ['', 't0keN', 't0ken ', 't0ke'])
      expect(await codeOf(access.identify(token)), token).to.equal('unauthorized');
  });

  it('knows no token where none is set', async () => {
    expect(await codeOf(createOperatorAccess(undefined).identify(''))).to.equal('unauthorized');
  });
});

describe('tickets', () => {
  it('are good once, and for 30 seconds', async () => {
    let now = 0;
    const tickets = createTickets(() => now);
    const first = await tickets.issueTicket(anonymous);
    expect(first.expiresInSeconds).to.equal(30);
    expect(first.ticket).to.match(/^[\w-]{32}$/);
    now = 29_999;
    expect(await tickets.redeemTicket(first.ticket)).to.deep.equal(anonymous);
    expect(await codeOf(tickets.redeemTicket(first.ticket))).to.equal('unauthorized');
    const second = await tickets.issueTicket(anonymous);
    now += 30_000;
    expect(await codeOf(tickets.redeemTicket(second.ticket))).to.equal('unauthorized');
    expect(await codeOf(tickets.redeemTicket('x'))).to.equal('unauthorized');
  });

  it('do not pile up', async () => {
    let now = 0;
    const tickets = createTickets(() => now);
    for (let at = 0; at < 10_000; at += 1) await tickets.issueTicket(anonymous);
    expect(await codeOf(tickets.issueTicket(anonymous))).to.equal('too_many_requests');
    now = 30_000;
    await tickets.issueTicket(anonymous);
  });
});
