import { Option, type Command } from 'commander';
import type { Accounts } from '../accounts/accounts.ts';
import type { User } from '../accounts/users.ts';
import type { Role } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import { print } from './io.ts';
import { readPassword } from './read-password.ts';

const by = { by: 'command line' };
const roles: readonly Role[] = ['visitor', 'user', 'admin'];
const LIST_MAX = 1_000_000;

interface JsonOption {
  json?: boolean;
}

/** Adds `user`: the users in the database of the settings. A running server sees a change with the next call. */
export function addUser(program: Command): void {
  const user = program.command('user').description('the users: who may call').helpCommand(false);
  const command = (usage: string, description: string, shape: string) =>
    user.command(usage).description(description).option('--json', `print one JSON value: ${shape}`);
  const shape = '{"uuid","name","role","email","disabled"}';

  command('add <name>', 'make a user', '{"uuid","name","role"}')
    .option('--email <email>', 'an e-mail address to sign in with too')
    .option('--password <password>', 'the password; without it you are asked, or a line is read from a pipe')
    .addOption(new Option('--role <role>', 'what the user may do').choices(roles).default('user'))
    .action((username: string, options: JsonOption & { email?: string; password?: string; role: Role }) =>
      withAccounts(async ({ passwords }) => {
        const password = options.password ?? (await readPassword(process.stdin, process.stderr));
        const made = await passwords.register(
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
      const lines = all.map(({ uuid, name, role, email, disabled }) =>
        [uuid, role.padEnd(7), name, email ?? '', disabled ? 'disabled' : ''].join('  ').trimEnd(),
      );
      await show(all, options, lines.join('\n') || 'There are no users yet.');
    }),
  );
  command('disable <name>', 'let a user in no longer, and end what it has open', shape).action(
    (login: string, options: JsonOption) =>
      withAccounts(async ({ users }) => {
        const changed = await users.disable((await find(users, login)).uuid, by);
        await show(valueOf(changed), options, `${changed.name} is disabled.`);
      }),
  );
  command('enable <name>', 'let a disabled user in again', shape).action(
    (login: string, options: JsonOption) =>
      withAccounts(async ({ users }) => {
        const changed = await users.enable((await find(users, login)).uuid, by);
        await show(valueOf(changed), options, `${changed.name} is enabled.`);
      }),
  );
  command('role <name> <role>', `give a user another role: ${roles.join(', ')}`, shape).action(
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
    'grant a user these scopes and no others, e.g. add_more_model_config',
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
    'make a token for a short time, to try things out',
    '{"token","expires_in"}',
  ).action((login: string, options: JsonOption) =>
    withAccounts(async ({ users, signIns }) => {
      const { uuid } = await find(users, login);
      const made = await signIns.begin(uuid, { method: 'command line' });
      const value = { token: made.accessToken, expires_in: made.expiresInSeconds };
      await show(value, options, made.accessToken);
    }),
  );
  command('key <name>', 'make a key for a machine, which is shown this once', '{"key"}').action(
    (login: string, options: JsonOption) =>
      withAccounts(async ({ users, apiKeys }) => {
        const { uuid } = await find(users, login);
        const { key } = await apiKeys.create(uuid, { name: 'command line' });
        await show({ key }, options, key);
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

async function find(users: Accounts['users'], login: string): Promise<User> {
  const user = await users.findByLogin(login);
  if (!user) throw new AppError('not_found', `There is no user "${login}".`);
  return user;
}

function valueOf({ uuid, name, role, email, disabled }: User) {
  return { uuid, name, role, email, disabled };
}

function show(value: object, { json = false }: JsonOption, text: string): Promise<void> {
  return print(process.stdout, `${json ? JSON.stringify(value) : text}\n`);
}
