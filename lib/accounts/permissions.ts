import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';

/** The kinds of principals. `unapproved`: a user who made the account himself, and whom no admin has approved yet. */
export const standings = ['anonymous', 'operator', 'admin', 'user', 'unapproved', 'visitor'] as const;
/** The kind of a principal. */
export type Standing = (typeof standings)[number];

/** The scopes of machine keys. The scope `app:<id>` is beside them: it is for one app. */
export const keyScopes = ['chat', 'devices', 'admin', 'metrics'] as const;
type KeyScope = (typeof keyScopes)[number] | 'app';

/** The scope of a key for one app: this, and the id of the app. */
const APP = 'app:';

/** Whether a text is a scope of keys. */
export function isKeyScope(text: string): boolean {
  return keyScopes.some((scope) => scope === text) || /^app:[\w-]{1,100}$/.test(text);
}

/** One row of the table. */
export interface Permission {
  /** The action, for people. */
  readonly means: string;
  readonly standings: readonly Standing[];
  /** The scopes with which a key of such a user may do it, too. */
  readonly scopes: readonly KeyScope[];
}

const users = ['admin', 'user', 'unapproved', 'visitor'] as const;
const talkers = ['anonymous', 'operator', 'admin', 'user', 'unapproved'] as const;
const trusted = ['anonymous', 'operator', 'admin', 'user'] as const;
const admins = ['anonymous', 'operator', 'admin'] as const;

/**
 * Who may do what: the only such table. Everybody may do it to his own things only (`mayUse`), except for what `manage …`
 * says. `lib/docs/permissions.md` shows the table.
 */
export const permissions = {
  look: {
    means: 'see its own things and the public ones',
    standings,
    scopes: ['chat', 'devices', 'admin'],
  },
  stop: {
    means: 'stop the tasks of its own sessions',
    standings,
    scopes: ['chat', 'devices'],
  },
  chat: {
    means: 'talk to models; keep conversations, files, memory, presets and model configurations',
    standings: talkers,
    scopes: ['chat', 'devices'],
  },
  'look at an app': {
    means: 'see its own app, its messages and its memory',
    standings,
    scopes: ['chat', 'devices', 'admin', 'app'],
  },
  'use an app': {
    means: 'talk to its own app',
    standings: talkers,
    scopes: ['chat', 'devices', 'app'],
  },
  'make an app': {
    means: 'make, change, publish and delete apps',
    standings: talkers,
    scopes: ['devices'],
  },
  'bring a document': {
    means: 'open a session, or configure an app, with documents of devices',
    standings: trusted,
    scopes: ['devices'],
  },
  'use a device': {
    means:
      'say something to a session or an app that has documents, devices, or other sessions as tools; use a device that the server knows',
    standings: trusted,
    scopes: ['devices', 'app'],
  },
  // A program that talks to devices with a key of its user must not approve its own calls.
  'decide about calls': {
    means:
      'approve or reject a call that waits, as the person who asked or as another one who may use the device',
    standings: trusted,
    scopes: ['admin'],
  },
  'change the account': {
    means: 'change its own name, e-mail, password and picture; make and revoke keys; remove the account',
    standings: users,
    scopes: [],
  },
  'manage devices': {
    means: 'register, change and remove devices that the server knows; bring documents in any case',
    standings: admins,
    scopes: ['admin'],
  },
  'command devices': {
    means: 'approve calls as an admin, release emergency stops, read the audit log of calls',
    standings: admins,
    scopes: ['admin'],
  },
  // A program that watches the server needs no other right of its admin.
  'read metrics': {
    means: 'read the metrics of the server (`METRICS`)',
    standings: admins,
    scopes: ['admin', 'metrics'],
  },
  'manage users': {
    means: 'list, make, approve, change and remove users',
    standings: admins,
    scopes: ['admin'],
  },
  'manage credits': {
    means: 'make, see and remove codes that give credits',
    standings: admins,
    scopes: ['admin'],
  },
  'manage presets': {
    means: 'make public presets; see, change and remove those of others',
    standings: admins,
    scopes: ['admin'],
  },
  'chat without credits': {
    means: 'let models answer in chats without paying credits',
    standings: admins,
    scopes: ['chat', 'devices', 'admin'],
  },
} as const satisfies Record<string, Permission>;

/** Something that a principal may do, or may not. */
export type Action = keyof typeof permissions;

/** The row of an action. */
export function permissionFor(action: Action): Permission {
  return permissions[action];
}

/** Whether a principal may do something. `app` is the id of the app that the action is about, where there is one. */
export function may(principal: Principal, action: Action, app?: string): boolean {
  return objection(principal, action, app) === undefined;
}

/** Throws `forbidden` unless the principal may do it; the message says what to do. */
export function requirePermission(principal: Principal, action: Action, app?: string): void {
  const text = objection(principal, action, app);
  if (text !== undefined) throw new AppError('forbidden', text);
}

/** The kind of a principal. */
function standingOf({ kind, account }: Principal): Standing {
  if (kind !== 'user') return kind;
  if (!account || account.role === 'visitor') return 'visitor';
  // An admin needs no approval.
  return account.role === 'admin' || account.approved ? account.role : 'unapproved';
}

/** Why a principal may not do something; undefined where it may. */
function objection(principal: Principal, action: Action, app: string | undefined): string | undefined {
  const standing = standingOf(principal);
  const { standings: who, scopes } = permissionFor(action);
  if (!who.includes(standing)) return refusalOf(standing, who);
  const credential = principal.account?.credential;
  // A sign-in has all rights of its user.
  if (credential?.kind !== 'key') return undefined;
  if (scopes.length === 0) return 'A key may not do this: sign in.';
  if (credential.scopes.some((scope) => allows(scopes, scope, app))) return undefined;
  const enough = scopes.map((scope) => (scope === 'app' ? 'app:<id>' : scope)).join(' or ');
  return `The scopes of the key are ${credential.scopes.join(', ') || 'none'}: this needs a key with the scope ${enough}.`;
}

/** Whether a scope of a key is one of the scopes of an action. The scope of one app counts for this app alone. */
function allows(scopes: readonly KeyScope[], scope: string, app: string | undefined): boolean {
  if (scope.startsWith(APP)) return scopes.includes('app') && scope === `${APP}${app}`;
  return scopes.some((one) => one === scope);
}

/** The answer to a principal whose kind may not do something that these kinds may. */
function refusalOf(standing: Standing, who: readonly Standing[]): string {
  if (!users.some((one) => one === standing))
    return 'This call is for users: sign in, or show a key of a user.';
  if (!who.includes('user')) return 'This is for admins.';
  if (standing === 'visitor')
    return 'Visitors may only look: ask an admin for the role of a user (`lite-agent user role NAME user`).';
  return 'Your account is not approved: ask an admin (`lite-agent user approve NAME`). Until then you may chat, without documents and devices.';
}
