import { expect } from 'chai';
import { accessRows, createThings, type Things } from '../support/access-rows.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../support/threads.ts';
import { waitFor } from '../support/wait-for.ts';

/** What the owner gets where the request goes on to something that is not there: a message, a model's endpoint. */
const beyond: Record<string, number> = {
  'POST /apps/{app_id}/messages/{message_id}/delete': 404,
  'POST /conversation/generate_title': 502,
  'POST /api/v1/conversation/generate_title': 502,
};

describe('the access to each route', function () {
  this.timeout(60_000);
  let server: ThreadServer;
  let owner: Caller;
  let other: Caller;
  let admin: Caller;
  let disabled: Caller;
  let things: Things;
  let routes: string[];
  before(async () => {
    server = await openThreadServer({ AUTH: 'required' });
    owner = await server.caller('owner');
    other = await server.caller('other');
    admin = await server.caller('admin', 'admin');
    disabled = await server.caller('disabled');
    await server.accounts.users.disable(disabled.user.uuid);
    things = createThings(owner, admin);
    const { body } = await server.call('GET', '/openapi.json');
    routes = Object.entries((body as { paths: Record<string, object> }).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
  });
  after(() => server.close());

  it('is put on record where a known caller is refused', async () => {
    const thread = await things.thread();
    await other.call('GET', `/v1/threads/${thread}`);
    const entries = (): Promise<object[]> => server.accounts.audit.list({ user: other.user.uuid, limit: 10 });
    await waitFor(async () => (await entries()).length > 0);
    expect((await entries())[0]).to.deep.include({
      event: 'access_refused',
      user: other.user.uuid,
      detail: { what: `/v1/threads/${thread}`, dialect: 'openai' },
    });
  });

  it('is said by a row for every route, and for no other', () => {
    expect(routes.length).to.be.above(100);
    expect(Object.keys(accessRows)).to.have.members(routes);
  });

  for (const [name, row] of Object.entries(accessRows)) {
    it(`${name}: ${row.who}`, async () => {
      const [method = '', template = ''] = name.split(' ');
      const place = template.replaceAll(/\{\w+\}/g, 'x');
      /** What is asked for is made anew for each: somebody may take it away. */
      async function statusOf(caller: Pick<Caller, 'call'>): Promise<number> {
        const { path, body } = (await row.request?.(things)) ?? { path: place, body: undefined };
        return (await caller.call(method, path, body?.())).status;
      }
      const strangers = [await statusOf(server), await statusOf(disabled)];
      const [others, admins, owners] = [await statusOf(other), await statusOf(admin), await statusOf(owner)];
      const told = `${strangers.join(' ')} | ${others} ${admins} ${owners}`;
      if (row.who === 'anybody') {
        expect(new Set([...strangers, others, admins, owners]).size, told).to.equal(1);
        return;
      }
      if (row.who === 'another token') {
        expect([...strangers, others, admins, owners], told).to.deep.equal([401, 400, 400, 400, 400]);
        return;
      }
      expect(strangers, told).to.deep.equal([401, 401]);
      if (row.who === 'users') {
        for (const status of [others, admins, owners])
          expect(status, told).to.be.below(500).and.not.oneOf([401, 403]);
        return;
      }
      const adminsToo = 'admins' in row && row.admins !== undefined;
      const may = row.who === 'admins' ? [admins] : adminsToo ? [admins, owners] : [owners];
      const mayNot = row.who === 'admins' ? [others, owners] : adminsToo ? [others] : [others, admins];
      const refused = 'others' in row ? row.others : 403;
      for (const status of mayNot) expect(status, told).to.equal(refused);
      if (name in beyond) expect(may, told).to.deep.equal(may.map(() => beyond[name]));
      else for (const status of may) expect(status, told).to.be.below(400);
    });
  }
});
