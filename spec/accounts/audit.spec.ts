import { expect } from 'chai';
import { openTestAccounts, type TestAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';

describe('the audit log', () => {
  let accounts: TestAccounts;
  beforeEach(async () => {
    accounts = await openTestAccounts();
  });
  afterEach(() => accounts.close());

  it('keeps a hundred refusals a minute, and counts the others', async () => {
    const address = '192.0.2.1';
    for (let at = 0; at < 150; at += 1)
      expect(await outcomeOf(accounts.access.identify('x', { address, dialect: 'openai' }))).to.equal(
        'unauthorized',
      );
    accounts.skew = 60_000;
    await outcomeOf(accounts.access.identify('x', { address }));
    await accounts.audit.drain();
    const entries = await accounts.audit.list({ limit: 1000 });
    expect(entries).to.have.length(101);
    expect(entries[0]).to.deep.include({
      event: 'access_refused',
      address,
      detail: { what: 'token', unwritten: 50 },
    });
    expect(entries[100]).to.deep.include({ address, detail: { what: 'token', dialect: 'openai' } });
  });

  it('names the refused user, the address and the path', async () => {
    accounts.access.refused(
      { id: 'uuid', kind: 'user' },
      { address: '192.0.2.1', dialect: 'openai' },
      '/v1/threads/x',
    );
    await accounts.audit.drain();
    const [entry] = await accounts.audit.list({ user: 'uuid', limit: 1 });
    expect(entry).to.deep.include({
      event: 'access_refused',
      address: '192.0.2.1',
      detail: { what: '/v1/threads/x', dialect: 'openai' },
    });
  });

  it('reports an entry that it could not write, and still refuses the call', async () => {
    await accounts.db.schema.dropTable('audit').execute();
    expect(await outcomeOf(accounts.access.identify('x'))).to.equal('unauthorized');
    await accounts.audit.drain();
    expect(accounts.errors.map((error) => String((error as Error).cause))).to.deep.equal([
      'SqliteError: no such table: audit',
    ]);
  });
});

describe('accounts whose database fails', () => {
  it('answer every call with unavailable', async () => {
    const accounts = await openTestAccounts({ authToken: 't0ken' });
    const user = await accounts.users.create({ username: 'ann' });
    const tokens = await accounts.signIns.begin(user.uuid, { method: 'test' });
    await accounts.database.close();
    for (const [what, attempt] of Object.entries({
      token: () => accounts.access.identify(tokens.accessToken),
      key: () => accounts.access.identify('sk-x'),
      ticket: () => accounts.access.redeemTicket('x'),
      refresh: () => accounts.signIns.refresh(tokens.refreshToken),
      password: () => accounts.passwords.signIn({ who: { username: 'ann' }, password: 'x' }),
      user: () => accounts.users.find(user.uuid),
      text: () => accounts.textCodes.send('+8613800000000'),
      code: () => accounts.signInCodes.exchange({ code: 'x' }),
    }))
      expect(await outcomeOf(attempt()), what).to.equal('unavailable');
    expect((await accounts.access.identify('t0ken')).kind).to.equal('operator');
    await accounts.close();
  });
});
