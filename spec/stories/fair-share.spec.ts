import { expect } from 'chai';
import sharp from 'sharp';
import { openThreadServer, type Caller, type ThreadServer } from '../support/threads.ts';

/** Soon, on a machine that does other work too: all works of the other caller take several times as long. */
const SOON_MS = 8000;

describe('a server whose settings say how many avatars may wait', () => {
  let server: ThreadServer;
  before(async () => {
    server = await openThreadServer({ WAITING_AVATARS_PER_CALLER_MAX_COUNT: '2' });
  });
  after(() => server.close());

  it('refuses one more of the same caller, and takes that of another', async () => {
    const picture = await sharp({
      create: { width: 2000, height: 2000, channels: 3, background: '#123456' },
    })
      .png()
      .toBuffer();
    const send = async (caller: Caller): Promise<number> => {
      const form = new FormData();
      form.set('avatar_file', new Blob([new Uint8Array(picture)]), 'me.png');
      return (await caller.call('POST', '/api/v1/users/me/avatar', form)).status;
    };
    const [ada, bob] = [await server.caller('ada'), await server.caller('bob')];
    const sent = Array.from({ length: 20 }, () => send(ada));
    const first = await Promise.race(sent);
    expect([first, await send(bob)]).to.deep.equal([429, 200]);
    expect(new Set(await Promise.all(sent))).to.deep.equal(new Set([200, 429]));
  });
});

describe('a server that one caller keeps busy', function () {
  this.timeout(120_000);
  let server: ThreadServer;
  let ada: Caller;
  let bob: Caller;
  const account = { email: 'carl@example.com', username: 'carl', password: 'correct horse battery' };
  before(async () => {
    server = await openThreadServer({ REGISTRATION: 'open' });
    ada = await server.caller('ada');
    bob = await server.caller('bob');
    const made = await server.call('POST', '/api/v1/user/register', account);
    expect(made.status, JSON.stringify(made.body)).to.be.within(200, 201);
  });
  after(() => server.close());

  /** How long work takes, in ms, and what it gives. */
  async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
    const began = performance.now();
    const value = await work();
    return { ms: performance.now() - began, value };
  }

  const signIn = () => {
    const { email, password } = account;
    return server.call('POST', '/api/v1/user/login', { email, password });
  };

  it('signs another caller in while 100 pictures wait', async () => {
    const picture = await sharp({
      create: { width: 4500, height: 4500, channels: 3, background: '#123456' },
    })
      .png()
      .toBuffer();
    const sent = Array.from({ length: 100 }, () => {
      const form = new FormData();
      form.set('avatar_file', new Blob([new Uint8Array(picture)]), 'me.png');
      return ada.call('POST', '/api/v1/users/me/avatar', form);
    });
    await Promise.race(sent);
    const { ms, value } = await timed(signIn);
    expect([value.status, ms < SOON_MS], `${ms} ms: ${JSON.stringify(value.body)}`).to.deep.equal([
      200,
      true,
    ]);
    const statuses = new Set((await Promise.all(sent)).map(({ status }) => status));
    expect(statuses).to.deep.equal(new Set([200, 429]));
  });

  it('reads the document of another caller, and signs another caller in, while 30 documents wait', async () => {
    const head = 'openapi: 3.0.0\ninfo: {title: t, version: "1"}\npaths: {/a: {get: {responses: {}}}}\n';
    const yaml = (mark: string, keys: number): string =>
      `${head}x-${mark}:\n${Array.from({ length: keys }, (_, at) => `  key${at}: ${at}\n`).join('')}`;
    const init = (caller: Caller, openSpec: string) =>
      caller.call('POST', '/api/init', { openSpecList: [{ openSpec }] });
    await init(bob, yaml('first', 2000)); // starts a thread
    const sent = Array.from({ length: 30 }, (_, at) => init(ada, yaml(`a${at}`, 20_000)));
    await Promise.race(sent);
    const { ms, value } = await timed(() => init(bob, yaml('b', 2000)));
    expect([value.status, ms < SOON_MS], `${ms} ms: ${JSON.stringify(value.body)}`).to.deep.equal([
      200,
      true,
    ]);
    const signedIn = await timed(signIn);
    expect([signedIn.value.status, signedIn.ms < SOON_MS], `${signedIn.ms} ms`).to.deep.equal([200, true]);
    const statuses = new Set((await Promise.all(sent)).map(({ status }) => status));
    expect(statuses).to.deep.equal(new Set([200]));
  });
});
