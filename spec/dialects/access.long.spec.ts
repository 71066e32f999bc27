import { expect } from 'chai';
import { permissionFor, type Action } from '../../lib/accounts/permissions.ts';
import { accessRows, createThings, type Things } from '../support/access-rows.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../support/threads.ts';
import { waitFor } from '../support/wait-for.ts';

/** What the owner gets where the request goes on to something that is not there: a message, a model's endpoint. */
const beyond: Record<string, number> = {
  'POST /apps/{app_id}/messages/{message_id}/delete': 404,
  'POST /apps/{app_id}/chat': 400, // it is not published
  'POST /v1/threads/{thread}/runs/{run}/submit_tool_outputs': 400, // it waits for none
  'GET /v1/threads/{thread}/runs/{run}/steps/{step}': 404,
  'POST /conversation/generate_title': 502,
  'POST /chat/generate_title': 502,
  'POST /api/v1/conversation/generate_title': 502,
  'POST /api/v1/chat/generate_title': 502,
};

/** The action that a route asks for where the thing of the path is the caller's own, or only admins may have it. */
const narrower: Record<string, Action> = {
  'PUT /api/v1/users/{id}': 'change the account',
  'DELETE /api/v1/users/{id}': 'manage users',
};
/** Calls in which a key or a visitor acts for somebody; `app` is the id of an app of another user. */
const limited = ['visitor', 'unapproved', 'chat', 'devices', 'admin', 'app'] as const;

describe('the access to each route', function () {
  this.timeout(60_000);
  let server: ThreadServer;
  let owner: Caller;
  let other: Caller;
  let admin: Caller;
  let disabled: Caller;
  let things: Things;
  let routes: string[];
  /** The action of each route, as the served description names it. */
  const actionOf = new Map<string, Action>();
  before(async () => {
    server = await openThreadServer({ AUTH: 'required' });
    owner = await server.caller('owner');
    other = await server.caller('other');
    admin = await server.caller('admin', 'admin');
    disabled = await server.caller('disabled');
    await server.accounts.users.disable(disabled.user.uuid);
    things = createThings(owner, admin);
    const { body } = await server.call('GET', '/openapi.json');
    type Operation = { 'x-permission'?: Action };
    const { paths } = body as { paths: Record<string, Record<string, Operation>> };
    routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => {
        const name = `${method.toUpperCase()} ${path}`;
        const action = narrower[name] ?? operation['x-permission'];
        if (action) actionOf.set(name, action);
        return name;
      }),
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

  /** Runs a call as the subject with fewer rights: in another standing, or with a key of one scope. */
  async function asLimited<T>(
    subject: Caller,
    limit: (typeof limited)[number],
    work: (as: Pick<Caller, 'call'>) => Promise<T>,
  ): Promise<T> {
    const { users, apiKeys } = server.accounts;
    const { uuid, role } = subject.user;
    if (limit === 'visitor' || limit === 'unapproved') {
      const change = (values: { role?: typeof role; approved_at?: number | null }) =>
        server.accounts.db.updateTable('users').set(values).where('uuid', '=', uuid).execute();
      await change(limit === 'visitor' ? { role: 'visitor' } : { approved_at: null });
      try {
        return await work(subject);
      } finally {
        await users.approve(uuid);
        await change({ role });
      }
    }
    const scope = limit === 'app' ? 'app:5e2f2a1e-0000-4000-8000-000000000000' : limit;
    const { key } = await apiKeys.create(uuid, { scopes: [scope] });
    return work({ call: server.as(key) });
  }

  for (const [name, row] of Object.entries(accessRows)) {
    it(`${name}: what the table of permissions says, for visitors, users who are not approved, and keys`, async () => {
      const [method = '', template = ''] = name.split(' ');
      const action = actionOf.get(name);
      const subject = row.who === 'admins' ? admin : owner;
      const outcomes: Record<string, string> = {};
      const expected: Record<string, string> = {};
      for (const limit of limited) {
        if (subject === admin && (limit === 'visitor' || limit === 'unapproved')) continue;
        // Everything is made before the caller is limited.
        const { path, body } = (await row.request?.(things)) ?? {
          path: template.replaceAll(/\{\w+\}/g, 'x'),
          body: undefined,
        };
        const { status } = await asLimited(subject, limit, ({ call }) => call(method, path, body?.()));
        outcomes[limit] = status === 403 ? 'refused' : 'let in';
        expected[limit] = action === undefined || mayDo(action, subject, limit) ? 'let in' : 'refused';
      }
      expect(outcomes).to.deep.equal(expected);
    });

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

/** What the table says about a subject with fewer rights. */
function mayDo(action: Action, { user }: Caller, limit: (typeof limited)[number]): boolean {
  const { standings, scopes } = permissionFor(action);
  if (limit === 'visitor' || limit === 'unapproved') return standings.includes(limit);
  // The key for one app is for another app than the one of the path.
  return limit !== 'app' && scopes.includes(limit) && standings.includes(user.role);
}
