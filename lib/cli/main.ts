import { Command, CommanderError } from 'commander';
import { AppError } from '../errors.ts';
import { packageVersion } from '../package.ts';
import { addApprovals } from './approvals.ts';
import { addAudit } from './audit.ts';
import { addCall } from './call.ts';
import { addChat } from './chat.ts';
import { addCompletion } from './completion.ts';
import { addDemo } from './demo.ts';
import { addDevice } from './device.ts';
import { addDoctor } from './doctor.ts';
import { addEstop } from './estop.ts';
import { exitText } from './exit-text.ts';
import { addInit } from './init.ts';
import { addMcp } from './mcp.ts';
import { addRun } from './run.ts';
import { addServe } from './serve.ts';
import { addSimulate } from './simulate.ts';
import { addTools } from './tools.ts';
import { addUser } from './user.ts';
import { addWatch } from './watch.ts';

/** Adds one command to the program. Its action throws an AppError, or sets `process.exitCode` to 1, when it fails. */
type AddCommand = (program: Command) => void;

/** Every command, in the order of `--help`. */
const commands: readonly AddCommand[] = [
  addServe,
  addDemo,
  addInit,
  addChat,
  addRun,
  addTools,
  addCall,
  addWatch,
  addMcp,
  addSimulate,
  addUser,
  addDevice,
  addApprovals,
  addEstop,
  addAudit,
  addDoctor,
  addCompletion,
];

/** The command line with all its commands; parsing throws a CommanderError instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('lite-agent')
    .description('People talk to their devices, and the devices do exactly what was meant, once.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('(--help tells more)');
  for (const add of commands) add(program);
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
    await createProgram().parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`lite-agent: ${exitText(error)}\n`);
    return error instanceof AppError && error.code === 'invalid_request' ? 2 : 1;
  }
}
