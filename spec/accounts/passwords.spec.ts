import { expect } from 'chai';
import { createPasswords } from '../../lib/accounts/passwords.ts';
import { AppError } from '../../lib/errors.ts';
import { cheap, goodPassword, openTestAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';

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

  it('of many sign-ins of one network do not wait before those of another', async () => {
    const slow = createPasswords({ memoryCost: 4096, timeCost: 2, parallelism: 1 });
    const hash = await slow.hash(goodPassword);
    const ends: string[] = [];
    const check = async (party: string): Promise<void> => {
      await slow.verify(hash, 'wrong', party);
      ends.push(party);
    };
    const many = Array.from({ length: 60 }, () => check('192.0.2.0/24'));
    await Promise.all([...many, check('198.51.100.0/24')]);
    expect(ends.indexOf('198.51.100.0/24')).to.be.below(40);
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
