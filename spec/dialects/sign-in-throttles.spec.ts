import { expect } from 'chai';
import {
  openChatWorld,
  password,
  registerUser,
  type ChatUser,
  type ChatWorld,
} from '../support/chat-world.ts';

describe('sign-ins over HTTP', () => {
  let world: ChatWorld;
  let user: ChatUser;
  beforeEach(async () => {
    world = await openChatWorld({ TRUSTED_PROXIES: '127.0.0.1', PUBLIC_URL: 'http://localhost' });
    user = await registerUser(world);
  });
  afterEach(() => world.close());

  type SignIn = (from: string, secret: string, headers?: Record<string, string>) => Promise<number>;
  const byEmail: SignIn = async (from, secret, headers = {}) =>
    (
      await world.call('POST', '/user/login', {
        body: { email: user.email, password: secret },
        headers: { 'x-forwarded-for': from, ...headers },
      })
    ).status;
  const byForm: SignIn = async (from, secret, headers = {}) =>
    (
      await world.call('POST', '/api/v1/session/oauth2/token', {
        body: new URLSearchParams({ username: user.username, password: secret }).toString(),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-forwarded-for': from,
          ...headers,
        },
      })
    ).status;

  for (const [name, signIn] of Object.entries({ 'POST /user/login': byEmail, 'the form of AIDeer': byForm }))
    it(`with ${name}: nine wrong passwords refuse their own network, and neither the owner's nor his browser`, async () => {
      const statuses: number[] = [];
      for (let at = 0; at < 9; at += 1) statuses.push(await signIn(`192.0.2.${at}`, 'a wrong one'));
      expect(statuses).to.deep.equal([401, 401, 401, 401, 401, 429, 429, 429, 429]);
      expect(await signIn('192.0.2.200', password)).to.equal(429);
      expect(await signIn('192.0.2.200', password, { cookie: 'refresh_token=rt_nonsense' })).to.equal(429);
      expect(await signIn('192.0.2.200', password, { cookie: `refresh_token=${user.refresh}` })).to.equal(
        200,
      );
      expect(await signIn('198.51.100.1', password)).to.equal(200);
    });
});
