import { expect } from 'chai';
import type { Database } from '../../lib/store/database.ts';
import { goodPassword, openTestAccounts, useAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** What signing in must do on every engine; `open` gives a migrated database. */
export function describeSignIns(name: string, open: () => Promise<Database>): void {
  describe(`sign-ins on ${name}`, () => {
    const test = useAccounts(open);

    it('sign in with a password, by username, e-mail or either', async () => {
      const user = await test.newUser();
      for (const who of [
        { username: user.username! },
        { email: user.email! },
        { login: user.email! },
        { login: user.username! },
      ]) {
        const tokens = await test.accounts.passwords.signIn({ who, password: goodPassword });
        expect(tokens.user).to.deep.equal(user);
        expect(tokens.expiresInSeconds).to.equal(900);
        const principal = await test.accounts.access.identify(tokens.accessToken);
        expect(principal).to.deep.equal({
          id: user.uuid,
          kind: 'user',
          account: {
            number: user.id,
            name: user.name,
            role: 'user',
            scopes: [],
            approved: true,
            credential: { kind: 'signIn', id: tokens.signIn },
            signedInAt: principal.account?.signedInAt,
            expiresAt: principal.account?.expiresAt,
          },
        });
      }
      expect(
        await outcomeOf(
          test.accounts.passwords.signIn({ who: { email: user.username! }, password: goodPassword }),
        ),
      ).to.equal('unauthorized');
    });

    it('accept an access token until it expires', async () => {
      const tokens = await test.begin(await test.newUser());
      test.accounts.skew = 15 * MINUTE - 2000;
      expect(await test.codeOf(tokens)).to.equal('nothing was thrown');
      test.accounts.skew = 15 * MINUTE + 1;
      expect(await test.codeOf(tokens)).to.equal('unauthorized');
      const day = await test.accounts.signIns.begin(tokens.user.uuid, { method: 'test', accessMs: DAY });
      expect(day.expiresInSeconds).to.equal(86_400);
    });

    it('give the same child to fifty refreshes at once', async () => {
      const tokens = await test.begin(await test.newUser());
      const other = await openTestAccounts({ database: test.accounts.database });
      const all = await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          (at % 2 === 0 ? test.accounts : other).signIns.refresh(tokens.refreshToken),
        ),
      );
      await other.close();
      expect(new Set(all.map(({ refreshToken }) => refreshToken)).size).to.equal(1);
      expect(all[0]!.refreshToken).not.to.equal(tokens.refreshToken);
      for (const one of all) expect(await test.codeOf(one)).to.equal('nothing was thrown');
      const { count } = await test.accounts.db
        .selectFrom('refresh_tokens')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('sign_in_id', '=', tokens.signIn)
        .executeTakeFirstOrThrow();
      expect(count).to.equal(2);
    });

    it('give the same child again within ten seconds, and end the sign-in later', async () => {
      const tokens = await test.begin(await test.newUser());
      const child = await test.accounts.signIns.refresh(tokens.refreshToken);
      test.accounts.skew = 9000;
      expect((await test.accounts.signIns.refresh(tokens.refreshToken)).refreshToken).to.equal(
        child.refreshToken,
      );
      expect((await test.accounts.signIns.find(tokens.refreshToken)).user.uuid).to.equal(tokens.user.uuid);
      test.accounts.skew = 10_500;
      expect(await outcomeOf(test.accounts.signIns.find(tokens.refreshToken))).to.equal('unauthorized');
      expect(await test.codeOf(child)).to.equal('nothing was thrown');
      expect(await outcomeOf(test.accounts.signIns.refresh(tokens.refreshToken))).to.equal('unauthorized');
      expect(await test.codeOf(child)).to.equal('unauthorized');
      expect(await outcomeOf(test.accounts.signIns.refresh(child.refreshToken))).to.equal('unauthorized');
      const [entry] = await test.accounts.audit.list({ user: tokens.user.uuid, limit: 1 });
      expect(entry).to.deep.include({ event: 'token_reused', detail: { signIn: tokens.signIn } });
    });

    it('end a sign-in when a grandparent comes back, however soon', async () => {
      const tokens = await test.begin(await test.newUser());
      const child = await test.accounts.signIns.refresh(tokens.refreshToken);
      const grandchild = await test.accounts.signIns.refresh(child.refreshToken);
      expect((await test.accounts.signIns.refresh(child.refreshToken)).refreshToken).to.equal(
        grandchild.refreshToken,
      );
      expect(await outcomeOf(test.accounts.signIns.refresh(tokens.refreshToken))).to.equal('unauthorized');
      expect(await outcomeOf(test.accounts.signIns.refresh(grandchild.refreshToken))).to.equal(
        'unauthorized',
      );
    });

    it('refuse texts that are no refresh tokens, without ending a sign-in', async () => {
      const tokens = await test.begin(await test.newUser());
      for (const text of ['', 'rt_', tokens.accessToken, `${tokens.refreshToken}x`, `rt_${'A'.repeat(43)}`]) {
        expect(await outcomeOf(test.accounts.signIns.refresh(text)), text).to.equal('unauthorized');
        expect(await outcomeOf(test.accounts.signIns.find(text)), text).to.equal('unauthorized');
      }
      expect(await outcomeOf(test.accounts.access.identify(tokens.refreshToken))).to.equal('unauthorized');
      expect(await test.codeOf(tokens)).to.equal('nothing was thrown');
    });

    it('end a sign-in that was idle for 30 days, or is 90 days old', async () => {
      const user = await test.newUser();
      const idle = await test.begin(user);
      test.accounts.skew = 30 * DAY + 1000;
      expect(await outcomeOf(test.accounts.signIns.refresh(idle.refreshToken))).to.equal('unauthorized');
      test.accounts.skew = 0;
      let used = await test.begin(user);
      for (const days of [29, 58, 87]) {
        test.accounts.skew = days * DAY;
        used = await test.accounts.signIns.refresh(used.refreshToken);
      }
      test.accounts.skew = 90 * DAY - 1000;
      expect((await test.accounts.signIns.refresh(used.refreshToken)).expiresInSeconds).to.be.at.most(1);
      test.accounts.skew = 90 * DAY + 1;
      expect(await outcomeOf(test.accounts.signIns.refresh(used.refreshToken))).to.equal('unauthorized');
      expect(await test.accounts.signIns.list(user.uuid)).to.deep.equal([]);
      test.accounts.skew = 0;
      const long = await test.accounts.signIns.begin(user.uuid, { method: 'test', idleMs: 90 * DAY });
      test.accounts.skew = 89 * DAY;
      expect(await outcomeOf(test.accounts.signIns.refresh(long.refreshToken))).to.equal(
        'nothing was thrown',
      );
    });

    it('list the sign-ins of a user and end one, at the next request', async () => {
      const user = await test.newUser();
      const client = { address: '192.0.2.1', agent: 'Spec/1' };
      const first = await test.accounts.signIns.begin(user.uuid, { method: 'github', client });
      test.accounts.skew = 5;
      const second = await test.begin(user);
      const list = await test.accounts.signIns.list(user.uuid);
      expect(list.map(({ id, method, address, agent }) => ({ id, method, address, agent }))).to.deep.equal([
        { id: second.signIn, method: 'test', address: undefined, agent: undefined },
        { id: first.signIn, method: 'github', ...client },
      ]);
      const stranger = await test.newUser();
      expect(await test.accounts.signIns.end(stranger.uuid, first.signIn)).to.equal(false);
      expect(await test.accounts.signIns.end(user.uuid, first.signIn)).to.equal(true);
      expect(await test.accounts.signIns.end(user.uuid, first.signIn)).to.equal(false);
      expect([await test.codeOf(first), await test.codeOf(second)]).to.deep.equal([
        'unauthorized',
        'nothing was thrown',
      ]);
      expect(await outcomeOf(test.accounts.signIns.refresh(first.refreshToken))).to.equal('unauthorized');
      await test.accounts.signIns.endAll(user.uuid);
      expect(await test.codeOf(second)).to.equal('unauthorized');
      expect(await outcomeOf(test.accounts.signIns.endAll('nobody'))).to.equal('not_found');
    });

    it('end all sign-ins with a new password, send a mail, and refuse the old password', async () => {
      const user = await test.newUser();
      const tokens = await test.begin(user);
      await test.accounts.passwords.set(user.uuid, 'another horse battery');
      expect(await test.codeOf(tokens)).to.equal('unauthorized');
      const who = { username: user.username! };
      expect(await outcomeOf(test.accounts.passwords.signIn({ who, password: goodPassword }))).to.equal(
        'unauthorized',
      );
      await test.accounts.passwords.signIn({ who, password: 'another horse battery' });
      expect(test.accounts.mails.map(({ to }) => to)).to.deep.equal([user.email]);
      expect(await outcomeOf(test.accounts.passwords.set('nobody', goodPassword))).to.equal('not_found');
    });

    it('refuse a password that was changed meanwhile', async () => {
      const user = await test.newUser();
      const who = { username: user.username! };
      const attempts = Array.from({ length: 20 }, () =>
        test.accounts.passwords.signIn({ who, password: goodPassword }).catch(() => undefined),
      );
      await test.accounts.passwords.set(user.uuid, 'another horse battery');
      const late = (await Promise.all(attempts)).flatMap((tokens) => tokens ?? []);
      for (const tokens of late) expect(await test.codeOf(tokens)).to.equal('unauthorized');
      expect(await test.accounts.signIns.list(user.uuid)).to.deep.equal([]);
    });

    it('refuse after the sixth failed sign-in, for a growing time, also when a hundred come at once', async () => {
      test.accounts.holdTime();
      const user = await test.newUser();
      const who = { username: user.username! };
      const wrong = () => outcomeOf(test.accounts.passwords.signIn({ who, password: 'wrong password' }));
      const outcomes = await Promise.all(Array.from({ length: 100 }, wrong));
      const count = (code: string) => outcomes.filter((outcome) => outcome === code).length;
      expect([count('unauthorized'), count('too_many_requests')]).to.deep.equal([5, 95]);
      for (const [seconds, next] of [
        [1, 2],
        [3, 4],
        [7, 8],
      ] as const) {
        test.accounts.skew = seconds * 1000 + (seconds > 1 ? 200 : 100);
        expect(await wrong()).to.equal('unauthorized');
        const error = await test.accounts.passwords
          .signIn({ who, password: goodPassword })
          .catch((thrown: unknown) => thrown as { code: string; retryAfterSeconds: number });
        expect(error).to.deep.include({ code: 'too_many_requests', retryAfterSeconds: next });
      }
      test.accounts.skew += 8000;
      await test.accounts.passwords.signIn({ who: { email: user.email! }, password: goodPassword });
      test.accounts.skew += 1;
      const again = await Promise.all(Array.from({ length: 5 }, wrong));
      expect(again).to.deep.equal(Array.from({ length: 5 }, () => 'unauthorized'));
    }).timeout(20_000);

    it('accept a hundred right sign-ins at once', async () => {
      const user = await test.newUser();
      const who = { username: user.username! };
      const all = await Promise.all(
        Array.from({ length: 100 }, () => test.accounts.passwords.signIn({ who, password: goodPassword })),
      );
      expect(new Set(all.map(({ signIn }) => signIn)).size).to.equal(100);
      const principals = await Promise.all(
        all.map(({ accessToken }) => test.accounts.access.identify(accessToken)),
      );
      expect(new Set(principals.map(({ id }) => id))).to.deep.equal(new Set([user.uuid]));
    }).timeout(20_000);

    it('ask for the old password when the sign-in is older than ten minutes', async () => {
      const user = await test.newUser();
      const prove = (ago: number | null, password?: string) => {
        const signedInAt = ago === null ? null : Date.now() - ago;
        return outcomeOf(
          test.accounts.passwords.prove(user, { signedInAt, ...(password !== undefined && { password }) }),
        );
      };
      expect(await prove(9 * MINUTE)).to.equal('nothing was thrown');
      expect(await prove(11 * MINUTE)).to.equal('forbidden');
      expect(await prove(null)).to.equal('forbidden');
      expect(await prove(11 * MINUTE, goodPassword)).to.equal('nothing was thrown');
      expect(await prove(null, 'wrong password')).to.equal('forbidden');
      // A client that sends a password is a person who typed it: a wrong one is told, also right after the sign-in.
      expect(await prove(0, 'wrong password')).to.equal('forbidden');
    });
  });
}
