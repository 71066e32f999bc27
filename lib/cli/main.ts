import { Command, CommanderError } from 'commander';
import { AppError } from '../errors.ts';
import { packageVersion } from '../package.ts';
import { exitText } from './exit-text.ts';

/** Adds one command to the program. Its action throws an AppError, or sets `process.exitCode` to 1, when it fails. */
type AddCommand = (program: Command) => void;

/** Every command by its name, in the order of `--help`, and the file that adds it: a command line loads its own alone. */
const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  serve: async () => (await import('./serve.ts')).addServe,
  demo: async () => (await import('./demo.ts')).addDemo,
  init: async () => (await import('./init.ts')).addInit,
  chat: async () => (await import('./chat.ts')).addChat,
  run: async () => (await import('./run.ts')).addRun,
  tools: async () => (await import('./tools.ts')).addTools,
  call: async () => (await import('./call.ts')).addCall,
  watch: async () => (await import('./watch.ts')).addWatch,
  mcp: async () => (await import('./mcp.ts')).addMcp,
  simulate: async () => (await import('./simulate.ts')).addSimulate,
  user: async () => (await import('./user.ts')).addUser,
  device: async () => (await import('./device.ts')).addDevice,
  approvals: async () => (await import('./approvals.ts')).addApprovals,
  estop: async () => (await import('./estop.ts')).addEstop,
  audit: async () => (await import('./audit.ts')).addAudit,
  backup: async () => (await import('./backup.ts')).addBackup,
  restore: async () => (await import('./restore.ts')).addRestore,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  completion: async () => (await import('./completion.ts')).addCompletion,
};

/** The command line with these commands, or all; parsing throws a CommanderError instead of ending the process. */
export async function createProgram(names: readonly string[] = Object.keys(commands)): Promise<Command> {
  const program = new Command('lite-agent')
    .description('People talk to their devices, and the devices do exactly what was meant, once.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('(--help tells more)');
  // One after the other: `--help` shows them in this order.
  for (const name of names) (await commands[name]!())(program);
  return program;
}

/**
 * Runs one command line and returns its exit code: 0 done, 1 failed, 2 wrong usage or settings. Data goes to stdout, all
 * other text to stderr.
 */
export async function main(argv: readonly string[]): Promise<number> {
  // A reader may close the pipe early (`lite-agent tools … | head`). Later text is dropped.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  try {
    const program = await createProgram(commandsOf(argv));
    await program.parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`lite-agent: ${exitText(error)}\n`);
    return error instanceof AppError && error.code === 'invalid_request' ? 2 : 1;
  }
}

/** The commands that a command line needs; undefined for all: for the help, the closest name and the completion of a shell. */
function commandsOf([first = '']: readonly string[]): readonly string[] | undefined {
  if (first === '-V' || first === '--version') return [];
  if (first === 'completion') return undefined;
  return Object.hasOwn(commands, first) ? [first] : undefined;
}
