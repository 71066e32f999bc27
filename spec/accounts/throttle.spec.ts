import { expect } from 'chai';
import { createThrottle, type Attempt } from '../../lib/accounts/throttle.ts';
import { networkOf } from '../../lib/common/addresses.ts';
import { openTestAccounts, testKeys, type TestAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';
import { createTestClock } from '../support/test-clock.ts';

describe('a throttle', () => {
  let accounts: TestAccounts;
  let now = 0;
  beforeEach(async () => {
    now = 1_000_000;
    accounts = await openTestAccounts();
  });
  afterEach(() => accounts.close());

  const open = (free: number, forgives = true) =>
    createThrottle(
      { db: accounts.db, clock: createTestClock(() => now), keys: testKeys() },
      { free, forgives },
    );
  const failed = async (): Promise<Attempt<never>> => ({ passed: false });
  const passed = async (): Promise<Attempt<string>> => ({ passed: true, value: 'in' });

  it('doubles the wait from the last free failure on, up to seventeen minutes', async () => {
    const throttle = open(3);
    const waits: number[] = [];
    for (let at = 0; at < 15; at += 1) {
      expect(await throttle.attempt('a', failed)).to.equal(undefined);
      const { until } = await accounts.db.selectFrom('failures').select('until').executeTakeFirstOrThrow();
      const wait = Math.max(0, until - now);
      waits.push(wait / 1000);
      if (wait === 0) continue;
      now = until - 1;
      const error = await throttle.attempt('a', passed).catch((thrown: unknown) => thrown);
      expect(error).to.deep.include({ code: 'too_many_requests', retryAfterSeconds: 1 });
      now = until;
    }
    expect(waits).to.deep.equal([0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024]);
  });

  it('forgets failures after a day, and after a success when it forgives', async () => {
    const throttle = open(2);
    await throttle.attempt('a', failed);
    await throttle.attempt('a', failed);
    expect(await outcomeOf(throttle.attempt('a', passed))).to.equal('too_many_requests');
    expect(await throttle.attempt('b', passed)).to.equal('in');
    now += 24 * 3600_000 + 1;
    expect(await throttle.attempt('a', failed)).to.equal(undefined);
    expect(await throttle.attempt('a', passed)).to.equal('in');
    expect(await throttle.attempt('a', failed)).to.equal(undefined);
    expect(await throttle.attempt('a', passed)).to.equal('in');
    const hard = open(2, false);
    await hard.attempt('c', failed);
    expect(await hard.attempt('c', passed)).to.equal('in');
    await hard.attempt('c', failed);
    expect(await outcomeOf(hard.attempt('c', passed))).to.equal('too_many_requests');
  });

  it('runs no more attempts at once than may still fail, for each key', async () => {
    const throttle = open(3);
    let running = 0;
    let most = 0;
    const slow = async (): Promise<Attempt<never>> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve)); // all others that may run have begun by then
      running -= 1;
      return { passed: false };
    };
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, () => outcomeOf(throttle.attempt('a', slow))),
    );
    expect(most).to.equal(3);
    expect(outcomes.filter((outcome) => outcome === 'nothing was thrown')).to.have.length(3);
    const free = await Promise.all(
      Array.from({ length: 30 }, (_, at) => throttle.attempt(`key ${at}`, passed)),
    );
    expect(new Set(free)).to.deep.equal(new Set(['in']));
  });

  it('does not count an attempt that threw, and lets the next one run', async () => {
    const throttle = open(1);
    const broken = () => Promise.reject(new Error('down'));
    const outcomes = await Promise.all(
      [throttle.attempt('a', broken), throttle.attempt('a', passed)].map(outcomeOf),
    );
    expect(outcomes).to.deep.equal(['Error: down', 'nothing was thrown']);
  });

  it('keeps no key readable', async () => {
    await open(5).attempt('a password in the wrong field', failed);
    expect(await accounts.dump()).not.to.contain('wrong field');
  });
});

describe('the network of an address', () => {
  it('is the first three bytes on IPv4, and the first half on IPv6', () => {
    for (const [address, network] of [
      ['192.0.2.1', '192.0.2.0/24'],
      ['192.0.2.254', '192.0.2.0/24'],
      ['::ffff:192.0.2.1', '192.0.2.0/24'],
      ['::FFFF:C000:201', '192.0.2.0/24'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
      ['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
      ['2001:db8::1', '2001:db8:0:0::/64'],
      ['::1', '0:0:0:0::/64'],
      ['::', '0:0:0:0::/64'],
      ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
      ['a name', 'a name'],
    ] as const)
      expect(networkOf(address)).to.equal(network);
  });
});
