import type { Command } from 'commander';
import { readConfig, type Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { packageVersion } from '../package.ts';
import { openOwnServer } from './server.ts';
import { settingTypos, typoText } from './setting-typos.ts';
import { nextSignal } from './signals.ts';
import { exposureOf, unsafeSettings } from '../unsafe.ts';

/** Adds `serve`: the server, until a signal. Its stdout is one line with its URL. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description(
      'run the server; its settings come from the environment, .env.local and .env; SIGHUP reads DEVICES_DIR and RULES_FILE again',
    )
    .action(async () => {
      const config = readConfig();
      // Before anything is opened: nobody can reach a server that is refused, not even for a moment.
      refuseUnsafe(config);
      for (const typo of settingTypos()) process.stderr.write(`lite-agent: ${typoText(typo)}\n`);
      // Before the server is opened: a signal that comes meanwhile ends it when it runs.
      const stop = nextSignal();
      const server = await openOwnServer();
      process.stdout.write(`lite-agent ${packageVersion()} listening on ${server.url}\n`);
      if (config.reachable) process.stderr.write(exposureOf(config, server.url));
      const reload = (): void => void server.reload();
      process.on('SIGHUP', reload);
      await stop.signal;
      process.off('SIGHUP', reload);
      await server.close();
      stop.cancel();
    });
}

/** Throws an AppError that names every setting with which a server must not be open to other machines. */
function refuseUnsafe(config: Config): void {
  const refused = unsafeSettings(config).filter((unsafe) => unsafe.refused);
  if (refused.length === 0) return;
  const lines = refused.map(({ setting, detail }) => `  ${setting} ${detail}`);
  throw new AppError(
    'invalid_request',
    `HOST=${config.host} is open to other machines, and not safe:\n${lines.join('\n')}`,
  );
}
