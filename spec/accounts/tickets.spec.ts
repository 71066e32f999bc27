import { expect } from 'chai';
import { anonymous } from '../../lib/accounts/access.ts';
import { createOperator, operator } from '../../lib/accounts/operator.ts';
import { openTestAccounts, type TestAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';

describe('the operator', () => {
  it('is the caller with AUTH_TOKEN, and no other', () => {
    const isOperator = createOperator('t0ken');
    const tokens = ['t0ken', '', 't0keN', 't0ken ', 't0ke'];
    expect(tokens.map(isOperator)).to.deep.equal([true, false, false, false, false]);
  });

  it('does not exist when no token is set', () => {
    expect(['', 'undefined'].map(createOperator(undefined))).to.deep.equal([false, false]);
  });
});

describe('tickets', () => {
  let accounts: TestAccounts;
  beforeEach(async () => {
    accounts = await openTestAccounts({ authToken: 't0ken' });
  });
  afterEach(() => accounts.close());

  it('are valid once, and for 30 seconds', async () => {
    const { access } = accounts;
    const first = await access.issueTicket(anonymous);
    expect(first.expiresInSeconds).to.equal(30);
    expect(first.ticket).to.match(/^[\w-]{43}$/);
    accounts.skew = 29_000;
    expect(await access.redeemTicket(first.ticket)).to.deep.equal(anonymous);
    expect(await outcomeOf(access.redeemTicket(first.ticket))).to.equal('unauthorized');
    const second = await access.issueTicket(anonymous);
    accounts.skew += 30_001;
    expect(await outcomeOf(access.redeemTicket(second.ticket))).to.equal('unauthorized');
    expect(await outcomeOf(access.redeemTicket('x'))).to.equal('unauthorized');
  });

  it('stand for the operator too, also on another node', async () => {
    const other = await openTestAccounts({ database: accounts.database });
    const { ticket } = await accounts.access.issueTicket(await accounts.access.identify('t0ken'));
    expect(await other.access.redeemTicket(ticket)).to.deep.equal(operator);
    expect(await outcomeOf(accounts.access.redeemTicket(ticket))).to.equal('unauthorized');
    await other.close();
  });

  it('are redeemed once when fifty requests bring one at the same time', async () => {
    const { ticket } = await accounts.access.issueTicket(anonymous);
    const tries = Array.from({ length: 50 }, () => outcomeOf(accounts.access.redeemTicket(ticket)));
    const outcomes = await Promise.all(tries);
    expect(outcomes.filter((outcome) => outcome === 'nothing was thrown')).to.have.length(1);
  });

  it('are limited in number, and removed after their time', async () => {
    const { access } = accounts;
    accounts.holdTime();
    for (let at = 0; at < 10_000; at += 1000)
      await Promise.all(Array.from({ length: 1000 }, () => access.issueTicket(anonymous)));
    expect(await outcomeOf(access.issueTicket(anonymous))).to.equal('too_many_requests');
    accounts.skew = 61_000;
    await access.issueTicket(anonymous);
    const { count } = await accounts.db
      .selectFrom('vouchers')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    expect(count).to.equal(1);
  });
});
