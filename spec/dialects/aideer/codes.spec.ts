import { expect } from 'chai';
import { newDeer, type DeerUser } from '../../support/aideer-world.ts';
import { onBothEngines, type ChatWorld } from '../../support/chat-world.ts';

type Json = Record<string, unknown>;

onBothEngines('the codes of AIDeer', (open) => {
  let world: ChatWorld;
  let admin: DeerUser;
  let user: DeerUser;
  before(async () => {
    world = await open();
    admin = await newDeer(world, 'admin');
    user = await newDeer(world);
  });
  after(() => world.close());

  const call = (who: DeerUser, method: string, path: string, body?: unknown) =>
    world.call(method, `/api/v1${path}`, { token: who.token, ...(body !== undefined && { body }) });
  const redeem = (who: DeerUser, redeem_code: unknown) =>
    call(who, 'POST', '/users/me/credits', { redeem_code });
  const bad = { status: 422, body: { detail: 'The code is not valid.' } };

  it('are made, looked at and removed by admins', async () => {
    const made = await call(admin, 'POST', '/codes', { value: 50 });
    expect(made.status).to.equal(200);
    const { redeem_code: code, create_time: time } = made.body as {
      redeem_code: string;
      create_time: string;
    };
    const fresh = {
      value: 50,
      redeemed: false,
      redeemed_by: null,
      redeem_time: null,
      expire_time: null,
      create_time: time,
    };
    expect(made.body).to.deep.equal({ redeem_code: code, ...fresh });
    expect((await call(admin, 'GET', `/codes/${code}`)).body).to.deep.equal({ redeem_code: code, ...fresh });
    await redeem(user, code);
    expect((await call(admin, 'GET', `/codes/${code.toLowerCase()}`)).body).to.deep.include({
      redeemed: true,
      redeemed_by: user.id,
    });
    expect((await call(admin, 'DELETE', `/codes/${code}`)).body).to.deep.equal({
      message: 'The code is removed.',
    });
    for (const method of ['GET', 'DELETE'])
      expect((await call(admin, method, `/codes/${code}`)).status).to.equal(404);
    const own = await call(admin, 'POST', '/codes', {
      redeem_code: '新年快乐 2026 年/%',
      value: 1,
      expire_time: '2030-01-01T00:00:00Z',
    });
    expect(own.body).to.include({
      redeem_code: '新年快乐 2026 年/%',
      expire_time: '2030-01-01T00:00:00.000Z',
    });
    expect(
      (await call(admin, 'POST', '/codes', { redeem_code: ' 新年快乐 2026 年/% ', value: 2 })).status,
    ).to.equal(409);
    expect((await call(admin, 'GET', `/codes/${encodeURIComponent('新年快乐 2026 年/%')}`)).body).to.include({
      value: 1,
    });
  });

  it('are nothing for others', async () => {
    for (const [method, path, body] of [
      ['POST', '/codes', { value: 1_000_000 }],
      ['GET', '/codes/x'],
      ['DELETE', '/codes/x'],
    ] as const) {
      const answer = await call(user, method, path, body);
      expect([answer.status, answer.body]).to.deep.equal([403, { detail: 'This is for admins.' }]);
    }
  });

  it('are worth a whole number of credits, more than none', async () => {
    for (const body of [
      {},
      { value: 0 },
      { value: -5 },
      { value: 1.5 },
      { value: '5' },
      { value: 1e12 },
      { value: 1, redeem_code: '' },
      { value: 1, redeem_code: '  ' },
      { value: 1, redeem_code: 'fiver' },
      { value: 1, expire_time: 'soon' },
    ]) {
      const answer = await call(admin, 'POST', '/codes', body);
      expect([answer.status, Object.keys(answer.body as object)], JSON.stringify(body)).to.deep.equal([
        422,
        ['detail'],
      ]);
    }
  });

  it('say the same when they are unknown, used or expired', async () => {
    await call(admin, 'POST', '/codes', { redeem_code: 'used already', value: 1 });
    await call(admin, 'POST', '/codes', {
      redeem_code: 'old and expired',
      value: 1,
      expire_time: '2020-01-01T00:00:00Z',
    });
    expect((await redeem(user, 'USED ALREADY')).body).to.deep.equal({ message: '1 credits were added.' });
    for (const code of ['used already', 'old and expired', 'never there', '', '\u0000'])
      expect(await redeem(user, code), code).to.deep.include(bad);
    expect((await redeem(user, 5)).status).to.equal(422);
  });

  it('are not guessed: ten wrong ones of a user are free, and each further one costs a longer wait', async () => {
    const [guesser, other] = [await newDeer(world), await newDeer(world)];
    await call(admin, 'POST', '/codes', { redeem_code: 'a right one 2026', value: 3 });
    for (let at = 0; at < 10; at += 1)
      expect((await redeem(guesser, `a guess of a code ${at}`)).status).to.equal(422);
    const blocked = await redeem(guesser, 'a right one 2026');
    expect([blocked.status, blocked.headers.get('retry-after')]).to.deep.equal([429, '1']);
    expect((await redeem(other, 'a right one 2026')).body).to.deep.equal({
      message: '3 credits were added.',
    });
  });

  it('give one credit, of a hundred that redeem one at the same time', async () => {
    await call(admin, 'POST', '/codes', { redeem_code: 'only for one', value: 1 });
    const many = await Promise.all(Array.from({ length: 5 }, () => newDeer(world)));
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        redeem(many[index % many.length]!, index % 2 === 0 ? 'only for one' : 'ONLY FOR ONE'),
      ),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect([count(200), count(422)]).to.deep.equal([1, 99]);
    const left = await Promise.all(
      many.map(async (who) => (await call(who, 'GET', '/users/me')).body as Json),
    );
    expect(left.reduce((sum, me) => sum + Number(me['credits_left']), 0)).to.equal(1);
  });
});
