import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  keyScopes,
  may,
  permissionFor,
  permissions,
  requirePermission,
  standings,
  type Action,
  type Standing,
} from '../../lib/accounts/permissions.ts';
import type { Account, Principal } from '../../lib/core/principal.ts';
import { packageRoot } from '../../lib/package.ts';

const actions = Object.keys(permissions) as Action[];
const account: Account = {
  number: 1,
  name: 'ann',
  role: 'user',
  scopes: [],
  approved: true,
  credential: { kind: 'signIn', id: 's' },
  signedInAt: 0,
  expiresAt: null,
};
const user = (changes: Partial<Account>): Principal => ({
  id: 'ann',
  kind: 'user',
  account: { ...account, ...changes },
});
const keyOf = (role: Account['role'], ...scopes: string[]): Principal =>
  user({ role, credential: { kind: 'key', id: 'k', scopes } });
const principals: Record<Standing, Principal> = {
  anonymous: { id: 'anonymous', kind: 'anonymous' },
  operator: { id: 'operator', kind: 'operator' },
  admin: user({ role: 'admin', approved: false }),
  user: user({}),
  unapproved: user({ approved: false }),
  visitor: user({ role: 'visitor' }),
};
const allowed = (principal: Principal, app?: string) =>
  actions.filter((action) => may(principal, action, app));

function refusalOf(principal: Principal, action: Action): string {
  try {
    requirePermission(principal, action);
    return 'nothing was thrown';
  } catch (error) {
    return String(error);
  }
}

describe('the table "Who may do what"', () => {
  it('lets each kind of principal do this', () => {
    const visitor = ['look', 'stop', 'look at an app', 'change the account'];
    const unapproved = [...visitor, 'chat', 'use an app', 'make an app'];
    const trusted = [...unapproved, 'bring a document', 'use a device', 'decide about calls'];
    const admin = [
      ...trusted,
      'manage devices',
      'command devices',
      'read metrics',
      'manage users',
      'manage credits',
      'manage presets',
      'chat without credits',
    ];
    const withoutAccount = admin.filter((action) => action !== 'change the account');
    const expected: Record<Standing, string[]> = {
      anonymous: withoutAccount,
      operator: withoutAccount,
      admin,
      user: trusted,
      unapproved,
      visitor,
    };
    for (const standing of standings)
      expect(allowed(principals[standing]), standing).to.have.members(expected[standing]);
  });

  it('lets a key do what its scopes say, and never more than its user', () => {
    const chat = ['look', 'stop', 'chat', 'look at an app', 'use an app'];
    const devices = [...chat, 'make an app', 'bring a document', 'use a device'];
    const manage = [
      'manage devices',
      'command devices',
      'read metrics',
      'manage users',
      'manage credits',
      'manage presets',
      'chat without credits',
    ];
    expect(allowed(keyOf('user'))).to.deep.equal([]);
    expect(allowed(keyOf('user', 'chat'))).to.have.members(chat);
    expect(allowed(keyOf('user', 'devices'))).to.have.members(devices);
    expect(allowed(keyOf('user', 'admin'))).to.have.members(['look', 'look at an app', 'decide about calls']);
    expect(allowed(keyOf('admin', 'admin'))).to.have.members([
      'look',
      'look at an app',
      'decide about calls',
      ...manage,
    ]);
    expect(allowed(keyOf('admin', 'chat'))).to.have.members([...chat, 'chat without credits']);
    expect(allowed(keyOf('visitor', 'chat', 'devices', 'admin'))).to.have.members([
      'look',
      'stop',
      'look at an app',
    ]);
    const unapproved = user({ approved: false, credential: { kind: 'key', id: 'k', scopes: ['devices'] } });
    expect(allowed(unapproved)).to.have.members([...chat, 'make an app']);
  });

  it('lets a key for one app talk to this app, with its devices, and do nothing else', () => {
    const key = keyOf('user', 'app:a-1');
    expect(allowed(key, 'a-1')).to.have.members(['look at an app', 'use an app', 'use a device']);
    expect(allowed(key, 'a-2')).to.deep.equal([]);
    expect(allowed(key, 'a')).to.deep.equal([]);
    expect(allowed(key)).to.deep.equal([]);
    expect(allowed(keyOf('user', 'app:'), '')).to.not.include('chat');
    expect(allowed(keyOf('visitor', 'app:a-1'), 'a-1')).to.deep.equal(['look at an app']);
  });

  it('says to each what to do', () => {
    expect([
      refusalOf(principals.user, 'manage users'),
      refusalOf(principals.visitor, 'manage users'),
      refusalOf(principals.visitor, 'chat'),
      refusalOf(principals.unapproved, 'use a device'),
      refusalOf(principals.operator, 'change the account'),
      refusalOf(keyOf('user', 'chat', 'devices'), 'change the account'),
      refusalOf(keyOf('user', 'chat'), 'use a device'),
      refusalOf(keyOf('user', 'app:a-1'), 'chat'),
    ]).to.deep.equal([
      'AppError: This is for admins.',
      'AppError: This is for admins.',
      'AppError: Visitors may only look: ask an admin for the role of a user (`lite-agent user role NAME user`).',
      'AppError: Your account is not approved: ask an admin (`lite-agent user approve NAME`). Until then you may chat, without documents and devices.',
      'AppError: This call is for users: sign in, or show a key of a user.',
      'AppError: A key may not do this: sign in.',
      'AppError: The scopes of the key are chat: this needs a key with the scope devices or app:<id>.',
      'AppError: The scopes of the key are app:a-1: this needs a key with the scope chat or devices.',
    ]);
  });

  it('is the one that the manual shows', () => {
    const columns = (heads: readonly string[], marks: (action: Action, head: string) => boolean): string =>
      [
        `| action | means | ${heads.join(' | ')} |`,
        `|---|---|${heads.map(() => '---|').join('')}`,
        ...actions.map((action) => {
          const cells = heads.map((head) => (marks(action, head) ? 'yes' : '–'));
          return `| ${action} | ${permissionFor(action).means} | ${cells.join(' | ')} |`;
        }),
      ].join('\n');
    const includes = (some: readonly string[], one: string) => some.includes(one);
    const page = readFileSync(join(packageRoot(), 'lib/docs/permissions.md'), 'utf8');
    expect(page).to.include(
      columns(standings, (action, standing) => includes(permissionFor(action).standings, standing)),
    );
    const scopes = [...keyScopes, 'app'];
    const rows = actions.map((action) => {
      const cells = scopes.map((scope) => (includes(permissionFor(action).scopes, scope) ? 'yes' : '–'));
      return `| ${action} | ${cells.join(' | ')} |`;
    });
    const head = `| action | ${keyScopes.map((scope) => `\`${scope}\``).join(' | ')} | \`app:ID\` |`;
    expect(page).to.include([head, `|---|${scopes.map(() => '---|').join('')}`, ...rows].join('\n'));
  });
});
