import { expect } from 'chai';
import type { User } from '../../lib/accounts/users.ts';
import { goodPassword, openTestAccounts, type TestAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';

const MINUTE = 60_000;

describe('the throttles of sign-ins', () => {
  let accounts: TestAccounts;
  let user: User;
  beforeEach(async () => {
    accounts = await openTestAccounts();
    user = await accounts.passwords.register({
      username: 'ann',
      email: 'ann@example.com',
      password: goodPassword,
    });
  });
  afterEach(() => accounts.close());

  const signIn = (address: string, password = goodPassword, login = 'ann', device?: string) =>
    accounts.passwords.signIn({ who: { login }, password, client: { address }, device });
  async function fail(times: number, address: (at: number) => string, login = 'ann'): Promise<string[]> {
    const outcomes: string[] = [];
    for (let at = 0; at < times; at += 1)
      outcomes.push(await outcomeOf(signIn(address(at), 'a wrong password', login)));
    return outcomes;
  }

  it('refuse a network after five wrong passwords for a name, and no other network', async () => {
    const outcomes = await fail(9, (at) => `192.0.2.${at}`);
    expect(outcomes).to.deep.equal([
      ...Array.from({ length: 5 }, () => 'unauthorized'),
      ...Array.from({ length: 4 }, () => 'too_many_requests'),
    ]);
    expect(await outcomeOf(signIn('192.0.2.77'))).to.equal('too_many_requests');
    expect((await signIn('198.51.100.7')).user.uuid).to.equal(user.uuid);
    expect((await signIn('198.51.100.7', goodPassword, 'ANN@example.com')).user.uuid).to.equal(user.uuid);
    expect(await outcomeOf(signIn('192.0.2.77'))).to.equal('too_many_requests');
  });

  it('count an IPv6 network as one, and count a user once by all of its names', async () => {
    await fail(3, (at) => `2001:db8:1:2::${at}`, 'ann');
    await fail(2, (at) => `2001:db8:1:2:ffff::${at}`, 'ann@example.com');
    expect(await outcomeOf(signIn('2001:db8:1:2::99'))).to.equal('too_many_requests');
    expect((await signIn('2001:db8:1:3::99')).user.uuid).to.equal(user.uuid);
  });

  it('let a device pass that the user knows, also in a network that is refused', async () => {
    const { refreshToken: own } = await signIn('192.0.2.1');
    await fail(5, (at) => `192.0.2.${at}`);
    for (let at = 0; at < 45; at += 1) await fail(1, () => '192.0.2.9', `nobody ${at}`);
    expect(await outcomeOf(signIn('192.0.2.1', goodPassword, 'nobody else'))).to.equal('too_many_requests');
    expect((await signIn('192.0.2.1', goodPassword, 'ann', own)).user.uuid).to.equal(user.uuid);
    const other = await accounts.passwords.register({ username: 'bob', password: goodPassword });
    const { refreshToken: foreign } = await accounts.signIns.begin(other.uuid, { method: 'test' });
    for (const device of [foreign, 'rt_nonsense', 'nonsense'])
      expect(await outcomeOf(signIn('192.0.2.1', goodPassword, 'ann', device))).to.equal('too_many_requests');
  });

  it('count a known device for itself: it guesses no faster than others', async () => {
    const { refreshToken: device } = await signIn('192.0.2.1');
    const guess = () => outcomeOf(signIn('203.0.113.1', 'a wrong password', 'ann', device));
    const outcomes: string[] = [];
    for (let at = 0; at < 6; at += 1) outcomes.push(await guess());
    expect(outcomes).to.deep.equal([...Array.from({ length: 5 }, () => 'unauthorized'), 'too_many_requests']);
    expect((await signIn('203.0.113.1')).user.uuid).to.equal(user.uuid);
  });

  it('refuse a device that signed out', async () => {
    const { refreshToken: device, signIn: id } = await signIn('192.0.2.1');
    await accounts.signIns.end(user.uuid, id);
    await fail(5, () => '192.0.2.1');
    expect(await outcomeOf(signIn('192.0.2.1', goodPassword, 'ann', device))).to.equal('too_many_requests');
  });

  it('do not let the failures of others in the network refuse the proof of a signed-in user', async () => {
    for (let at = 0; at < 50; at += 1) await fail(1, () => '192.0.2.9', `nobody ${at}`);
    const proof = {
      signedInAt: Date.now() - 11 * MINUTE,
      password: goodPassword,
      client: { address: '192.0.2.9' },
    };
    expect(await outcomeOf(accounts.passwords.prove(user, proof))).to.equal('nothing was thrown');
  });
});

describe('registrations', () => {
  it('wait for each other, and no sign-in waits for them', async () => {
    const accounts = await openTestAccounts({
      passwordCost: { memoryCost: 4096, timeCost: 2, parallelism: 1 },
    });
    try {
      const { username } = await accounts.passwords.register({ username: 'ann', password: goodPassword });
      let ended = 0;
      const registrations = Array.from({ length: 600 }, (_, at) =>
        outcomeOf(
          accounts.passwords.register(
            { username: `u${at}`, password: goodPassword },
            { address: '192.0.2.1' },
          ),
        ).finally(() => (ended += 1)),
      );
      const client = { address: '198.51.100.1' };
      await accounts.passwords.signIn({ who: { username: username! }, password: goodPassword, client });
      expect(ended).to.be.below(100);
      const outcomes = new Set(await Promise.all(registrations));
      expect([...outcomes]).to.have.members(['nothing was thrown', 'too_many_requests']);
    } finally {
      await accounts.close();
    }
  });
});
