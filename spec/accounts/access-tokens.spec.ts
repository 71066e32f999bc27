import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import { createAccessTokens } from '../../lib/accounts/access-tokens.ts';
import { openTestAccounts, testKeys, testSecret } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';
import { createTestClock } from '../support/test-clock.ts';

const secrets = ['the-new-secret-0123456789-abcdefghijklm', testSecret];
const uuid = '3f0c1c1e-0000-4000-8000-000000000001';

describe('access tokens', () => {
  const now = Date.parse('2026-01-01T00:00:00.500Z');
  const clock = createTestClock(() => now);
  const keys = testKeys(testSecret);
  const tokens = createAccessTokens(keys, clock);
  const claims = { uuid, name: '张三', signIn: 'sign-in', expiresAt: now + 900_000 };
  const expiresAt = Math.floor(claims.expiresAt / 1000) * 1000;

  it('name the user, in the form of RFC 9068', async () => {
    const token = await tokens.sign(claims, now);
    const { header, payload } = jwt.decode(token, { complete: true })!;
    expect(header).to.deep.equal({ alg: 'HS256', typ: 'at+jwt', kid: keys.current.kid });
    expect(payload).to.deep.equal({
      uuid,
      name: '张三',
      sid: 'sign-in',
      sub: uuid,
      iss: 'lite-agent',
      aud: 'lite-agent',
      iat: Math.floor(now / 1000),
      exp: Math.floor(now / 1000) + 900,
    });
    expect(await tokens.verify(token)).to.deep.equal({ ...claims, expiresAt });
  });

  it('live as long as they say, also when the second ends while they are made', async () => {
    let time = now;
    const late = createAccessTokens(
      keys,
      createTestClock(() => (time += 700)),
    );
    const { iat, exp } = jwt.decode(await late.sign(claims, now)) as { iat: number; exp: number };
    expect(exp - iat).to.equal(900);
  });

  it('carry the scopes of the user, as they were when the token was made', async () => {
    const scopes = ['add_more_model_config', 'second'];
    const token = await tokens.sign({ ...claims, scopes }, now);
    expect(jwt.decode(token)).to.deep.include({ scope: 'add_more_model_config second' });
    expect(await tokens.verify(token)).to.deep.equal({ ...claims, scopes, expiresAt });
  });

  it('are signed with the first secret and accepted under all, so that a new secret signs nobody out', async () => {
    const old = await tokens.sign(claims, now);
    const both = createAccessTokens(testKeys(...secrets), clock);
    const fresh = await both.sign(claims, now);
    expect(await both.verify(old)).to.deep.include({ uuid });
    expect(await both.verify(fresh)).to.deep.include({ uuid });
    expect(await tokens.verify(fresh)).to.equal(undefined);
    expect(await createAccessTokens(testKeys(secrets[0]!), clock).verify(old)).to.equal(undefined);
  });

  it('are refused when any part of them is not from this server', async () => {
    const good = jwt.decode(await tokens.sign(claims, now)) as Record<string, unknown>;
    const { kid } = keys.current;
    const header = { alg: 'HS256', typ: 'at+jwt', kid };
    const made = (payload: object, head: object = header, secret = testSecret) =>
      jwt.sign(payload, secret, { header: head as jwt.JwtHeader, noTimestamp: true });
    const without = (name: string) =>
      Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
    expect(await tokens.verify(made(good))).to.deep.equal({ ...claims, expiresAt });
    const unsigned = (head: object) =>
      `${[head, good].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
    for (const [what, token] of Object.entries({
      'another secret': made(good, header, secrets[0]),
      'another algorithm': jwt.sign(good, testSecret, {
        algorithm: 'HS512',
        header: { ...header, alg: 'HS512' },
      }),
      'no signature': unsigned({ ...header, alg: 'none' }),
      'no signature under our algorithm': unsigned(header),
      'another type': made(good, { ...header, typ: 'JWT' }),
      'no type': made(good, { alg: 'HS256', kid, typ: undefined }),
      'no kid': made(good, { alg: 'HS256', typ: 'at+jwt' }),
      'a kid of nobody': made(good, { ...header, kid: 'x' }),
      'a kid that is no text': made(good, { ...header, kid: ['constructor'] }),
      'another audience': made({ ...good, aud: 'others' }),
      'no audience': made(without('aud')),
      'another issuer': made({ ...good, iss: 'others' }),
      'no expiry': made(without('exp')),
      over: made({ ...good, exp: Math.floor(now / 1000) }),
      'not yet': made({ ...good, nbf: Math.floor(now / 1000) + 60 }),
      'no subject': made(without('sub')),
      'no sign-in': made(without('sid')),
      'a sign-in that is no text': made({ ...good, sid: { a: 1 } }),
      'a text': jwt.sign('text', testSecret, { header }),
      'too long': made({ ...good, name: 'x'.repeat(4000) }),
      changed: (await tokens.sign(claims, now)).replace(/\.[^.]{10}/, '.AAAAAAAAAA'),
      'two parts': 'a.b',
      'not JSON': 'a.b.c',
      null: `${Buffer.from('null').toString('base64url')}.b.c`,
      nothing: '',
    }))
      expect(await tokens.verify(token), what).to.equal(undefined);
  });
});

describe('tokens with a new secret in front', () => {
  it('stay valid: access tokens, refresh tokens, and the repeat for a lost answer', async () => {
    const before = await openTestAccounts();
    const user = await before.users.create({ username: 'ann' });
    const tokens = await before.signIns.begin(user.uuid, { method: 'test' });
    const child = await before.signIns.refresh(tokens.refreshToken);
    const after = await openTestAccounts({ database: before.database, keys: testKeys(...secrets) });
    expect((await after.access.identify(tokens.accessToken)).id).to.equal(user.uuid);
    expect((await after.signIns.refresh(tokens.refreshToken)).refreshToken).to.equal(child.refreshToken);
    const next = await after.signIns.refresh(child.refreshToken);
    expect((await after.access.identify(next.accessToken)).id).to.equal(user.uuid);
    expect(await outcomeOf(before.access.identify(next.accessToken))).to.equal('unauthorized');
    await after.close();
    await before.close();
  });
});
