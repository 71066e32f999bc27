import { expect } from 'chai';
import { goodPassword, openTestAccounts, type TestAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';

const DAY = 24 * 3600_000;

describe('sweeping accounts', () => {
  let accounts: TestAccounts;
  beforeEach(async () => {
    accounts = await openTestAccounts();
  });
  afterEach(() => accounts.close());

  const counts = async (): Promise<Record<string, number>> => {
    const tables = JSON.parse(await accounts.dump()) as { name: string; rows: unknown[] }[];
    const wanted = ['refresh_tokens', 'sign_ins', 'vouchers', 'text_codes', 'failures', 'audit'];
    return Object.fromEntries(
      wanted.map((name) => [name, tables.find((table) => table.name === name)!.rows.length]),
    );
  };

  it('removes expired rows, and keeps open sign-ins and those that ended lately', async () => {
    const user = await accounts.passwords.register({ username: 'ann', password: goodPassword });
    const begin = () => accounts.signIns.begin(user.uuid, { method: 'test' });
    const [ended, open] = [await begin(), await begin()];
    await accounts.signIns.refresh(open.refreshToken);
    await accounts.signIns.end(user.uuid, ended.signIn);
    await accounts.textCodes.send('+8613800000000');
    await accounts.signInCodes.issue(user.uuid, 'test');
    await outcomeOf(accounts.passwords.signIn({ who: { username: 'ann' }, password: 'wrong password' }));
    const full = { refresh_tokens: 3, sign_ins: 2, vouchers: 1, text_codes: 1, failures: 2, audit: 5 };
    expect(await counts()).to.deep.equal(full);
    await accounts.sweep();
    expect(await counts()).to.deep.equal(full);
    accounts.skew = 2 * DAY;
    await accounts.sweep();
    expect(await counts()).to.deep.equal({ ...full, vouchers: 0, text_codes: 0, failures: 0 });
    accounts.skew = 8 * DAY;
    await accounts.sweep();
    expect(await counts()).to.deep.equal({
      ...full,
      vouchers: 0,
      text_codes: 0,
      failures: 0,
      sign_ins: 1,
      refresh_tokens: 2,
    });
    accounts.skew = 98 * DAY;
    await accounts.sweep();
    expect(await counts()).to.deep.equal({
      refresh_tokens: 0,
      sign_ins: 0,
      vouchers: 0,
      text_codes: 0,
      failures: 0,
      audit: 5,
    });
  });
});
