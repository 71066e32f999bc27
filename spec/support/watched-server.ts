// A server in a process of its own, whose event loop is watched. It answers the message `collect` with its memory in MiB that is in use
// after a collection of garbage, and every other message with the report since the last one.
import { openApp } from '../../lib/app.ts';
import { readConfig } from '../../lib/config.ts';
import { quiet } from '../../lib/log.ts';
import { collectGarbage } from './collect-garbage.ts';
import { startWatchdog } from './loop-watchdog.ts';

const [, , databaseUrl = 'sqlite::memory:', more = '{}'] = process.argv;
const given = JSON.parse(more) as Record<string, string>;
const settings = { PORT: '0', DATABASE_URL: databaseUrl, LOG_LEVEL: 'silent', ...given };
const app = await openApp(readConfig({ env: settings, cwd: '/nowhere' }), quiet);
const watchdog = startWatchdog();
process.on('message', (asked) => process.send?.(asked === 'collect' ? liveMiB() : watchdog.take()));
process.on('disconnect', () => {
  watchdog.stop();
  void app.close();
});
process.send?.(app.url);

/** The memory in use after a collection of garbage, in MiB. */
function liveMiB(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round((heapUsed + external) / 1024 ** 2);
}
