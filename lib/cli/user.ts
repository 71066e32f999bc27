import { Option, type Command } from 'commander';
import type { Accounts } from '../accounts/accounts.ts';
import type { ApiKey } from '../accounts/api-keys.ts';
import { keyScopes } from '../accounts/permissions.ts';
import type { User } from '../accounts/users.ts';
import type { Role } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import { print } from './io.ts';
import { readPassword } from './read-password.ts';

/** The actor of a change, for the audit log: nobody is signed in here. */
const by = { by: 'command line' };
/** The roles, from the one with the fewest rights on. */
const roles: readonly Role[] = ['visitor', 'user', 'admin'];
/** More users than any installation has: `list` shows them all. */
const LIST_MAX = 1_000_000;

/** Every command prints a text for people, or one JSON value for programs. */
interface JsonOption {
  json?: boolean;
}

/** Adds a command below `user`: its usage, its description, and the shape of its JSON value. */
type AddUserCommand = (usage: string, description: string, shape: string) => Command;

/** Adds `user`: the users in the database of the settings. A running server sees a change with the next call. */
export function addUser(program: Command): void {
  const user = program
    .command('user')
    .description('manage the users who may call the server')
    .helpCommand(false);
  const command: AddUserCommand = (usage, description, shape) =>
    user.command(usage).description(description).option('--json', `print one JSON value: ${shape}`);
  const shape = '{"uuid","name","role","email","disabled"}';

  command('add <name>', 'create a user', '{"uuid","name","role"}')
    .option('--email <email>', 'an e-mail address, with which the user can sign in as well')
    .option(
      '--password <password>',
      'the password; without this option you are asked for it, or the first line of a pipe is read',
    )
    .addOption(new Option('--role <role>', 'the rights of the user').choices(roles).default('user'))
    .action((username: string, options: JsonOption & { email?: string; password?: string; role: Role }) =>
      withAccounts(async ({ passwords }) => {
        const password = options.password ?? (await readPassword(process.stdin, process.stderr));
        const made = await passwords.create(
          {
            username,
            password,
            role: options.role,
            ...(options.email !== undefined && { email: options.email }),
          },
          by,
        );
        const { uuid, name, role } = made;
        await show({ uuid, name, role }, options, `${name} is a user now (${role}, ${uuid})`);
      }),
    );
  command('list', 'show all users', `[${shape}]`).action((options: JsonOption) =>
    withAccounts(async ({ users }) => {
      const all = (await users.list({ offset: 0, limit: LIST_MAX })).users.map(valueOf);
      const lines = all.map(({ uuid, name, role, email, disabled, approved }) =>
        [
          uuid,
          role.padEnd(7),
          name,
          email ?? '',
          disabled ? 'disabled' : '',
          approved === false ? 'not approved' : '',
        ]
          .join('  ')
          .trimEnd(),
      );
      await show(all, options, lines.join('\n') || 'There are no users yet.');
    }),
  );
  command('disable <name>', 'disable a user, and close its open connections', shape).action(
    (login: string, options: JsonOption) =>
      withAccounts(async ({ users }) => {
        const changed = await users.disable((await find(users, login)).uuid, by);
        await show(valueOf(changed), options, `${changed.name} is disabled.`);
      }),
  );
  command('enable <name>', 'enable a disabled user again', shape).action(
    (login: string, options: JsonOption) =>
      withAccounts(async ({ users }) => {
        const changed = await users.enable((await find(users, login)).uuid, by);
        await show(valueOf(changed), options, `${changed.name} is enabled.`);
      }),
  );
  command(
    'approve <name>',
    'let a user who made the account himself bring documents and use devices',
    shape,
  ).action((login: string, options: JsonOption) =>
    withAccounts(async ({ users }) => {
      const changed = await users.approve((await find(users, login)).uuid, by);
      await show(valueOf(changed), options, `${changed.name} is approved.`);
    }),
  );
  addEndCommands(command);
  command('role <name> <role>', `change the role of a user: ${roles.join(', ')}`, shape).action(
    (login: string, role: string, options: JsonOption) =>
      withAccounts(async ({ users }) => {
        const known = roles.find((one) => one === role);
        if (known === undefined)
          throw new AppError('invalid_request', `"${role}" is none of ${roles.join(', ')}.`);
        const changed = await users.setRole((await find(users, login)).uuid, known, by);
        await show(valueOf(changed), options, `${changed.name} has the role ${known}.`);
      }),
  );
  command(
    'scopes <name> [scope...]',
    'set the scopes of a user; scopes that are not listed are removed. Example: add_more_model_config',
    '{"uuid","name","scopes"}',
  ).action((login: string, scopes: string[], options: JsonOption) =>
    withAccounts(async ({ users }) => {
      const changed = await users.setScopes((await find(users, login)).uuid, scopes, by);
      const { uuid, name } = changed;
      const text = `${name} has ${changed.scopes.join(' ') || 'no scopes'}.`;
      await show({ uuid, name, scopes: changed.scopes }, options, text);
    }),
  );
  command(
    'token <name>',
    'create a token that is valid for a short time, for trials',
    '{"token","expires_in"}',
  ).action((login: string, options: JsonOption) =>
    withAccounts(async ({ users, signIns }) => {
      const { uuid } = await find(users, login);
      const made = await signIns.begin(uuid, { method: 'command line' });
      const value = { token: made.accessToken, expires_in: made.expiresInSeconds };
      await show(value, options, made.accessToken);
    }),
  );
  addKeyCommands(command);
}

