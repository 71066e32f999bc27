import { expect } from 'chai';
import { systemClock } from '../../lib/common/clock.ts';
import { createPrincipals } from '../../lib/accounts/principals.ts';
import type { Database } from '../../lib/store/database.ts';
import { goodPassword, openTestAccounts, useAccounts } from '../support/accounts.ts';
import { outcomeOf, rejection } from '../support/refusal.ts';
import { waitFor } from '../support/wait-for.ts';

const MINUTE = 60_000;

/** What accounts must do on every engine; `open` gives a migrated database. */
export function describeAccounts(name: string, open: () => Promise<Database>): void {
  describe(`accounts on ${name}`, () => {
    const test = useAccounts(open);

    it('keep a user as it was made, with an integer beside the uuid', async () => {
      const user = await test.newUser();
      expect(user).to.deep.include({
        name: user.username,
        email: `User.${test.count}@example.com`,
        role: 'user',
        scopes: [],
        disabled: false,
        hasPassword: true,
      });
      expect(user.uuid).to.match(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
      for (const found of [
        await test.accounts.users.find(user.uuid),
        await test.accounts.users.findById(user.id),
        await test.accounts.users.findByLogin(user.username!.toUpperCase()),
        await test.accounts.users.findByLogin(` ${user.email!.toLowerCase()}`),
        await test.accounts.users.findByLogin(user.uuid),
      ])
        expect(found).to.deep.equal(user);
      expect(await test.accounts.users.find('nobody')).to.equal(undefined);
      const { users, total } = await test.accounts.users.list({
        offset: 0,
        limit: 1,
        orderBy: 'id',
        order: 'desc',
      });
      expect(users).to.deep.equal([user]);
      expect(total).to.be.at.least(1);
      const byName = await test.accounts.users.list({ offset: 0, limit: 1000, orderBy: 'name' });
      expect(byName.users).to.deep.include(user);
    });

    it('accept a username and an e-mail once, in any case', async () => {
      const first = await test.newUser();
      const second = await test.newUser();
      const { users } = test.accounts;
      const username = first.username!.toUpperCase();
      for (const [attempt, pointer] of [
        [() => users.create({ username }), '/username'],
        [() => users.create({ email: first.email!.toLowerCase() }), '/email'],
        [() => users.change(second.uuid, { username }), '/username'],
        [() => users.change(second.uuid, { email: first.email! }), '/email'],
      ] as const) {
        const error = (await attempt().catch((thrown: unknown) => thrown)) as {
          code: string;
          faults: unknown;
        };
        expect([error.code, error.faults]).to.deep.equal(['conflict', [{ pointer, detail: 'is taken' }]]);
      }
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => outcomeOf(users.create({ username: `race-${test.count}` }))),
      );
      expect(outcomes.sort()).to.deep.equal([
        ...Array.from({ length: 19 }, () => 'conflict'),
        'nothing was thrown',
      ]);
      const renamed = await users.change(first.uuid, { username: `new-${test.count}`, email: null });
      expect([renamed.username, renamed.name, renamed.email]).to.deep.equal([
        `new-${test.count}`,
        `new-${test.count}`,
        null,
      ]);
      expect((await users.change(first.uuid, { name: 'Ann' })).name).to.equal('Ann');
      expect((await users.change(first.uuid, { username: `newer-${test.count}` })).name).to.equal('Ann');
      expect(await outcomeOf(users.change('nobody', { name: 'x' }))).to.equal('not_found');
    });

    it('use a new role, scope and name from the next request on, on every node', async () => {
      const user = await test.newUser();
      const tokens = await test.begin(user);
      const other = await openTestAccounts({ database: test.accounts.database });
      await other.users.setRole(user.uuid, 'admin', { by: 'spec' });
      await other.users.setScopes(user.uuid, ['add_more_model_config']);
      const { account } = await test.accounts.access.identify(tokens.accessToken);
      expect([account?.role, account?.scopes]).to.deep.equal(['admin', ['add_more_model_config']]);
      await other.close();
      const [scopes, role] = await test.accounts.audit.list({ user: user.uuid, limit: 2 });
      expect(role).to.deep.include({ event: 'role_changed', detail: { by: 'spec', role: 'admin' } });
      expect(scopes).to.deep.include({ event: 'scopes_changed' });
      expect(await outcomeOf(test.accounts.users.setScopes(user.uuid, ['two words']))).to.equal(
        'invalid_request',
      );
      expect(await outcomeOf(test.accounts.users.setRole('nobody', 'user'))).to.equal('not_found');
    });

    it('refuse a disabled user everywhere, with one text for all failures', async () => {
      const user = await test.newUser();
      const tokens = await test.begin(user);
      const { key } = await test.accounts.apiKeys.create(user.uuid);
      const who = { username: user.username! };
      expect((await test.accounts.users.disable(user.uuid)).disabled).to.equal(true);
      const failures = await Promise.all(
        [
          test.accounts.passwords.signIn({ who, password: goodPassword }),
          test.accounts.passwords.signIn({ who, password: 'another password' }),
          test.accounts.passwords.signIn({ who: { username: 'nobody' }, password: goodPassword }),
        ].map((attempt) => attempt.catch((error: unknown) => String(error))),
      );
      expect(new Set(failures)).to.deep.equal(new Set(['AppError: The name or the password is wrong.']));
      expect([
        await test.codeOf(tokens),
        await outcomeOf(test.accounts.access.identify(key)),
        await outcomeOf(test.begin(user)),
      ]).to.deep.equal(['unauthorized', 'unauthorized', 'unauthorized']);
      expect(await outcomeOf(test.accounts.signIns.refresh(tokens.refreshToken))).to.equal('unauthorized');
      await test.accounts.users.enable(user.uuid);
      expect(await outcomeOf(test.accounts.access.identify(key))).to.equal('nothing was thrown');
      expect(await test.codeOf(tokens)).to.equal('unauthorized');
    });

    it('remove a user with all its credentials', async () => {
      const user = await test.newUser();
      const tokens = await test.begin(user);
      const { key } = await test.accounts.apiKeys.create(user.uuid);
      await test.accounts.users.remove(user.uuid);
      expect([await test.codeOf(tokens), await outcomeOf(test.accounts.access.identify(key))]).to.deep.equal([
        'unauthorized',
        'unauthorized',
      ]);
      expect(await test.accounts.users.find(user.uuid)).to.equal(undefined);
      expect(await outcomeOf(test.accounts.users.remove(user.uuid))).to.equal('not_found');
      const next = await test.newUser();
      expect(next.id).to.be.above(user.id);
    });

    it('accept a key as a bearer token, in its dialects, until it is revoked', async () => {
      const user = await test.newUser();
      const all = await test.accounts.apiKeys.create(user.uuid, { name: 'lab' });
      const some = await test.accounts.apiKeys.create(user.uuid, { dialects: ['openai', 'chat'] });
      expect(all.key).to.match(/^sk-[\w-]{43}$/);
      expect(all.masked).to.equal(`sk-…${all.key.slice(-4)}`);
      const principal = await test.accounts.access.identify(all.key, { dialect: 'liteagent' });
      expect(principal.account).to.deep.include({
        credential: { kind: 'key', id: all.id, scopes: ['chat', 'devices'] },
        signedInAt: null,
        expiresAt: null,
      });
      const where = (dialect: string) => outcomeOf(test.accounts.access.identify(some.key, { dialect }));
      expect([await where('openai'), await where('liteagent')]).to.deep.equal([
        'nothing was thrown',
        'forbidden',
      ]);
      await test.accounts.apiKeys.drain();
      const used = (await test.accounts.apiKeys.list(user.uuid)).filter(({ usedAt }) => usedAt !== null);
      expect(used.map(({ id }) => id)).to.have.members([all.id, some.id]);
      const events = await test.accounts.audit.list({ user: user.uuid, limit: 100 });
      expect(events.filter(({ event }) => event === 'key_used')).to.have.length(2);
      expect(await test.accounts.apiKeys.revoke('nobody', all.id)).to.equal(false);
      expect(await test.accounts.apiKeys.revoke(user.uuid, all.id)).to.equal(true);
      expect(await outcomeOf(test.accounts.access.identify(all.key))).to.equal('unauthorized');
      const brief = await test.accounts.apiKeys.create(user.uuid, { expiresAt: Date.now() + 1000 });
      test.accounts.skew = 1001;
      expect(await outcomeOf(test.accounts.access.identify(brief.key))).to.equal('unauthorized');
      expect(await outcomeOf(test.accounts.apiKeys.create('nobody'))).to.equal('not_found');
      expect(await outcomeOf(test.accounts.apiKeys.create(user.uuid, { dialects: ['a b'] }))).to.equal(
        'invalid_request',
      );
    });

    it('end open connections when their token, sign-in, key or user ends, in any process', async () => {
      const other = await openTestAccounts({ database: test.accounts.database });
      const user = await test.newUser();
      const ended: string[] = [];
      const hold = async (what: string, token: string) =>
        test.accounts.access.onEnd(await test.accounts.access.identify(token), () => ended.push(what));
      const open = async (what: string) => {
        const tokens = await test.begin(user);
        await hold(what, tokens.accessToken);
        return tokens;
      };
      await open('kept');
      const here = await open('here');
      await test.accounts.signIns.end(user.uuid, here.signIn);
      expect(ended.splice(0)).to.deep.equal(['here']);
      const there = await open('there');
      await other.signIns.end(user.uuid, there.signIn);
      await waitFor(() => ended.length > 0);
      expect(ended.splice(0)).to.deep.equal(['there']);
      const key = await test.accounts.apiKeys.create(user.uuid);
      await hold('key', key.key);
      await other.apiKeys.revoke(user.uuid, key.id);
      await waitFor(() => ended.length > 0);
      expect(ended.splice(0)).to.deep.equal(['key']);
      await other.users.setRole(user.uuid, 'visitor');
      await waitFor(() => ended.length > 0);
      expect(ended.splice(0)).to.deep.equal(['kept']);
      const again = await open('again');
      const stop = test.accounts.access.onEnd(await test.accounts.access.identify(again.accessToken), () =>
        ended.push('no'),
      );
      stop();
      await other.users.disable(user.uuid);
      await waitFor(() => ended.length > 0);
      expect(ended.splice(0)).to.deep.equal(['again']);
      await other.users.enable(user.uuid);
      await test.accounts.db
        .updateTable('users')
        .set({ approved_at: null })
        .where('uuid', '=', user.uuid)
        .execute();
      await open('not approved');
      await other.users.approve(user.uuid, { by: 'spec' });
      await waitFor(() => ended.length > 0);
      expect(ended.splice(0)).to.deep.equal(['not approved']);
      await open('time');
      test.accounts.skew = 15 * MINUTE + 1;
      await waitFor(() => ended.length > 0);
      expect(ended).to.deep.equal(['time']);
      test.accounts.access.onEnd({ id: 'operator', kind: 'operator' }, () => ended.push('operator'))();
      await other.close();
    });

    it('look up all principals of a tick with one statement, each with its own answer', async () => {
      const users = await Promise.all(Array.from({ length: 5 }, () => test.newUser()));
      const tokens = await Promise.all(users.map((user) => test.begin(user)));
      const principals = createPrincipals(test.accounts.db, systemClock);
      const ids = [...tokens.map(({ signIn }) => signIn), 'nobody', tokens[0]!.signIn];
      const found = await Promise.all(ids.map((id) => principals.ofSignIn(id)));
      expect(found.map((one) => one?.id)).to.deep.equal([
        ...users.map(({ uuid }) => uuid),
        undefined,
        users[0]!.uuid,
      ]);
    });

    it('keep an audit log that nobody can change', async () => {
      const user = await test.newUser();
      const address = '192.0.2.9';
      await outcomeOf(
        test.accounts.passwords.signIn({
          who: { username: user.username! },
          password: 'x',
          client: { address },
        }),
      );
      const [failed, created] = await test.accounts.audit.list({ user: user.uuid, limit: 10 });
      expect(failed).to.deep.include({ event: 'sign_in_failed', address, detail: { method: 'password' } });
      expect(created).to.deep.include({ event: 'user_created' });
      for (const change of [
        () => test.accounts.db.updateTable('audit').set({ event: 'signed_in' }).execute(),
        () => test.accounts.db.deleteFrom('audit').execute(),
      ])
        expect(String(((await rejection(change())) as Error).cause)).to.contain('audit is append-only');
    });

    it('show the list of users of the seed as a view', async () => {
      const user = await test.newUser();
      const rows = await test.accounts.db
        .withTables<{
          user_list: Record<'id' | 'telephone_num' | 'github_id' | 'google_id' | 'uuid', unknown>;
        }>()
        .selectFrom('user_list')
        .selectAll()
        .where('uuid', '=', user.uuid)
        .execute();
      expect(rows).to.deep.equal([
        { id: user.id, telephone_num: null, github_id: null, google_id: null, uuid: user.uuid },
      ]);
    });
  });
}
