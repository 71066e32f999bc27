import type { Command } from 'commander';
import { packageVersion } from '../package.ts';
import { openOwnServer } from './server.ts';
import { nextSignal } from './signals.ts';

/** Adds `serve`: the server, until a signal. Its stdout is one line with its URL. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the server; its settings come from the environment, .env.local and .env')
    .action(async () => {
      const stop = nextSignal();
      const server = await openOwnServer();
      process.stdout.write(`lite-agent ${packageVersion()} listening on ${server.url}\n`);
      await stop.signal;
      await server.close();
      stop.cancel();
    });
}
