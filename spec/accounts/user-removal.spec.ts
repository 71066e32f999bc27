import { expect } from 'chai';
import { openTestAccounts, type TestAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';
import { waitFor } from '../support/wait-for.ts';

const DAY = 24 * 3600_000;

describe('removing a user', () => {
  const opened: TestAccounts[] = [];
  let accounts: TestAccounts;
  beforeEach(async () => {
    accounts = await openTestAccounts();
    opened.push(accounts);
  });
  afterEach(async () => {
    for (const one of opened.splice(0).toReversed()) await one.close();
  });

  /** Another process on the same database. */
  async function openAnother(): Promise<TestAccounts> {
    const other = await openTestAccounts({ database: accounts.database });
    opened.push(other);
    return other;
  }

  async function marksOf(uuid: string): Promise<{ done: boolean }[]> {
    const rows = await accounts.db
      .selectFrom('user_removals')
      .select('done_at')
      .where('user_uuid', '=', uuid)
      .execute();
    return rows.map(({ done_at: doneAt }) => ({ done: doneAt !== null }));
  }

  it('removes it from every part, then its sign-ins, keys and codes, and a day later the mark', async () => {
    const user = await accounts.users.create({ username: 'ann' });
    await accounts.signIns.begin(user.uuid, { method: 'test' });
    await accounts.apiKeys.create(user.uuid);
    await accounts.signInCodes.issue(user.uuid, 'test');
    const asked: string[] = [];
    accounts.joinRemovals([
      async (uuid) => void asked.push(`first ${uuid}`),
      async (uuid) => void asked.push(`second ${uuid}`),
    ]);
    await accounts.users.remove(user.uuid);
    expect(asked).to.deep.equal([`first ${user.uuid}`, `second ${user.uuid}`]);
    expect(await marksOf(user.uuid)).to.deep.equal([{ done: true }]);
    accounts.skew = DAY + 1000;
    await accounts.sweep();
    const tables = JSON.parse(await accounts.dump()) as { name: string; rows: unknown[] }[];
    const left = tables.filter(({ rows }) => JSON.stringify(rows).includes(user.uuid));
    expect(left.map(({ name }) => name)).to.deep.equal(['audit']);
  });

  it('is finished by the next process when this one dies in the middle', async () => {
    const user = await accounts.users.create({ username: 'ann' });
    const death = new Error('the process died');
    accounts.joinRemovals([() => Promise.reject(death)]);
    await accounts.users.remove(user.uuid);
    expect(await accounts.users.find(user.uuid)).to.equal(undefined);
    expect(await marksOf(user.uuid)).to.deep.equal([{ done: false }]);
    expect(accounts.errors.splice(0).map((error) => (error as Error).cause)).to.include(death);
    const next = await openAnother();
    const removed: string[] = [];
    next.joinRemovals([async (uuid) => void removed.push(uuid)]);
    await waitFor(async () => (await marksOf(user.uuid))[0]!.done);
    expect(removed).to.include(user.uuid);
  });

  it('keeps the data for a process that knows all parts, when this one knows none', async () => {
    const user = await accounts.users.create({ username: 'ann' });
    await accounts.users.remove(user.uuid);
    await accounts.sweep();
    expect(await marksOf(user.uuid)).to.deep.equal([{ done: false }]);
    expect(await outcomeOf(accounts.users.remove(user.uuid))).to.equal('not_found');
  });

  it('ends open connections of the user in other processes', async () => {
    const user = await accounts.users.create({ username: 'ann' });
    const { accessToken } = await accounts.signIns.begin(user.uuid, { method: 'test' });
    accounts.joinRemovals([]);
    const other = await openAnother();
    let ended = false;
    const principal = await other.access.identify(accessToken);
    const leave = other.access.onEnd(principal, () => (ended = true));
    await accounts.users.remove(user.uuid);
    await waitFor(() => ended);
    leave();
  });
});
