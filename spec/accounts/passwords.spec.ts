import { expect } from 'chai';
import { createGate } from '../../lib/accounts/gate.ts';
import { createPasswords } from '../../lib/accounts/passwords.ts';
import { AppError } from '../../lib/errors.ts';
import { cheap, goodPassword, openTestAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';
import { waitFor } from '../support/wait-for.ts';

describe('passwords', () => {
  const passwords = createPasswords(cheap);

  function faultOf(password: string, known: string[] = []): string {
    try {
      passwords.check(password, known);
      return 'none';
    } catch (error) {
      return (error as AppError).faults[0]!.detail;
    }
  }

  it('have 8 to 128 characters of any kind, and are not common ones', () => {
    for (const password of [
      goodPassword,
      'x y z 1 !',
      '密码密码密码密码',
      '🔑'.repeat(8),
      'ab'.repeat(64),
      'é'.repeat(128),
    ])
      expect(faultOf(password), password).to.equal('none');
    expect(faultOf('1234567')).to.equal('is too short: at least 8 characters');
    expect(faultOf('🔑'.repeat(7))).to.equal('is too short: at least 8 characters');
    expect(faultOf('ab'.repeat(65))).to.equal('is too long: at most 128 characters');
    for (const common of ['password', 'PassWord', '12345678', 'qwertyuiop', 'iloveyou', 'ｐａｓｓｗｏｒｄ'])
      expect(faultOf(common), common).to.equal('is too common');
    expect(faultOf('Ann@Example.com', ['ann', 'ann@example.com'])).to.equal(
      'is the name or e-mail of the user',
    );
  });

  it('are hashed with argon2id at 64 MiB and three passes', async () => {
    const hash = await createPasswords().hash(goodPassword);
    expect(hash).to.match(/^\$argon2id\$v=19\$m=65536,t=3,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(await createPasswords().verify(hash, goodPassword)).to.equal(true);
    expect(createPasswords().isOutdated(hash)).to.equal(false);
    expect(passwords.isOutdated(hash)).to.equal(true);
  });

  it('differ by any character, but not by the form of a letter', async () => {
    const hash = await passwords.hash(`café ${'x'.repeat(120)}`);
    expect(await passwords.verify(hash, `cafe\u0301 ${'x'.repeat(120)}`)).to.equal(true);
    for (const wrong of [
      `café ${'x'.repeat(119)}y`,
      `café ${'x'.repeat(119)}`,
      `café ${'x'.repeat(120)} `,
      '',
      'x'.repeat(1e6),
    ])
      expect(await passwords.verify(hash, wrong)).to.equal(false);
  });

  it('never match when there is no hash, not even the empty password', async () => {
    for (const nobody of [undefined, null])
      for (const password of ['', goodPassword])
        expect(await passwords.verify(nobody, password)).to.equal(false);
  });

  it('take the same time for an unknown user as for a known one', async () => {
    const dear = createPasswords({ memoryCost: 8192, timeCost: 2, parallelism: 1 });
    const hash = await dear.hash(goodPassword);
    await dear.verify(undefined, 'warm');
    const cases = [
      [undefined, 'wrong password'],
      [hash, 'wrong password'],
      [hash, 'x'.repeat(10_000)],
    ] as const;
    const times: number[][] = cases.map(() => []);
    for (let round = 0; round < 9; round += 1)
      for (const [at, [stored, password]] of cases.entries()) {
        const began = performance.now();
        await dear.verify(stored, password);
        times[at]!.push(performance.now() - began);
      }
    const [nobody = 0, somebody = 0, tooLong = 0] = times.map((some) => some.sort((a, b) => a - b)[4]);
    expect(nobody / somebody).to.be.within(0.4, 2.5);
    expect(tooLong / somebody).to.be.within(0.4, 2.5);
  });

  it('are hashed again at the next sign-in when the cost has changed', async () => {
    const before = await openTestAccounts();
    const user = await before.passwords.register({ username: 'ann', password: goodPassword });
    const stored = async () =>
      (
        await before.db
          .selectFrom('users')
          .select('password')
          .where('uuid', '=', user.uuid)
          .executeTakeFirstOrThrow()
      ).password;
    const after = await openTestAccounts({
      database: before.database,
      passwordCost: { ...cheap, timeCost: 2 },
    });
    const signIn = () => after.passwords.signIn({ who: { username: 'ann' }, password: goodPassword });
    await signIn();
    const renewed = await stored();
    expect(renewed).to.contain('t=2');
    await signIn();
    expect(await stored()).to.equal(renewed);
    await after.close();
    await before.close();
  });

  it('are never right for an account without a password', async () => {
    const accounts = await openTestAccounts();
    await accounts.users.create({ username: 'elsewhere' });
    for (const password of ['', goodPassword])
      expect(
        await outcomeOf(accounts.passwords.signIn({ who: { username: 'elsewhere' }, password })),
      ).to.equal('unauthorized');
    await accounts.close();
  });
});

describe('a gate', () => {
  it('runs a limited number at once, in order, and refuses works when too many wait', async () => {
    const gate = createGate({ atOnce: 2, waitingMaxCount: 3, waitMaxMs: 10_000 });
    const began: number[] = [];
    const finish: (() => void)[] = [];
    const work = (name: number) =>
      gate(async () => {
        began.push(name);
        await new Promise<void>((resolve) => finish.push(resolve));
        if (name === 1) throw new Error('failed');
        return name;
      }).catch((error: unknown) => (error instanceof AppError ? error.code : 'failed'));
    const all = [1, 2, 3, 4, 5, 6].map(work);
    expect(await all[5]).to.equal('unavailable');
    await waitFor(() => finish.length === 2);
    expect(began).to.deep.equal([1, 2]);
    await waitFor(() => {
      finish.shift()?.();
      return began.length === 5 && finish.length === 0;
    });
    expect(await Promise.all(all)).to.deep.equal(['failed', 2, 3, 4, 5, 'unavailable']);
    expect(began).to.deep.equal([1, 2, 3, 4, 5]);
    const last = work(7);
    await waitFor(() => finish.length === 1);
    finish.shift()!();
    expect(await last).to.equal(7);
  });

  it('refuses a work that has waited too long', async () => {
    const gate = createGate({ atOnce: 1, waitingMaxCount: 9, waitMaxMs: 0 });
    let release = (): void => undefined;
    const slow = gate(() => new Promise<void>((resolve) => (release = resolve)));
    const late = Promise.all([1, 2].map(() => outcomeOf(gate(async () => 'in'))));
    const since = performance.now();
    await waitFor(() => performance.now() > since);
    release();
    await slow;
    expect(await late).to.deep.equal(['unavailable', 'unavailable']);
    expect(await gate(async () => 'in')).to.equal('in');
  });
});
