import { expect } from 'chai';
import type { Database } from '../../lib/store/database.ts';
import { openTestAccounts, useAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';

const MINUTE = 60_000;

/** What codes and identities must do on every engine; `open` gives a migrated database. */
export function describeCodes(name: string, open: () => Promise<Database>): void {
  describe(`codes on ${name}`, () => {
    const test = useAccounts(open);
    let number = 0;

    /** A number that no other test has, and the code that was sent to it. */
    async function sent(): Promise<{ telephone: string; code: string }> {
      number += 1;
      const telephone = `+86138000${String(number).padStart(5, '0')}`;
      await test.accounts.textCodes.send(telephone);
      return { telephone, code: test.accounts.texts.at(-1)!.code! };
    }
    const otherThan = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

    it('sign in with a code on a telephone, the same user each time', async () => {
      const { telephone, code } = await sent();
      const spaced = telephone.replace('+86', '+86 ').replace('138', '(138)-');
      const [text] = test.accounts.texts;
      expect(text).to.deep.equal({
        to: telephone,
        text: `Your code is ${code}. It is valid for five minutes; tell it to nobody.`,
        code,
      });
      expect(code).to.match(/^\d{6}$/);
      const { textCodes, identities } = test.accounts;
      const tokens = await textCodes.signIn({ telephone: spaced, code: ` ${code} ` });
      expect([tokens.user.name, tokens.user.username]).to.deep.equal([`user …${telephone.slice(-4)}`, null]);
      expect(await identities.list(tokens.user.uuid)).to.deep.equal([
        { provider: 'telephone', issuer: 'telephone', subject: telephone },
      ]);
      const rows = await test.accounts.db
        .withTables<{ user_list: Record<'telephone_num' | 'uuid', string> }>()
        .selectFrom('user_list')
        .select('telephone_num')
        .where('uuid', '=', tokens.user.uuid)
        .execute();
      expect(rows).to.deep.equal([{ telephone_num: telephone }]);
      expect(await outcomeOf(textCodes.signIn({ telephone, code }))).to.equal('unauthorized');
      test.accounts.skew = MINUTE + 1;
      await textCodes.send(telephone);
      const again = await textCodes.signIn({ telephone, code: test.accounts.texts.at(-1)!.code! });
      expect(again.user).to.deep.equal(tokens.user);
    });

    it('accept a code once, when it comes fifty times at once', async () => {
      const { telephone, code } = await sent();
      const other = await openTestAccounts({ database: test.accounts.database });
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          outcomeOf((at % 2 === 0 ? test.accounts : other).textCodes.signIn({ telephone, code })),
        ),
      );
      await other.close();
      expect(outcomes.filter((outcome) => outcome === 'nothing was thrown')).to.have.length(1);
    });

    it('accept no code after five guesses, or five minutes', async () => {
      const { telephone, code } = await sent();
      const guess = (text: string) => outcomeOf(test.accounts.textCodes.verify(telephone, text));
      for (let at = 0; at < 4; at += 1) expect(await guess(otherThan(code))).to.equal('unauthorized');
      expect(await guess(code)).to.equal('nothing was thrown');
      const second = await sent();
      const outcomes = await Promise.all(
        Array.from({ length: 5 }, () =>
          outcomeOf(test.accounts.textCodes.verify(second.telephone, otherThan(second.code))),
        ),
      );
      expect(new Set(outcomes)).to.deep.equal(new Set(['unauthorized']));
      expect(await outcomeOf(test.accounts.textCodes.verify(second.telephone, second.code))).to.equal(
        'unauthorized',
      );
      const third = await sent();
      test.accounts.skew = 5 * MINUTE + 1;
      expect(await outcomeOf(test.accounts.textCodes.verify(third.telephone, third.code))).to.equal(
        'unauthorized',
      );
      expect(await outcomeOf(test.accounts.textCodes.verify('+8613999999999', '000000'))).to.equal(
        'unauthorized',
      );
    });

    it('send one code a minute to a number, and fewer and fewer after ten', async () => {
      const { telephone } = await sent();
      const send = () => outcomeOf(test.accounts.textCodes.send(telephone));
      expect(await send()).to.equal('too_many_requests');
      const outcomes = await Promise.all(Array.from({ length: 20 }, send));
      expect(new Set(outcomes)).to.deep.equal(new Set(['too_many_requests']));
      let minutes = 0;
      let codes = 1;
      for (; minutes < 600; minutes += 1) {
        test.accounts.skew = minutes * MINUTE + 1000;
        if ((await send()) === 'nothing was thrown') codes += 1;
      }
      expect(codes).to.be.within(15, 60);
      expect(test.accounts.texts).to.have.length(codes);
    });

    it('refuse a text that is no number, and report a code that cannot be sent', async () => {
      for (const telephone of ['', '123', 'not a number', '+', '+1234567890123456', "1' or '1'='1"])
        expect(await outcomeOf(test.accounts.textCodes.send(telephone)), telephone).to.equal(
          'invalid_request',
        );
      const broken = await openTestAccounts({
        database: test.accounts.database,
        sms: { send: () => Promise.reject(new Error('no credit')) },
      });
      expect(await outcomeOf(broken.textCodes.send('+8613900000000'))).to.equal('unavailable');
      await broken.close();
    });

    it('slow down guesses from one address for many numbers', async () => {
      const client = { address: '192.0.2.7' };
      const guess = (at: number) =>
        outcomeOf(test.accounts.textCodes.verify(`+8613700${String(at).padStart(6, '0')}`, '000000', client));
      const outcomes = [];
      for (let at = 0; at < 60; at += 1) outcomes.push(await guess(at));
      expect(outcomes.slice(0, 50)).to.deep.equal(Array.from({ length: 50 }, () => 'unauthorized'));
      expect(outcomes.slice(50)).to.include('too_many_requests');
    });

    it('exchange a sign-in code for tokens once, within a minute, on any node', async () => {
      const user = await test.newUser();
      const { signInCodes } = test.accounts;
      const code = await signInCodes.issue(user.uuid, 'github');
      const other = await openTestAccounts({ database: test.accounts.database });
      const tokens = await other.signInCodes.exchange({ code, accessMs: 5 * MINUTE });
      await other.close();
      expect([tokens.user, tokens.expiresInSeconds]).to.deep.equal([user, 300]);
      expect((await test.accounts.signIns.list(user.uuid)).map(({ method }) => method)).to.deep.equal([
        'github',
      ]);
      expect(await outcomeOf(signInCodes.exchange({ code }))).to.equal('unauthorized');
      const { ticket } = await test.accounts.access.issueTicket({ id: 'operator', kind: 'operator' });
      expect(await outcomeOf(signInCodes.exchange({ code: ticket }))).to.equal('unauthorized');
      const late = await signInCodes.issue(user.uuid, 'github');
      test.accounts.skew = MINUTE + 1;
      expect(await outcomeOf(signInCodes.exchange({ code: late }))).to.equal('unauthorized');
    });

    it('recognise a user by its own identities only', async () => {
      const { identities, users } = test.accounts;
      const [one, two] = [await test.newUser(), await test.newUser()];
      const identity = {
        provider: 'github',
        issuer: 'https://github.com/login/oauth',
        subject: `id-${test.count}`,
      };
      await identities.add(one.uuid, identity, { by: one.uuid });
      await identities.add(one.uuid, identity);
      expect(await outcomeOf(identities.add(two.uuid, identity))).to.equal('conflict');
      expect(await outcomeOf(identities.add('nobody', { ...identity, subject: 'x' }))).to.equal('not_found');
      expect(await identities.userOf(identity, { name: one.name })).to.deep.equal(one);
      const elsewhere = { ...identity, issuer: 'https://github.example' };
      const stranger = await identities.userOf(elsewhere, {
        name: one.name,
        username: `wechat_${test.count}`,
      });
      expect(stranger.uuid).not.to.equal(one.uuid);
      expect(await users.find(stranger.uuid)).to.deep.equal(stranger);
      const taken = { ...identity, subject: 'y' };
      expect(await outcomeOf(identities.userOf(taken, { username: one.username! }))).to.equal('conflict');
      expect(await identities.list(two.uuid)).to.deep.equal([]);
    });

    it('make one user of a hundred first sign-ins at once, on two nodes', async () => {
      const other = await openTestAccounts({ database: test.accounts.database });
      const identity = { provider: 'google', issuer: 'https://accounts.google.com', subject: `race-${name}` };
      const users = await Promise.all(
        Array.from({ length: 100 }, (_, at) =>
          (at % 2 === 0 ? test.accounts : other).identities.userOf(identity, { name: 'Race' }),
        ),
      );
      await other.close();
      expect(new Set(users.map(({ uuid }) => uuid)).size).to.equal(1);
      const { users: all } = await test.accounts.users.list({ offset: 0, limit: 1000 });
      expect(all.filter(({ name: called }) => called === 'Race')).to.have.length(1);
    });
  });
}
