import { resolve } from 'node:path';
import type { Command } from 'commander';
import { restore } from '../backup/restore.ts';
import { readConfig } from '../config.ts';
import { print } from './io.ts';

/** Adds `restore`: puts a backup into an empty place. */
export function addRestore(program: Command): void {
  program
    .command('restore <file>')
    .description('put a backup into the empty DATA_DIR and DATABASE_URL of the settings')
    .action(async (name: string) => {
      const { version, madeAt, stoppedTasks } = await restore(readConfig(), resolve(name));
      await print(
        process.stdout,
        `The backup of ${madeAt} (version ${version}) is restored. Start the server.\n` +
          (stoppedTasks === 0
            ? ''
            : `${stoppedTasks} open task${stoppedTasks === 1 ? ' ends' : 's end'} as stopped: nothing more is sent for them.\n`) +
          'A backup is older than the world: a write that it does not know may have been made since. Read the state of the devices first.\n' +
          'Check the audit log with `lite-agent audit verify`.\n',
      );
    });
}
