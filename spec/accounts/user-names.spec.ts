import { expect } from 'chai';
import { checkDisplayName, checkUsername } from '../../lib/accounts/user-names.ts';
import type { AppError } from '../../lib/errors.ts';
import { goodPassword, openTestAccounts, type TestAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';

/** The name as it is kept, or the fault. */
function outcome(name: string): string {
  try {
    return checkUsername(name);
  } catch (error) {
    const { code, faults } = error as AppError;
    return `${code}: ${faults.map(({ pointer, detail }) => `${pointer} ${detail}`).join(', ')}`;
  }
}

describe('a username', () => {
  it('may be of any one script, or of those that people of one language use together', () => {
    for (const name of [
      'ann',
      'Ann O’Neill-2',
      'Zoë_1.x',
      '张三',
      '张三 Zhang 3',
      '山田たろう カナ Taro',
      '홍길동 hong',
      'ㄅㄆ 注音 zhuyin',
      'Иван 2',
      'Ελένη',
      'محمد',
      'שרה',
      'สมชาย',
      'अनिल',
      '🦌 deer',
      '42',
    ])
      expect(outcome(name)).to.equal(name.normalize('NFKC'));
  });

  it('is kept in its usual form', () => {
    expect(outcome('  Ａｎｎ ')).to.equal('Ann');
    expect(outcome('ﬁnn')).to.equal('finn');
    expect(outcome('Zoe\u0308')).to.equal('Zoë');
  });

  it('mixes no scripts that look alike', () => {
    const mixed =
      'invalid_request: /username must be of one common script: letters of Latin and Cyrillic, for example, cannot be mixed';
    for (const name of [
      '\u0430dmin', // a Cyrillic a
      'adm\u0456n',
      'ann\u03bf', // a Greek omicron
      '張三\u0430',
      'ᏢᎪᎳ', // Cherokee, which nobody needs to write a name here
      'Иван Ivan',
      'ひらがな 한글',
      '𝐚dmin\u0430',
    ])
      expect(outcome(name), name).to.equal(mixed);
  });

  it('is no name for people where all of it is invisible', () => {
    for (const name of ['\u3164', '\u2800', '\ufe0f\u034f'])
      expect(() => checkDisplayName(name), name).to.throw('has invisible characters');
    expect(checkDisplayName('ㅤAnn❤\ufe0f')).to.equal('ㅤAnn❤\ufe0f');
  });

  it('has no letter that nobody sees, beside the name of somebody else', () => {
    const fault = 'invalid_request: /username has invisible characters';
    for (const letter of [
      '\u3164', // the filler of Hangul, in its forms
      '\u1160',
      '\u115f',
      '\uffa0',
      '\u034f', // the joiner of accents
      '\ufe0f', // the selectors of variants
      '\u{e0100}',
      '\u17b4',
      '\u180b',
      '\u2800', // the empty sign of Braille
      '\u200b',
      '\u00ad',
    ])
      expect(outcome(`admin${letter}`), letter.codePointAt(0)?.toString(16)).to.equal(fault);
  });

  it('has no @, in none of its forms', () => {
    const fault = 'invalid_request: /username must not have an @: only e-mails have one';
    for (const name of ['ann@example.com', '@', 'ann＠example.com', 'ann﹫example.com'])
      expect(outcome(name), name).to.equal(fault);
  });
});

describe('a username that looks like the e-mail of somebody else', () => {
  let accounts: TestAccounts;
  beforeEach(async () => {
    accounts = await openTestAccounts();
  });
  afterEach(() => accounts.close());

  it('is refused in every way to make or change a name', async () => {
    const { passwords, users, identities } = accounts;
    const username = 'owner@example.com';
    const { uuid } = await users.create({ username: 'ann' });
    const attempts = [
      passwords.register({ username, password: goodPassword }),
      passwords.create({ username, password: goodPassword }),
      users.create({ username }),
      users.change(uuid, { username }),
      identities.userOf({ provider: 'wechat', issuer: 'x', subject: 'y' }, { username }),
    ];
    expect(await Promise.all(attempts.map(outcomeOf))).to.deep.equal(attempts.map(() => 'invalid_request'));
  });

  it('is not taken for the uuid of somebody else either', async () => {
    const { users } = accounts;
    const owner = await users.create({ username: 'owner' });
    await users.create({ username: owner.uuid });
    expect((await users.findByLogin(owner.uuid))?.username).to.equal('owner');
  });

  it('does not shut that person out, where an earlier release has let it in', async () => {
    const { passwords, users, db } = accounts;
    const email = 'Owner@example.com';
    const thief = await passwords.register({ username: 'thief', password: 'the thief’s own password' });
    await db
      .updateTable('users')
      .set({ username: email, username_key: email.toLowerCase() })
      .where('uuid', '=', thief.uuid)
      .execute();
    const owner = await passwords.register({ username: 'owner', email, password: goodPassword });
    const signedIn = await passwords.signIn({ who: { login: email }, password: goodPassword });
    expect(signedIn.user.uuid).to.equal(owner.uuid);
    expect((await users.findByLogin(email))?.uuid).to.equal(owner.uuid);
  });
});
