// A server in a process of its own, whose event loop is watched. It answers each message with the report since the last one.
import { openApp } from '../../lib/app.ts';
import { readConfig } from '../../lib/config.ts';
import { quiet } from '../../lib/log.ts';
import { startWatchdog } from './loop-watchdog.ts';

const [, , databaseUrl = 'sqlite::memory:', more = '{}'] = process.argv;
const given = JSON.parse(more) as Record<string, string>;
const settings = { PORT: '0', DATABASE_URL: databaseUrl, LOG_LEVEL: 'silent', ...given };
const app = await openApp(readConfig({ env: settings, cwd: '/nowhere' }), quiet);
const watchdog = startWatchdog();
process.on('message', () => process.send?.(watchdog.take()));
process.on('disconnect', () => {
  watchdog.stop();
  void app.close();
});
process.send?.(app.url);