/** Adds the commands that end something: an old password, and a user. */
function addEndCommands(command: AddUserCommand): void {
  command('password <name>', 'set a new password, and end all sign-ins of the user', '{"uuid","name"}')
    .option(
      '--password <password>',
      'the password; without this option you are asked for it, or the first line of a pipe is read',
    )
    .action((login: string, options: JsonOption & { password?: string }) =>
      withAccounts(async ({ users, passwords }) => {
        const { uuid, name } = await find(users, login);
        const password = options.password ?? (await readPassword(process.stdin, process.stderr));
        await passwords.set(uuid, password, by);
        await show({ uuid, name }, options, `${name} has a new password, and is signed out everywhere.`);
      }),
    );
  command(
    'remove <name>',
    'remove a user; the server removes its sessions, files and other data when it runs next',
    '{"uuid","removed"}',
  ).action((login: string, options: JsonOption) =>
    withAccounts(async ({ users }) => {
      const { uuid, name } = await find(users, login);
      await users.remove(uuid, by);
      const text = `${name} is removed; a server removes its sessions, files and other data within ten minutes.`;
      await show({ uuid, removed: true }, options, text);
    }),
  );
}

/** Adds the commands for keys of machines. */
function addKeyCommands(command: AddUserCommand): void {
  command('key <name>', 'create a key for a machine; the key is shown only once', '{"key"}')
    .option(
      '--scope <scope...>',
      `the scopes of the key: ${keyScopes.join(', ')}, or app:ID for one app; chat and devices when missing`,
    )
    .option('--dialect <dialect...>', 'the APIs that the key is for; all when missing')
    .action((login: string, options: JsonOption & { scope?: string[]; dialect?: string[] }) =>
      withAccounts(async ({ users, apiKeys }) => {
        const { uuid } = await find(users, login);
        const { scope: scopes, dialect: dialects } = options;
        const { key } = await apiKeys.create(uuid, {
          name: 'command line',
          ...(scopes && { scopes }),
          ...(dialects && { dialects }),
        });
        await show({ key }, options, key);
      }),
    );
  command(
    'keys <name>',
    'show the keys of a user that are not revoked',
    '[{"id","name","masked","scopes","dialects"}]',
  ).action((login: string, options: JsonOption) =>
    withAccounts(async ({ users, apiKeys }) => {
      const { uuid } = await find(users, login);
      const all = (await apiKeys.list(uuid)).map(keyValueOf);
      const lines = all.map(({ id, masked, scopes, dialects, name }) =>
        [id, masked, scopes.join(' '), dialects.join(' ') || 'all APIs', name].join('  ').trimEnd(),
      );
      await show(all, options, lines.join('\n') || 'There are no keys.');
    }),
  );
  command(
    'revoke-key <name> <id>',
    'revoke a key, and close its open connections; keys shows the ids',
    '{"id","revoked"}',
  ).action((login: string, id: string, options: JsonOption) =>
    withAccounts(async ({ users, apiKeys }) => {
      const { uuid, name } = await find(users, login);
      if (!(await apiKeys.revoke(uuid, id)))
        throw new AppError(
          'not_found',
          `${name} has no key "${id}": \`lite-agent user keys ${login}\` shows the keys.`,
        );
      await show({ id, revoked: true }, options, `The key ${id} is revoked.`);
    }),
  );
}

/** Loads the accounts only when a command needs them, because that takes time. */
async function withAccounts(work: (accounts: Accounts) => Promise<void>): Promise<void> {
  const { openOwnAccounts } = await import('./accounts.ts');
  const accounts = await openOwnAccounts();
  try {
    await work(accounts);
  } finally {
    await accounts.close();
  }
}

/**
 * The user of a login (a username, an e-mail or a uuid), else the only user of this display name, which the list shows. Throws
 * `not_found`, and `conflict` for the display name of several users.
 */
async function find(users: Accounts['users'], login: string): Promise<User> {
  const user = await users.findByLogin(login);
  // A login is unique. A display name is not, and counts only where one user has it.
  if (user) return user;
  const all = (await users.list({ offset: 0, limit: LIST_MAX })).users;
  const [named, ...others] = all.filter(({ name }) => name === login);
  if (!named) throw new AppError('not_found', `There is no user "${login}".`);
  if (others.length === 0) return named;
  const ids = [named, ...others].map(({ uuid }) => uuid).join(', ');
  throw new AppError(
    'conflict',
    `${others.length + 1} users have the name "${login}": name one by its uuid (${ids}).`,
  );
}

/** A user as `--json` shows it; a password or a key is never a part of it. */
function valueOf({ uuid, name, role, email, disabled, approved }: User) {
  // Only while an admin has to do something.
  return { uuid, name, role, email, disabled, ...(!approved && { approved }) };
}

/** A key as `--json` shows it, without its secret text. */
function keyValueOf({ id, name, masked, scopes, dialects }: ApiKey) {
  return { id, name, masked, scopes, dialects };
}

/** Prints the value as JSON, or the text. */
function show(value: object, { json = false }: JsonOption, text: string): Promise<void> {
  return print(process.stdout, `${json ? JSON.stringify(value) : text}\n`);
}
